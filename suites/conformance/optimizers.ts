// Replay of recorded trajectories of PyTorch's optimizers: 20 steps, parameters and state after each, and the same from PyTorch's
// state dict after step 10.
//   replayOptimizer(one, 'double', arraysOf('trajectories')) throws at the first difference
import * as torch from 'torchstone';
import {
  type Arrays,
  decoded,
  differ,
  dtypeOf,
  type Json,
  lossOf,
  numbersOf,
  optimizerOf,
  type Precision,
  parametersOf,
  RELOAD,
  setGradients,
  size,
  type Trajectory,
  tensorOf,
} from './optim-recordings.js';

const EPSILON: Record<Precision, number> = { single: 2 ** -23, double: 2 ** -52 };
/**
 * Units in the last place of a tensor's largest element that a result may be off; elsewhere bits are compared. PyTorch's square root
 * is MKL's, which is not always rounded correctly; its powers are the C library's, and Adafactor's norms sum in another order.
 */
const ULPS: Record<string, number> = { Adadelta: 4, RMSprop: 2, Adafactor: 1, NAdam: 1 };

interface Rows {
  row(step: number): number[];
}
function recorded(arrays: Arrays, id: string, precision: Precision, resumed = false): Rows {
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
function compare(
  one: Trajectory,
  precision: Precision,
  step: number,
  got: number[],
  want: number[],
  rounding: number,
): void {
  let at = 0;
  for (const { name, length } of segments(one)) {
    const [a, b] = [got.slice(at, at + length), want.slice(at, at + length)];
    at += length;
    differ(name, a.length, b.length);
    const largest = Math.max(0, ...b.map(Math.abs));
    const allowed = Math.max(ULPS[one.optimizer] ?? 0, rounding) * EPSILON[precision] * largest;
    a.forEach((x, i) => {
      if (Object.is(x, b[i]) || x === b[i] || Math.abs(x - b[i]!) <= allowed) return;
      throw new Error(`step ${step + 1}, ${name}, element ${i}: ${x}, PyTorch ${b[i]}`);
    });
  }
  differ('numbers', got.length, at);
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

/**
 * Twenty steps, and the last ten again from PyTorch's state; the numbers compared. `rounding`: units in the last place that any
 * optimizer may differ by, where PyTorch ran on another processor than that of the recordings. @throws Error at the first difference
 */
export function replayOptimizer(one: Trajectory, precision: Precision, arrays: Arrays, rounding = 0): number {
  if (one.losses !== undefined) return replayLbfgs(one, arrays);
  const rows = recorded(arrays, one.id, precision);
  const dtype = dtypeOf(precision, one.complex);
  const params = parametersOf(one.shapes, dtype);
  const optimizer = optimizerOf(one, params);
  differ('text', String(optimizer), reprOf(one));
  for (let step = 0; step < 20; step++) {
    setGradients(params, step);
    optimizer.step();
    compare(one, precision, step, rowOf(one, optimizer, params), rows.row(step), rounding);
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
  differ('parameter groups', plain(resumed.stateDict().param_groups), plain(given.param_groups));
  const after = recorded(arrays, one.id, precision, true);
  for (let step = RELOAD; step < 20; step++) {
    setGradients(again, step);
    resumed.step();
    compare(one, precision, step, rowOf(one, resumed, again), after.row(step), rounding);
  }
  return segments(one).reduce((sum, { length }) => sum + length, 0) * (20 + 20 - RELOAD);
}

/** Tensors as numbers, for comparisons. */
function plain(value: unknown): unknown {
  if (value instanceof torch.Tensor) return value.tolist();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
}

function evaluatedStep(optimizer: torch.optim.Optimizer, params: readonly torch.Tensor[]): number {
  const loss = optimizer.step(() => {
    optimizer.zeroGrad();
    const value = lossOf(params);
    value.backward();
    return value;
  });
  return (loss as torch.Tensor).item() as number;
}

/** Parameters, evaluations and iterations after each step. */
function rowsOf(one: Trajectory, arrays: Arrays): (at: number) => number[] {
  const { shape, data } = arrays.get(`${one.id}-double`);
  const width = shape[1]!;
  return (at) => Array.from(data as Float64Array).slice(at * width, (at + 1) * width);
}

function checkLbfgs(optimizer: torch.optim.Optimizer, params: readonly torch.Tensor[], want: number[]): void {
  const { func_evals: evaluations, n_iter: iterations } = optimizer.stateDict().state[0]!;
  const got = [...params.flatMap(numbersOf), evaluations as number, iterations as number];
  differ('numbers', got.length, want.length);
  got.forEach((x, i) => {
    // A minimum is found to about the square root of the precision of its loss.
    near(`number ${i}`, x, want[i]!, 1e-9);
  });
}

/** A recorded state as double-precision tensors. */
function doubles(value: Json): unknown {
  if (Array.isArray(value)) return value.map(doubles);
  if (typeof value !== 'object' || value === null) return value;
  return torch.tensor((value as { tensor: number[] }).tensor, { dtype: 'float64' });
}

function near(what: string, got: number, want: number, allowed: number): void {
  if (!(Math.abs(got - want) < allowed)) throw new Error(`${what}: ${got}, PyTorch ${want}`);
}

/** The same of LBFGS, which evaluates the loss; its state was recorded in single precision. */
function replayLbfgs(one: Trajectory, arrays: Arrays): number {
  const row = rowsOf(one, arrays);
  const dtype = dtypeOf('double', one.complex);
  const params = parametersOf(one.shapes, dtype);
  const optimizer = optimizerOf(one, params);
  differ('text', String(optimizer), one.repr);
  for (let at = 0; at < 20; at++) {
    const loss = evaluatedStep(optimizer, params);
    near(`loss ${at}`, loss, one.losses![at]!, 1e-5 * Math.max(1, Math.abs(loss)));
    checkLbfgs(optimizer, params, row(at));
  }
  const again = parametersOf(one.shapes, dtype);
  const before = row(RELOAD - 1);
  let from = 0;
  torch.noGrad(() => {
    for (const p of again) {
      const length = size(p.shape) * (one.complex ? 2 : 1);
      p.copy_(tensorOf(before.slice(from, from + length), p.shape, dtype));
      from += length;
    }
  });
  const resumed = optimizerOf(one, again);
  const first = Object.fromEntries(Object.entries(one.state!).map(([k, v]) => [k, doubles(v)]));
  resumed.loadStateDict({
    state: { 0: first as Record<string, unknown> },
    param_groups: decoded(one.groups) as torch.optim.StateDict['param_groups'],
  });
  differ('state', Object.keys(resumed.stateDict().state[0]!).sort(), Object.keys(one.state!).sort());
  for (let at = RELOAD; at < 20; at++) {
    evaluatedStep(resumed, again);
    const want = row(at);
    again.flatMap(numbersOf).forEach((x, i) => {
      near(`step ${at + 1}, number ${i}`, x, want[i]!, 1e-4);
    });
  }
  return row(0).length * 30;
}
