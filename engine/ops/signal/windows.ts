// torch.signal.windows and the window functions of torch itself: expressions over evenly spaced points, computed in
// float64 and rounded once.

import { type DType, float32, float64, getDefaultDtype } from '../../core/dtype.js';
import { ArgumentError, describe, message, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type ErrorSample, type OpTests, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, type Sample } from '../../registry/samples.js';
import { cast } from '../creation/copy-fill-cast.js';
import { allocateFor, finish, full, indices } from '../creation/creation.js';

/** Points in radians or the window's own unit, and what stands at each. */
type Shape = (n: number, periods: number) => Tensor;

const factory: readonly Param[] = [
  { name: 'dtype', kind: 'dtype', default: null, keyword: true },
  {
    name: 'layout',
    kind: 'string',
    default: null,
    keyword: true,
    choices: oneOf(
      ['strided'],
      ValueError,
      (layout, op) => `${op} is implemented for strided tensors only, got: torch.${layout}`,
    ),
  },
  { name: 'device', kind: 'device', default: null, keyword: true },
  { name: 'requires_grad', kind: 'bool', default: false, keyword: true },
];
type Factory = readonly [DType | null, string | null, unknown, boolean];

/** start, start + step, … as float64. */
const points = (n: number, start: number, step: number): Tensor =>
  indices(n).to(float64).mul(step).add(start);

/** Σ (−1)^i a_i cos(i·x) over a period. */
function cosines(n: number, periods: number, a: readonly number[]): Tensor {
  const x = points(n, 0, (2 * Math.PI) / periods);
  return a
    .map((weight, i) =>
      x
        .mul(i)
        .cos()
        .mul(i % 2 === 0 ? weight : -weight),
    )
    .reduce((p, q) => p.add(q));
}

/** The checks that all windows share. @throws ValueError */
function check(op: string, n: number, dtype: DType): void {
  if (n < 0) {
    const hint = `${op} requires non-negative window length, got M=${n}`;
    throw new ValueError(message(op, 'a length of at least 0', String(n), hint));
  }
  if (dtype !== float32 && dtype !== float64) {
    const hint = `${op} expects float32 or float64 dtypes, got: torch.${dtype.name}`;
    throw new ValueError(message(op, 'float32 or float64', dtype.name, hint));
  }
}

/** The window of n points. `periods` counts the steps of one period: one fewer than the points of a symmetric window. */
function windowOf(
  op: string,
  n: number,
  symmetric: boolean,
  shape: Shape,
  options: Factory,
  checked = true,
): Tensor {
  const [given, , device, grad] = options;
  const dtype = given ?? getDefaultDtype();
  if (checked) check(op, n, dtype);
  const out = allocateFor(op, [n], dtype, device);
  if (n === 0 || out.device.kernels === null) return finish(out, grad);
  if (n === 1) return full.impl([1], 1, dtype, null, grad) as Tensor;
  return finish(cast(shape(n, symmetric ? n - 1 : n), dtype), grad);
}

const odd = (): readonly Sample[] => [call([5]), call([6], { sym: false }), call([1]), call([0])];
const refused = (): readonly ErrorSample[] => [
  { args: [-1], throws: 'ValueError' },
  { args: [3], kwargs: { dtype: { dtype: 'int64' } }, throws: 'ValueError' },
];

interface Rule<A extends readonly unknown[]> {
  readonly name: string;
  readonly doc: string;
  readonly own?: readonly Param[];
  /** Checks its own arguments and gives the shape; `symmetric` as asked for. */
  readonly shape: (own: A, symmetric: boolean) => Shape;
  readonly tests?: () => OpTests;
}

