// Optimizers against recorded trajectories of PyTorch's: every configuration of its optim_db and more, 20 steps, parameters and
// state after each, and the same from PyTorch's state dict after step 10.
import { afterAll, describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import {
  arraysOf,
  decoded,
  dtypeOf,
  numbersOf,
  optimizerOf,
  type Precision,
  parametersOf,
  RELOAD,
  readPacked,
  setGradients,
  size,
  type Trajectory,
  tensorOf,
} from './recordings.js';

const records = readPacked<Trajectory[]>('trajectories');
const arrays = arraysOf('trajectories');
const EPSILON: Record<Precision, number> = { single: 2 ** -23, double: 2 ** -52 };
/**
 * Units in the last place of a tensor's largest element that a result may be off; elsewhere bits are compared. PyTorch's square root
 * is MKL's, which is not always rounded correctly; its powers are the C library's, and Adafactor's norms sum in another order.
 */
const ULPS: Record<string, number> = { Adadelta: 4, RMSprop: 2, Adafactor: 1, NAdam: 1 };
const tally = new Map<string, { passed: number; equal: number; numbers: number }>();

interface Rows {
  row(step: number): number[];
}
function recorded(id: string, precision: Precision, resumed = false): Rows {
  const key = `${id}-${precision}`;
  const { shape, data } = arrays.get(resumed && arrays.has(`${key}-resumed`) ? `${key}-resumed` : key);
  const width = shape[1]!;
  return { row: (step) => Array.from(data as Float64Array).slice(step * width, (step + 1) * width) };
}

/** Where in a row each tensor stands. */
function segments(one: Trajectory): { name: string; length: number }[] {
  const parts = one.complex ? 2 : 1;
  const params = one.shapes.map((s, k) => ({ name: `parameter ${k}`, length: size(s) * parts }));
  const complexState = (name: string): number =>
    ['step', 'eta', 'mu', 'mu_product'].includes(name) ? 1 : parts;
  const state = (one.layout ?? []).map(([k, name, s]) => ({
    name: `${name} of parameter ${k}`,
    length: size(s) * complexState(name),
  }));
  return [...params, ...state];
}

function rowOf(one: Trajectory, optimizer: torch.optim.Optimizer, params: readonly torch.Tensor[]): number[] {
  const packed = optimizer.stateDict().state;
  return [
    ...params.flatMap(numbersOf),
    ...(one.layout ?? []).flatMap(([k, name]) => numbersOf(packed[k]![name])),
  ];
}

/** Compares a row, tensor by tensor. */
function compare(one: Trajectory, precision: Precision, step: number, got: number[], want: number[]): void {
  const count = tally.get(one.optimizer)!;
  let at = 0;
  for (const { name, length } of segments(one)) {
    const [a, b] = [got.slice(at, at + length), want.slice(at, at + length)];
    at += length;
    expect(a.length, name).toBe(b.length);
    const largest = Math.max(0, ...b.map(Math.abs));
    const allowed = (ULPS[one.optimizer] ?? 0) * EPSILON[precision] * largest;
    a.forEach((x, i) => {
      count.numbers++;
      if (Object.is(x, b[i]) || x === b[i]) count.equal++;
      else if (!(Math.abs(x - b[i]!) <= allowed))
        expect.fail(`step ${step + 1}, ${name}, element ${i}: ${x}, PyTorch ${b[i]}`);
    });
  }
  expect(got.length).toBe(at);
}

/** As JavaScript can tell: Python prints an integer for `t0` as one where the user gave one. */
const reprOf = (one: Trajectory): string =>
  one.kwargs.t0 === undefined ? one.repr : one.repr.replace(`t0: ${one.kwargs.t0}`, `t0: ${one.kwargs.t0}.0`);

/** PyTorch's state dict after RELOAD steps. */
function stateDictOf(one: Trajectory, precision: Precision, row: number[]): torch.optim.StateDict {
  const state: Record<string, Record<string, unknown>> = {};
  const parts = segments(one);
  let at = parts.slice(0, one.shapes.length).reduce((sum, { length }) => sum + length, 0);
  (one.layout ?? []).forEach(([k, name, shape], i) => {
    const { length } = parts[one.shapes.length + i]!;
    const values = row.slice(at, at + length);
    at += length;
    const whole = length === size(shape);
    const dtype =
      shape.length === 0 && whole
        ? torch.float32
        : dtypeOf(precision, !whole || (one.complex && length === 0));
    state[k] = { ...state[k], [name]: tensorOf(values, shape, dtype) };
  });
  return { state, param_groups: decoded(one.groups) as torch.optim.StateDict['param_groups'] };
}

function replay(one: Trajectory, precision: Precision): void {
  const rows = recorded(one.id, precision);
  const dtype = dtypeOf(precision, one.complex);
  const params = parametersOf(one.shapes, dtype);
  const optimizer = optimizerOf(one, params);
  expect(String(optimizer)).toBe(reprOf(one));
  for (let step = 0; step < 20; step++) {
    setGradients(params, step);
    optimizer.step();
    compare(one, precision, step, rowOf(one, optimizer, params), rows.row(step));
  }
  const again = parametersOf(one.shapes, dtype);
  const before = rows.row(RELOAD - 1);
  let at = 0;
  torch.noGrad(() => {
    for (const p of again) {
      const length = p.numel() * (one.complex ? 2 : 1);
      p.copy_(tensorOf(before.slice(at, at + length), p.shape, dtype));
      at += length;
    }
  });
  const resumed = optimizerOf(one, again);
  const given = stateDictOf(one, precision, before);
  resumed.loadStateDict(given);
  expect(plain(resumed.stateDict().param_groups)).toEqual(plain(given.param_groups));
  const after = recorded(one.id, precision, true);
  for (let step = RELOAD; step < 20; step++) {
    setGradients(again, step);
    resumed.step();
    compare(one, precision, step, rowOf(one, resumed, again), after.row(step));
  }
}

/** Tensors as numbers, for comparisons. */
function plain(value: unknown): unknown {
  if (value instanceof torch.Tensor) return value.tolist();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
}

const elementwise = records.filter((one) => one.losses === undefined && one.optimizer in torch.optim);
const names = [...new Set(elementwise.map((one) => one.optimizer))];
describe.each(names)('%s', (name) => {
  tally.set(name, { passed: 0, equal: 0, numbers: 0 });
  for (const one of elementwise.filter((r) => r.optimizer === name)) {
    const title = `${one.id} ${one.form}${one.complex ? ' complex' : ''} ${JSON.stringify(one.kwargs)}`;
    it.each(['single', 'double'] as const)(`${title}, %s precision`, (precision) => {
      replay(one, precision);
      if (one.source === 'optim_db') tally.get(name)!.passed++;
    });
  }
});

afterAll(() => {
  for (const [name, { passed, equal, numbers }] of tally)
    console.log(`${name}: ${passed} of optim_db pass, ${equal} of ${numbers} numbers are PyTorch's bits`);
});
