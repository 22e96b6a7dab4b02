// Replays one recorded sample in all its forms and compares it with PyTorch's answer.

import { autograd, manualSeed, NotImplementedError, Tensor } from 'torchstone';
import { jvpOf } from 'torchstone/internals';
import type { Column } from '../../reports/schema/index.js';
import { buildTensors, numbersIn, numbersOf, tensorOf, truthOf } from './arrays.js';
import { leavesOf, makeCall, NotDoneError, opFor, runProgram } from './call.js';
import { judge } from './judge.js';
import type { Frame, SampleHeader, WireArray, WireBackward, WireOutput } from './wire.js';

export interface Finding {
  readonly column: Column;
  readonly status: 'fail' | 'not done';
  readonly text: string;
}

/** How one sample came out. Columns that PyTorch gives nothing for are not there. */
export interface Outcome {
  readonly columns: Readonly<Partial<Record<Column, 'pass' | 'fail' | 'not done'>>>;
  readonly findings: readonly Finding[];
  readonly compared: number;
  /** Tensors outside the tolerance that are closer to the float64 result than PyTorch's. */
  readonly closer: number;
}

/** Results whose values are whatever was in memory. */
const UNINITIALISED = /^(torch\.(Tensor\.)?)(new_)?empty(_like|_strided|_permuted)?$|\.resize_(as_)?$/;

export function replaySample(frame: Frame<SampleHeader>): Outcome {
  return new Replay(frame).run();
}

class Replay {
  readonly #sample: SampleHeader;
  readonly #bytes: Uint8Array;
  readonly #columns: Partial<Record<Column, 'pass' | 'fail' | 'not done'>> = {};
  readonly #findings: Finding[] = [];
  /** Values are not compared: they are random or uninitialised. */
  readonly #loose: boolean;
  #compared = 0;
  #closer = 0;

  constructor({ header, bytes }: Frame<SampleHeader>) {
    this.#sample = header;
    this.#bytes = bytes;
    const calls = header.unsupported === undefined ? header.program.calls : [];
    this.#loose = header.random || calls.some((call) => call.paths.some((path) => UNINITIALISED.test(path)));
  }

  run(): Outcome {
    const sample = this.#sample;
    if (sample.unsupported === undefined && sample.program.calls.length === 0)
      this.#note('forward', 'not done', 'the oracle traced no call');
    else if (sample.unsupported !== undefined)
      this.#note('forward', 'not done', `the oracle: ${sample.unsupported}`);
    else {
      const wanted: Column[] = ['forward'];
      if (sample.backward !== undefined) wanted.push('backward');
      if (sample.backward?.second !== undefined) wanted.push('double');
      if (sample.forward !== undefined) wanted.push('forward mode');
      for (const column of wanted) this.#columns[column] = 'pass';
      this.#guard('forward', () => this.#forward());
      this.#others();
    }
    return {
      columns: this.#columns,
      findings: this.#findings,
      compared: this.#compared,
      closer: this.#closer,
    };
  }