/** torch.signal.windows.name(M, *, own, sym, …). */
function windowOp<A extends readonly unknown[] = readonly []>(rule: Rule<A>) {
  const own = rule.own ?? [];
  return defineOp({
    name: `signal.windows.${rule.name}`,
    torch: `torch.signal.windows.${rule.name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`,
    doc: rule.doc,
    params: [
      { name: 'M', kind: 'int' },
      ...own,
      { name: 'sym', kind: 'bool', default: true, keyword: true },
      ...factory,
    ],
    compose: (...args: readonly unknown[]): Tensor => {
      const n = args[0] as number;
      const rest = args.slice(1 + own.length);
      const options = rest.slice(1) as unknown as Factory;
      check(rule.name, n, options[0] ?? getDefaultDtype());
      const symmetric = rest[0] as boolean;
      const shape = rule.shape(args.slice(1, 1 + own.length) as unknown as A, symmetric);
      return windowOf(rule.name, n, symmetric, shape, options);
    },
    notDifferentiable: 'it has no tensor input',
    tests: () => ({ samples: odd(), errors: refused(), ...rule.tests?.() }),
  });
}

const keyword = (name: string, value: number | null): Param => ({
  name,
  kind: 'scalar',
  default: value,
  keyword: true,
});
const demand = (op: string, holds: boolean, required: string, got: unknown, hint: string): void => {
  if (!holds) throw new ValueError(message(op, required, String(got), hint));
};
const fixed = (a: readonly number[]) => () => (n: number, periods: number) => cosines(n, periods, a);

export const bartlett = windowOp({
  name: 'bartlett',
  doc: 'The triangle that is 0 at its ends.',
  shape: () => (n, periods) =>
    points(n, -1, 2 / periods)
      .abs()
      .neg()
      .add(1),
});
export const blackman = windowOp({
  name: 'blackman',
  doc: 'The Blackman window: cosines of weights 0.42, 0.5 and 0.08.',
  shape: fixed([0.42, 0.5, 0.08]),
});
export const nuttall = windowOp({
  name: 'nuttall',
  doc: 'The 4-term Blackman–Harris window of Nuttall.',
  shape: fixed([0.3635819, 0.4891775, 0.1365995, 0.0106411]),
});
export const hann = windowOp({
  name: 'hann',
  doc: 'The Hann window, a raised cosine.',
  shape: fixed([0.5, 0.5]),
});
export const hamming = windowOp<readonly [number]>({
  name: 'hamming',
  doc: 'The Hamming window: cosines of weights 0.54 and 0.46.',
  shape: fixed([0.54, 0.46]),
});
export const generalHamming = windowOp<readonly [number]>({
  name: 'generalHamming',
  doc: 'alpha − (1 − alpha)·cos over one period.',
  own: [keyword('alpha', 0.54)],
  shape: ([alpha]) => fixed([alpha, 1 - alpha])(),
});
export const generalCosine = windowOp<readonly [unknown]>({
  name: 'generalCosine',
  doc: 'Σ (−1)^i a_i·cos(i·x) over one period.',
  own: [{ name: 'a', kind: 'any', type: 'readonly number[]', default: null, keyword: true }],
  shape: ([a]) => {
    if (!Array.isArray(a))
      throw new ArgumentError(
        message('generalCosine', 'a list of weights', describe(a), 'Coefficients must be a list/tuple'),
      );
    demand('generalCosine', a.length > 0, 'at least one weight', 'none', 'Coefficients cannot be empty');
    return fixed((a as unknown[]).map(Number))();
  },
  tests: () => ({
    samples: odd().map((s) => ({ ...s, kwargs: { ...s.kwargs, a: [0.46, 0.23, 0.31] } })),
    errors: [
      { args: [3], kwargs: { a: null }, throws: 'TypeError' },
      { args: [3], kwargs: { a: [] }, throws: 'ValueError' },
    ],
  }),
});
export const cosine = windowOp({
  name: 'cosine',
  doc: 'Half a period of the sine, not 0 at its ends.',
  shape: (_own, symmetric) => (n) => {
    const step = Math.PI / (symmetric ? n : n + 1);
    return points(n, step / 2, step).sin();
  },
});
export const exponential = windowOp<readonly [number | null, number]>({
  name: 'exponential',
  doc: 'exp(−|n − center| / tau).',
  own: [keyword('center', null), keyword('tau', 1)],
  shape: ([center, tau], symmetric) => {
    demand('exponential', tau > 0, 'tau above 0', tau, `Tau must be positive, got: ${tau} instead.`);
    demand(
      'exponential',
      !(symmetric && center !== null),
      'no center',
      center,
      'Center must be None for symmetric windows',
    );
    return (n, periods) =>
      points(n, -(center ?? periods / 2), 1)
        .abs()
        .div(-tau)
        .exp();
  },
  tests: (): OpTests => ({
    samples: [call([5], { tau: 2.5 }), call([6], { sym: false, center: 1 })],
    errors: [
      { args: [3], kwargs: { tau: -1 }, throws: 'ValueError' },
      { args: [3], kwargs: { center: 1 }, throws: 'ValueError' },
    ],
  }),
});
export const gaussian = windowOp<readonly [number]>({
  name: 'gaussian',
  doc: 'exp(−(x / std)² / 2), x from the middle.',
  own: [keyword('std', 1)],
  shape: ([std]) => {
    demand(
      'gaussian',
      std > 0,
      'std above 0',
      std,
      `Standard deviation must be positive, got: ${std} instead.`,
    );
    return (n, periods) =>
      points(n, -periods / 2, 1)
        .div(std)
        .square()
        .mul(-0.5)
        .exp();
  },
  tests: () => ({ errors: [{ args: [3], kwargs: { std: -1 }, throws: 'ValueError' }] }),
});
/** I₀(β·√(1 − x²)) / I₀(β), x over [−1, 1]. */
const kaiserShape =
  (beta: number): Shape =>
  (n, periods) => {
    const x = points(n, -1, 2 / periods);
    const inside = x.square().neg().add(1).clampMin(0).sqrt().mul(beta);
    return inside.i0().div(points(1, beta, 0).i0());
  };
