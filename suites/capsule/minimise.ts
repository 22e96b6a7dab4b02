// Owns the search for the smallest call that still falls short: every candidate is recorded by PyTorch anew, so that its
// reference is right. It replays in this process and changes no fixture.
import { getNumThreads, setNumThreads } from '../../engine/index.js';
import type { ArgSpec, TensorSpec } from '../../engine/ops/samples.js';
import { type Case, isTensorSpec, mapTensors, tensorsOf } from '../cases.js';
import type { Fixtures } from '../fixtures.js';
import type { FixtureCase } from '../manifest.js';
import type { RegisteredOp } from '../registry.js';
import { replayCase } from '../replay.js';
import { CannotRunError } from '../results.js';
import { Recorder } from './recorder.js';

/** Rounds of candidates; each asks PyTorch once for all of them. */
const MOST_ROUNDS = 12;
const MOST_CANDIDATES = 60;

/** The smallest call found. */
export interface Minimised {
  readonly recorded: FixtureCase;
  readonly fixtures: Fixtures;
  readonly problems: readonly string[];
  readonly tried: number;
  /** Whether it falls short with one thread too. */
  readonly oneThread: boolean;
}

/** Makes a failing case smaller in shape, values, strides, dtype and arguments. @throws CannotRunError when it holds. */
export async function minimise(
  op: RegisteredOp,
  declared: Case,
  python: string,
  say: (text: string) => void,
): Promise<Minimised> {
  const recorder = new Recorder(python);
  try {
    let tried = 1;
    let best = (await judge(op, [declared], recorder))[0];
    if (best === undefined)
      throw new CannotRunError(`${declared.id} holds: there is nothing to make smaller`);
    const kinds = new Set(best.kinds);
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const candidates = smaller(best.one).slice(0, MOST_CANDIDATES);
      tried += candidates.length;
      const failing = (await judge(op, candidates, recorder)).filter((one) =>
        one.kinds.some((kind) => kinds.has(kind)),
      );
      const next = failing.sort((a, b) => weight(a.one) - weight(b.one))[0];
      if (next === undefined) break;
      best = next;
      say(`${describe(best.one)} still falls short`);
    }
    const { recorded, fixtures, problems } = best;
    return { recorded, fixtures, problems, tried, oneThread: failsAlone(op, recorded, fixtures) };
  } finally {
    recorder.close();
  }
}

interface Judged {
  readonly one: Case;
  readonly recorded: FixtureCase;
  readonly fixtures: Fixtures;
  readonly problems: readonly string[];
  readonly kinds: readonly string[];
}

/** Those of the calls that PyTorch accepts and we get wrong. */
async function judge(op: RegisteredOp, cases: readonly Case[], recorder: Recorder): Promise<Judged[]> {
  if (cases.length === 0) return [];
  // A candidate that PyTorch refuses is not a smaller form of the same call.
  const fixtures = await recorder.record(cases.map(({ numpy: _, ...one }) => ({ ...one, mayFail: true })));
  const byId = new Map(
    fixtures.has(`ops/${op.name}.json`) ? fixtures.casesOf(op.name).map((one) => [one.id, one]) : [],
  );
  return cases.flatMap((one) => {
    const recorded = byId.get(one.id);
    if (recorded === undefined) return [];
    const { problems, checks } = replayCase(op, recorded, fixtures);
    const kinds = Object.entries(checks).flatMap(([kind, state]) => (state === 'fail' ? [kind] : []));
    return problems.length === 0 ? [] : [{ one, recorded, fixtures, problems, kinds }];
  });
}

/** Every call that is one step smaller. */
function smaller(one: Case): Case[] {
  const changed = [...fewerArguments(one), ...smallerShapes(one), ...plainerTensors(one)];
  const unique = new Map(changed.map((sample) => [JSON.stringify([sample.args, sample.kwargs]), sample]));
  return [...unique.values()].map((sample, i) => ({ ...sample, id: `${one.op}/${i}@small,contiguous` }));
}

function fewerArguments(one: Case): Case[] {
  const named = Object.keys(one.kwargs).map((name) => {
    const { [name]: _, ...kwargs } = one.kwargs;
    return { ...one, kwargs };
  });
  const last = one.args.at(-1);
  const tail =
    one.args.length > 1 && last !== undefined && !isTensorSpec(last)
      ? [{ ...one, args: one.args.slice(0, -1) }]
      : [];
  return [...named, ...tail];
}

