// Accuracy of float32 results of Torchstone, NumPy and PyTorch against float64 ones on the same inputs. Our float64
// result is the reference and is itself compared with PyTorch's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sample } from 'torchstone';
import type { Accuracy, AccuracyRow } from '../../reports/schema/index.js';
import { arrayFrom } from '../bench/engine-row.js';
import { BenchInputs } from '../bench/inputs.js';
import { prepareCall } from '../bench/sweep.js';
import { type Backend, ReferenceWorker } from '../bench/worker.js';
import { arrayOf } from '../common/bind.js';
import type { ArrayValue } from '../common/compare.js';
import type { RegisteredOp } from '../common/registry.js';
import type { SuiteOptions } from '../common/suite.js';
import { mapTensors } from '../common/tensor-specs.js';
import { type AccuracyCall, accuracyCalls } from './calls.js';
import { errorsAt, judgeable, summed } from './measure.js';

type Options = Pick<SuiteOptions, 'seed' | 'signal' | 'python'>;
type Numbers = ArrayLike<number>;

const CALL_MS = 30_000;

/** Measures every call; without a Python reference, our own results only. Never throws for what a reference does. */
export async function measureAccuracy(ops: readonly RegisteredOp[], options: Options): Promise<Accuracy> {
  const folder = mkdtempSync(join(tmpdir(), 'torchstone-accuracy-'));
  const { worker, missing } = await startWorker(options.python);
  const rows: AccuracyRow[] = [];
  try {
    for (const one of accuracyCalls(ops)) {
      if (options.signal.aborted) break;
      const row = await new Measured(one, options.seed, folder, worker).row();
      if (row !== undefined) rows.push(row);
    }
  } finally {
    worker?.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { dtype: 'float32', rows, ...(missing === undefined ? {} : { missing }) };
}

async function startWorker(
  python: string | undefined,
): Promise<{ worker?: ReferenceWorker; missing?: string }> {
  if (python === undefined) return { missing: 'no Python with NumPy and PyTorch: our own results only' };
  try {
    return { worker: await ReferenceWorker.start(python, 1) };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

interface PreparedCall {
  readonly inputs: BenchInputs;
  readonly prepared: ReturnType<typeof prepareCall>;
}

/** One call in both precisions. */
class Measured {
  readonly #call: AccuracyCall;
  readonly #seed: number;
  readonly #folder: string;
  readonly #worker: ReferenceWorker | undefined;

  constructor(call: AccuracyCall, seed: number, folder: string, worker: ReferenceWorker | undefined) {
    this.#call = call;
    this.#seed = seed;
    this.#folder = folder;
    this.#worker = worker;
  }

  /** Undefined where the result is not float32: there are no ULP. */
  async row(): Promise<AccuracyRow | undefined> {
    const { op, family, domain, sample } = this.#call;
    const single = this.#prepare(sample, 'single');
    const got = single.prepared.output!();
    if (got.dtype !== 'float32') return undefined;
    const double = this.#prepare(widened(sample, single.inputs), 'double');
    const truth = double.prepared.output!().data as Numbers;
    const at = judgeable(truth);
    const ours = errorsAt(got.data as Numbers, truth, at);
    const ask = (backend: Backend, of: PreparedCall) =>
      this.#ask(backend, of.prepared.reference[backend], got.shape);
    const [torch, numpy, torch64] = [
      await ask('torch', single),
      await ask('numpy', single),
      await ask('torch', double),
    ];
    const summary = (theirs: ArrayValue | undefined) =>
      theirs === undefined ? undefined : summed(errorsAt(theirs.data as Numbers, truth, at));
    return {
      op: op.name,
      family,
      domain,
      points: at.length,
      left: truth.length - at.length,
      ours: summed(ours),
      ...optional('torch', summary(torch)),
      // NumPy may answer in float64 what PyTorch answers in float32: that is no float32 result.
      ...optional('numpy', numpy?.dtype === 'float32' ? summary(numpy) : undefined),
      ...optional('truthApart', torch64 && summed(errorsAt(torch64.data as Numbers, truth, at)).max),
      ...this.#worst(ours, at, got.data as Numbers, truth, single.inputs),
    };
  }

  #prepare(sample: Sample, name: string): PreparedCall {
    const inputs = new BenchInputs(this.#seed, name, this.#worker && this.#folder);
    return { inputs, prepared: prepareCall(this.#call.op, sample, inputs) };
  }

  /** A reference's result; undefined where it has none of this shape. */
  async #ask(
    backend: Backend,
    workload: Record<string, unknown> | undefined,
    shape: readonly number[],
  ): Promise<ArrayValue | undefined> {
    if (!this.#worker || !workload) return undefined;
    const file = join(this.#folder, 'result.npy');
    try {
      await this.#worker.prepare('accuracy', backend, workload, CALL_MS);
      await this.#worker.output('accuracy', file, CALL_MS);
      const found = arrayFrom(file);
      return found.shape.join() === shape.join() ? found : undefined;
    } catch {
      // It lacks the function, an option or this dtype: its column stays empty.
      return undefined;
    }
  }

  /** Where our own error is greatest; of a pointwise op with its operands. */
  #worst(
    errors: Float64Array,
    at: readonly number[],
    got: Numbers,
    truth: Numbers,
    { tensors }: BenchInputs,
  ) {
    let worst = -1;
    errors.forEach((error, k) => {
      if (error > (errors[worst] ?? 0)) worst = k;
    });
    if (worst < 0) return {};
    const index = at[worst]!;
    const operands =
      this.#call.family === 'pointwise'
        ? { of: tensors.map((one) => Number((arrayOf(one).data as Numbers)[index])) }
        : {};
    return { worst: { ...operands, got: got[index]!, want: truth[index]! } };
  }
}

/** The same values in float64. */
function widened(sample: Sample, { tensors }: BenchInputs): Sample {
  return mapTensors(sample, (one, k) => {
    if ((one.dtype ?? 'float32') !== 'float32') return one;
    const values = Array.from(arrayOf(tensors[k]!).data as Numbers);
    return { ...one, dtype: 'float64', fill: { values } };
  });
}

function optional<K extends string, T>(name: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [key in K]: T });
}