export const kaiser = windowOp<readonly [number]>({
  name: 'kaiser',
  doc: 'The Kaiser window of shape beta.',
  own: [keyword('beta', 12)],
  shape: ([beta]) => {
    demand(
      'kaiser',
      beta >= 0,
      'beta of at least 0',
      beta,
      `beta must be non-negative, got: ${beta} instead.`,
    );
    return kaiserShape(beta);
  },
  tests: () => ({ errors: [{ args: [3], kwargs: { beta: -1 }, throws: 'ValueError' }] }),
});

/** torch.name_window(window_length, periodic, …), its own parameters positional. */
function periodicWindow(
  name: string,
  doc: string,
  own: readonly Param[],
  shape: (own: readonly number[]) => Shape,
) {
  return defineOp({
    name,
    doc,
    params: [
      { name: 'window_length', kind: 'int' },
      { name: 'periodic', kind: 'bool', default: true },
      ...own,
      ...factory,
    ],
    variants: ['function'],
    compose: (...args: readonly unknown[]): Tensor => {
      const options = args.slice(2 + own.length) as unknown as Factory;
      return windowOf(name, args[0] as number, !args[1], shape(args.slice(2) as number[]), options, false);
    },
    notDifferentiable: 'it has no tensor input',
    tests: () => ({
      samples: [call([6]), call([5, false]), call([1])],
      errors: [{ args: [-1], throws: 'RuntimeError' }],
    }),
  });
}
const positional = (name: string, value: number): Param => ({ name, kind: 'scalar', default: value });
export const bartlettWindow = periodicWindow(
  'bartlettWindow',
  'The triangle that is 0 at its ends.',
  [],
  () => (n, periods) =>
    points(n, -1, 2 / periods)
      .abs()
      .neg()
      .add(1),
);
export const blackmanWindow = periodicWindow(
  'blackmanWindow',
  'The Blackman window.',
  [],
  fixed([0.42, 0.5, 0.08]),
);
export const hannWindow = periodicWindow(
  'hannWindow',
  'The Hann window, a raised cosine.',
  [],
  fixed([0.5, 0.5]),
);
export const hammingWindow = periodicWindow(
  'hammingWindow',
  'alpha − beta·cos over one period.',
  [positional('alpha', 0.54), positional('beta', 0.46)],
  ([alpha, beta]) => fixed([alpha!, beta!])(),
);
export const kaiserWindow = periodicWindow(
  'kaiserWindow',
  'The Kaiser window of shape beta.',
  [positional('beta', 12)],
  ([beta]) => kaiserShape(beta!),
);