/** A size goes down wherever it stands at once, for shapes depend on each other; single dims go down and away too. */
function smallerShapes(one: Case): Case[] {
  const sizes = new Set(
    tensorsOf(one)
      .flatMap((tensor) => tensor.shape)
      .filter((size) => size > 1),
  );
  const together = [...sizes].flatMap((size) =>
    [1, 2, Math.ceil(size / 2), size - 1]
      .filter((less) => less < size)
      .map((less) => everywhere(one, size, less)),
  );
  const dims = Math.max(0, ...tensorsOf(one).map((tensor) => tensor.shape.length));
  const dropped = dims > 1 ? [rewrite(one, (tensor) => ({ ...tensor, shape: tensor.shape.slice(1) }))] : [];
  const single = tensorsOf(one).flatMap((tensor, k) =>
    tensor.shape.flatMap((size, dim) =>
      size > 1
        ? [
            rewrite(one, (other, at) =>
              at === k ? { ...other, shape: other.shape.with(dim, size - 1) } : other,
            ),
          ]
        : [],
    ),
  );
  return [...together, ...dropped, ...single];
}

function everywhere(one: Case, size: number, less: number): Case {
  const shrunk = rewrite(one, (tensor) => ({
    ...tensor,
    shape: tensor.shape.map((each) => (each === size ? less : each)),
  }));
  const number = (arg: ArgSpec): ArgSpec => {
    if (Array.isArray(arg)) return (arg as readonly ArgSpec[]).map(number);
    return arg === size ? less : arg;
  };
  return { ...shrunk, args: shrunk.args.map(number) };
}

function plainerTensors(one: Case): Case[] {
  const changes: ((tensor: TensorSpec['tensor']) => TensorSpec['tensor'])[] = [
    ({ layout: _, ...tensor }) => tensor,
    (tensor) => (tensor.dtype === 'float64' ? { ...tensor, dtype: 'float32' } : tensor),
    (tensor) => ({ ...tensor, fill: 'arange' }),
    (tensor) => ({ ...tensor, fill: 'ones' }),
  ];
  return changes.map((change) => rewrite(one, change));
}

function rewrite(one: Case, change: Parameters<typeof mapTensors>[1]): Case {
  // A literal fill has its values for one shape only.
  const safe: typeof change = (tensor, at) => {
    const next = change(tensor, at);
    const literal = typeof next.fill === 'object' && 'values' in next.fill;
    return literal && String(next.shape) !== String(tensor.shape) ? { ...next, fill: 'normal' } : next;
  };
  const { args, kwargs } = mapTensors(one, safe);
  return { ...one, args, kwargs: kwargs ?? {} };
}

const FILL_WEIGHTS: Readonly<Record<string, number>> = { ones: 0, arange: 0.1 };

/** What counts as small: elements first, then dims, then how odd the tensors are. */
function weight(one: Case): number {
  const tensors = tensorsOf(one).map(({ shape, layout, dtype, fill = 'normal' }) => {
    const elements = shape.reduce((product, size) => product * size, 1);
    const plain = typeof fill === 'string' ? (FILL_WEIGHTS[fill] ?? 0.2) : 0.2;
    return (
      elements +
      shape.length * 0.5 +
      (layout === undefined ? 0 : 0.3) +
      (dtype === 'float64' ? 0.1 : 0) +
      plain
    );
  });
  return (
    tensors.reduce((sum, each) => sum + each, 0) + 0.5 * (one.args.length + Object.keys(one.kwargs).length)
  );
}

function failsAlone(op: RegisteredOp, recorded: FixtureCase, fixtures: Fixtures): boolean {
  const threads = getNumThreads();
  setNumThreads(1);
  try {
    return replayCase(op, recorded, fixtures).problems.length > 0;
  } finally {
    setNumThreads(threads);
  }
}

function describe(one: Case): string {
  const tensors = tensorsOf(one).map(
    ({ shape, dtype = 'float32', layout }) => `${dtype}[${shape}]${layout ? ` ${layout}` : ''}`,
  );
  return `${one.op}(${tensors.join(', ')})`;
}