  /** What follows from the result is not tried where there is none. */
  #others(): void {
    const sample = this.#sample;
    const absent = this.#findings.find((one) => one.status === 'not done' && one.column === 'forward');
    if (absent !== undefined) {
      for (const column of Object.keys(this.#columns) as Column[])
        if (column !== 'forward') this.#columns[column] = 'not done';
      return;
    }
    if (sample.method !== undefined) this.#guard('forward', () => this.#method(sample.method!));
    if (sample.inplace?.value !== undefined) this.#guard('forward', () => this.#inplace());
    if (sample.backward !== undefined) this.#guard('backward', () => this.#backward(sample.backward!));
    if (sample.forward !== undefined) this.#guard('forward mode', () => this.#forwardMode());
  }

  #note(column: Column, status: 'fail' | 'not done', text: string): void {
    if (this.#columns[column] !== 'fail') this.#columns[column] = status;
    this.#findings.push({ column, status, text });
  }

  #guard(column: Column, work: () => void): void {
    try {
      work();
    } catch (error) {
      const absent = error instanceof NotDoneError || error instanceof NotImplementedError;
      this.#note(column, absent ? 'not done' : 'fail', `throws ${showError(error)}`);
      // What was to follow was not reached.
      if (column === 'backward' && this.#columns.double !== undefined)
        this.#columns.double = absent ? 'not done' : 'fail';
    }
  }

  #inputs(withGrad: boolean): Tensor[] {
    return buildTensors(this.#sample.tensors, this.#sample.storages, this.#bytes, withGrad);
  }

  #run(inputs: readonly Tensor[]): unknown {
    manualSeed(this.#sample.seed);
    return runProgram(this.#sample.program, inputs);
  }

  /** Holds a tensor against a recorded value. */
  #compare(column: Column, what: string, got: unknown, want: WireArray): void {
    if (!(got instanceof Tensor)) {
      this.#note(column, 'fail', `${what} is ${String(got)}, want a tensor`);
      return;
    }
    if (this.#loose) {
      const [is, should] = [`${got.dtype.name}[${got.shape}]`, `${want.dtype}[${want.shape}]`];
      if (is !== should) this.#note(column, 'fail', `${what} is ${is}, want ${should}`);
      return;
    }
    const verdict = judge(numbersIn(got), numbersOf(want, this.#bytes), truthOf(want, this.#bytes));
    this.#compared += verdict.compared;
    if (verdict.closer) this.#closer++;
    if (verdict.problem !== '') this.#note(column, 'fail', `${what}: ${verdict.problem}`);
  }

  // --- the result ---

  #forward(): void {
    const { outputs, processed } = this.#sample;
    const inputs = this.#inputs(true);
    const got = leavesOf(this.#run(inputs));
    const want = wireLeaves(this.#sample.result);
    if (got.length !== want.length) {
      this.#note('forward', 'fail', `returns ${got.length} results, want ${want.length}`);
      return;
    }
    want.forEach((leaf, k) => {
      if ('plain' in leaf) this.#compared += 1;
      if ('o' in leaf) this.#output(k, got[k], outputs[leaf.o]!, inputs, processed !== undefined);
      else if (!samePlain(got[k], leaf.plain))
        this.#note('forward', 'fail', `result ${k} is ${String(got[k])}, want ${JSON.stringify(leaf.plain)}`);
    });
    if (processed !== undefined) {
      const values = leavesOf(runProgram(processed, inputs, tensorsOf(got))).filter(isTensor);
      processed.values.forEach((one, k) => {
        this.#compare('forward', `processed result ${k}`, values[k], one);
      });
    }
    this.#untouched(inputs);
  }

  #output(k: number, got: unknown, want: WireOutput, inputs: readonly Tensor[], processed: boolean): void {
    const what = `result ${k}`;
    if (!(got instanceof Tensor) || !processed) this.#compare('forward', what, got, want);
    else if (`${got.dtype.name}[${got.shape}]` !== `${want.dtype}[${want.shape}]`)
      this.#note(
        'forward',
        'fail',
        `${what} is ${got.dtype.name}[${got.shape}], want ${want.dtype}[${want.shape}]`,
      );
    if (!(got instanceof Tensor) || got.length === 0 || want.lazy) return;
    const shares = inputs.findIndex((one) => one.storage === got.storage);
    const wanted = want.view === null ? -1 : want.view;
    if (shares < 0 !== wanted < 0) {
      const words = (at: number) => (at < 0 ? 'has memory of its own' : `shares memory with input ${at}`);
      this.#note('forward', 'fail', `${what} ${words(shares)}; in PyTorch it ${words(wanted)}`);
    }
    this.#strides(what, got, want);
  }

  #strides(what: string, got: Tensor, want: WireOutput): void {
    if (String(got.shape) !== String(want.shape)) return;
    const differ = want.shape.some((size, dim) => size > 1 && got.strides[dim] !== want.strides[dim]);
    const view = want.view !== null;
    if (differ && (view || isContiguous(want.shape, want.strides)))
      this.#note('forward', 'fail', `${what}: strides are [${got.strides}], want [${want.strides}]`);
    if (view && got.offset !== want.offset)
      this.#note('forward', 'fail', `${what}: its offset is ${got.offset}, want ${want.offset}`);
  }

  /** No call may change an input that PyTorch leaves alone. */
  #untouched(inputs: readonly Tensor[]): void {
    const { storages, tensors, changed } = this.#sample;
    inputs.forEach((tensor, k) => {
      const after = changed?.[String(k)];
      if (after !== undefined) {
        this.#compare('forward', `input ${k} after the call`, tensor, {
          ...after,
          dtype: tensors[k]!.dtype,
        });
        return;
      }
      const [at, length] = storages[tensors[k]!.storage]!;
      const shared =
        changed && tensors.some((one, j) => changed[String(j)] && one.storage === tensors[k]!.storage);
      const { storage } = tensor;
      const now = Buffer.from(storage.bytes(), storage.byteOffset, storage.byteLength);
      if (!shared && now.compare(this.#bytes.subarray(at, at + length)) !== 0)
        this.#note('forward', 'fail', `input ${k} was changed by the call`);
    });
  }

