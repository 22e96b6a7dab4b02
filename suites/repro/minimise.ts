// Search for the smallest call that still fails. PyTorch records every candidate anew.
import { type ArgSpec, getNumThreads, setNumThreads, type TensorSpec } from 'torchstone';
import { CannotRunError, figure } from '../../reports/schema/index.js';
import { arrayOf, inputTensor } from '../common/bind.js';
import type { Case } from '../common/cases.js';
import type { Fixtures } from '../common/fixtures.js';
import type { FixtureCase } from '../common/manifest.js';
import type { RegisteredOp } from '../common/registry.js';
import { sizeOf } from '../common/shapes.js';
import { isTensorSpec, mapTensors, tensorsOf } from '../common/tensor-specs.js';
import { replayCase } from '../validate/replay.js';
import { Recorder } from './recorder.js';

/** Rounds of candidates; each asks PyTorch once for all of them. */
const MOST_ROUNDS = 20;
const MOST_CANDIDATES = 80;
/** Tensors of more elements are not looked at value by value. */
const MOST_LITERALS = 16;

/** The smallest call found. */
export interface Minimised {
  readonly recorded: FixtureCase;
  readonly fixtures: Fixtures;
  readonly problems: readonly string[];
  readonly tried: number;
  /** The fewest threads with which it fails. */
  readonly threads: number;
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
      const candidates = smaller(best).slice(0, MOST_CANDIDATES);
      tried += candidates.length;
      const failing = (await judge(op, candidates, recorder)).filter((one) =>
        one.kinds.some((kind) => kinds.has(kind)),
      );
      const next = failing.sort((a, b) => weight(a.one) - weight(b.one))[0];
      // A candidate that is no smaller would only come back the next time.
      if (next === undefined || weight(next.one) >= weight(best.one)) break;
      best = next;
      say(`${describe(best.one)} still fails`);
    }
    const { recorded, fixtures, problems } = best;
    return { recorded, fixtures, problems, tried, threads: fewestThreads(op, recorded, fixtures) };
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
  if (fixtures === null) return [];
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
function smaller({ one, recorded, fixtures }: Judged): Case[] {
  const changed = [
    ...fewerArguments(one),
    ...smallerShapes(one),
    ...plainerTensors(one),
    ...plainerValues(one, recorded, fixtures),
  ];
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
  const dropped =
    dims > 1 ? rewrite(one, (tensor) => ({ ...tensor, shape: tensor.shape.slice(1) })) : undefined;
  // Without the first dim, the number of another is one less.
  const renumbered = dropped && {
    ...dropped,
    args: dropped.args.map((arg) => (typeof arg === 'number' && arg > 0 ? arg - 1 : arg)),
  };
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
  return [...together, ...(dropped && renumbered ? [dropped, renumbered] : []), ...single];
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
    (tensor) => (/^(float|bfloat)/.test(tensor.dtype ?? '') ? { ...tensor, dtype: 'float32' } : tensor),
    (tensor) => ({ ...tensor, fill: 'arange' }),
    (tensor) => ({ ...tensor, fill: 'ones' }),
    (tensor) => ({ ...tensor, fill: 'zeros' }),
  ];
  const all = changes.map((change) => rewrite(one, change));
  const single = tensorsOf(one).flatMap((_, k) =>
    changes.map((change) => rewrite(one, (tensor, at) => (at === k ? change(tensor) : tensor))),
  );
  return [...all, ...single];
}

/** The values themselves, of tensors of few elements: rounded to whole numbers, and each by itself made 0. */
function plainerValues(one: Case, recorded: FixtureCase, fixtures: Fixtures): Case[] {
  return tensorsOf(one).flatMap((tensor, k) => {
    const input = recorded.inputs[k];
    if (input === undefined || !input.dtype.startsWith('float') || sizeOf(tensor.shape) > MOST_LITERALS)
      return [];
    const base = fixtures.array(recorded.op, `${recorded.id}/in${k}`);
    const { data } = arrayOf(inputTensor(base, input));
    const now = Array.from(data as ArrayLike<number>);
    const as = (values: readonly number[]) =>
      rewrite(one, (other, at) => (at === k ? { ...other, fill: { values: values.map(figure) } } : other));
    const zeroed = now.flatMap((value, at) => (value === 0 ? [] : [as(now.with(at, 0))]));
    return [as(now.map(Math.round)), as(now.map((value) => Number(value.toPrecision(2)))), ...zeroed];
  });
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

const FILL_WEIGHTS: Readonly<Record<string, number>> = { zeros: 0, ones: 0.02, arange: 0.1 };
const FILL_WEIGHT = 0.2;

/** Fewer and shorter digits weigh less; never more than a drawn tensor. */
function fillWeight(fill: NonNullable<TensorSpec['tensor']['fill']>): number {
  if (typeof fill === 'string') return FILL_WEIGHTS[fill] ?? FILL_WEIGHT;
  if (!('values' in fill)) return FILL_WEIGHT;
  const digits = fill.values.reduce<number>(
    (sum, one) => sum + (Number(one) === 0 ? 0 : String(one).length),
    0,
  );
  return 0.02 + 0.17 * (digits / (digits + fill.values.length));
}

/** What counts as small: elements first, then dims, then how odd the tensors are. */
function weight(one: Case): number {
  const tensors = tensorsOf(one).map(({ shape, layout, dtype, fill = 'normal' }) => {
    return (
      sizeOf(shape) +
      shape.length * 0.5 +
      (layout === undefined ? 0 : 0.3) +
      (dtype === undefined || dtype === 'float32' ? 0 : 0.1) +
      fillWeight(fill)
    );
  });
  return (
    tensors.reduce((sum, each) => sum + each, 0) + 0.5 * (one.args.length + Object.keys(one.kwargs).length)
  );
}

function fewestThreads(op: RegisteredOp, recorded: FixtureCase, fixtures: Fixtures): number {
  const most = getNumThreads();
  try {
    for (let threads = 1; threads < most; threads += 1) {
      setNumThreads(threads);
      if (replayCase(op, recorded, fixtures).problems.length > 0) return threads;
    }
    return most;
  } finally {
    setNumThreads(most);
  }
}

function describe(one: Case): string {
  const tensors = tensorsOf(one).map(
    ({ shape, dtype = 'float32', layout }) => `${dtype}[${shape}]${layout ? ` ${layout}` : ''}`,
  );
  return `${one.op}(${tensors.join(', ')})`;
}