  #method(name: string): void {
    if (name.startsWith('_') || name.startsWith('<') || opFor(this.#sample.program.calls[0]!.paths) === null)
      return;
    const inputs = this.#inputs(false);
    manualSeed(this.#sample.seed);
    const got = leavesOf(
      makeCall(
        this.#sample.program.calls[0]!,
        { tensors: inputs, results: new Map(), outputs: [] },
        'method',
        name,
      ),
    );
    if (this.#sample.processed !== undefined) return;
    wireLeaves(this.#sample.result).forEach((leaf, k) => {
      if ('o' in leaf)
        this.#compare('forward', `the method's result ${k}`, got[k], this.#sample.outputs[leaf.o]!);
    });
  }

  #inplace(): void {
    const { name, value } = this.#sample.inplace!;
    if (name.startsWith('_') || name.startsWith('<') || opFor(this.#sample.program.calls[0]!.paths) === null)
      return;
    const inputs = this.#inputs(false);
    manualSeed(this.#sample.seed);
    const scope = { tensors: inputs, results: new Map(), outputs: [] };
    const got = makeCall(this.#sample.program.calls[0]!, scope, 'inplace', name);
    if (got !== inputs[0]) this.#note('forward', 'fail', `${name} does not return the tensor it changes`);
    this.#compare('forward', name, got, value!);
  }

  // --- derivatives ---

  /** The outputs that gradients start from, as op_db takes them. */
  #taking(inputs: readonly Tensor[]): Tensor[] {
    const result = this.#run(inputs);
    const { processed } = this.#sample;
    const shown =
      processed === undefined ? result : runProgram(processed, inputs, tensorsOf(leavesOf(result)));
    return leavesOf(shown).filter(isTensor);
  }

  #backward(want: WireBackward): void {
    const inputs = this.#inputs(true);
    const outputs = this.#taking(inputs).filter((one) => one.requiresGrad);
    if (outputs.length !== want.outputs.length) {
      throw new Error(`${outputs.length} results require grad, in PyTorch ${want.outputs.length}`);
    }
    const leaves = want.inputs.map((k) => inputs[k]!);
    const twice = want.second !== undefined;
    const given = want.outputs.map((one) => tensorOf(one, this.#bytes));
    if (twice) for (const one of given) one.requiresGrad_();
    const found = autograd.grad(outputs, leaves, {
      gradOutputs: given,
      createGraph: twice,
      allowUnused: true,
    });
    want.gradients.forEach((one, k) => {
      this.#gradient('backward', `the gradient of input ${want.inputs[k]}`, found[k] ?? null, one);
    });
    if (twice) this.#guard('double', () => this.#second(want, found, [...leaves, ...given]));
  }

  #second(want: WireBackward, first: readonly (Tensor | null)[], into: readonly Tensor[]): void {
    const pairs = first.flatMap((g, k) => {
      const seed = want.seeds![k];
      return g?.requiresGrad && seed ? [[g, tensorOf(seed, this.#bytes)] as const] : [];
    });
    const found =
      pairs.length === 0
        ? into.map(() => null)
        : autograd.grad(
            pairs.map(([g]) => g),
            into,
            { gradOutputs: pairs.map(([, v]) => v), allowUnused: true },
          );
    want.second!.forEach((one, k) => {
      const leaf = want.inputs[k];
      const what = leaf === undefined ? `output gradient ${k - want.inputs.length}` : `input ${leaf}`;
      this.#gradient('double', `the second gradient of ${what}`, found[k] ?? null, one);
    });
  }

  /** No gradient and a gradient of zeros say the same. */
  #gradient(column: Column, what: string, got: Tensor | null, want: WireArray | null): void {
    if (want !== null && got !== null) this.#compare(column, what, got, want);
    else if (want !== null && !this.#loose && !allZero(numbersOf(want, this.#bytes).data))
      this.#note(column, 'fail', `${what} is missing`);
    else if (got !== null && !this.#loose && !allZero(numbersIn(got).data))
      this.#note(column, 'fail', `${what} is there, in PyTorch there is none`);
  }

  #forwardMode(): void {
    const { tangents, values } = this.#sample.forward!;
    const inputs = this.#inputs(true);
    const outputs = this.#taking(inputs);
    const leaves = inputs.flatMap((one, k) =>
      tangents[k] ? [[one, tensorOf(tangents[k], this.#bytes)] as const] : [],
    );
    const found = jvpOf(
      outputs,
      leaves.map(([leaf]) => leaf),
      leaves.map(([, tangent]) => tangent),
    );
    values.forEach((one, k) => {
      this.#gradient('forward mode', `the tangent of result ${k}`, found[k] ?? null, one);
    });
  }
}

type Leaf = { readonly o: number } | { readonly plain: unknown };

/** The leaves of a recorded result: tensors by number, everything else as it is. */
function wireLeaves(value: unknown): Leaf[] {
  if (value === null || typeof value !== 'object') return [{ plain: value }];
  if (Array.isArray(value)) return value.flatMap(wireLeaves);
  const [tag, inner] = Object.entries(value)[0]!;
  if (tag === 'o') return [{ o: inner as number }];
  if (tag === 'tuple') return (inner as unknown[]).flatMap(wireLeaves);
  if (tag === 'dict') return Object.values(inner as object).flatMap(wireLeaves);
  return [{ plain: inner }];
}

/** Plain results: numbers, truth values, texts, dtypes. */
function samePlain(got: unknown, want: unknown): boolean {
  if (typeof got === 'number' && typeof want === 'number')
    return got === want || Math.abs(got - want) <= 1e-7 + 1.3e-6 * Math.abs(want);
  if (Array.isArray(want) && typeof got === 'object' && got !== null && 're' in got && 'im' in got)
    return samePlain(got.re, want[0]) && samePlain(got.im, want[1]);
  if (typeof got === 'number' && typeof want === 'string')
    return String(got) === { nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' }[want];
  return got === want || String(got) === String(want) || String(got) === `torch.${String(want)}`;
}

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;
const tensorsOf = (values: readonly unknown[]): Tensor[] => values.filter(isTensor);

function allZero(data: Float64Array | BigInt64Array): boolean {
  return data.every((one: number | bigint) => Number(one) === 0);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    if (shape[dim] !== 1 && strides[dim] !== step) return false;
    step *= shape[dim]!;
  }
  return true;
}

/** An error's first line and where in the engine it was thrown. */
export function showError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = (error.stack ?? '')
    .split('\n')
    .find((line) => /^\s+at /.test(line) && !line.includes('node:'));
  const where = frame?.match(/((?:engine|suites)\/[^):]+:\d+)/)?.[1];
  return `${error.name}: ${error.message.split('\n')[0]}${where === undefined ? '' : ` (${where})`}`;
}
