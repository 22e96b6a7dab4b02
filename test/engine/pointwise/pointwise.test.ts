// Pointwise ops against PyTorch 2.13: values, dtypes, slopes at kinks, errors. The fixtures cover the ops case by case;
// here are the sharpest points.
import { describe, expect, it } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';
import { virtualPrimitives } from '../../../engine/pointwise/complex/lowering.js';
import { differentiate } from '../../../engine/pointwise/differentiate.js';
import { type Expr, expr, input, param, topological } from '../../../engine/pointwise/expr.js';
import { derivativeOf } from '../../../engine/pointwise/primitives.js';

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;
const F = torch.nn.functional;
const of = (data: number[], dtype: torch.DTypeLike = 'float32'): Tensor => torch.tensor(data, { dtype });
const leaf = (...data: number[]): Tensor => torch.tensor(data, { dtype: 'float64', requiresGrad: true });
/** The slopes of `f` at the given points, for one input or several. */
const slopes = (f: (...x: Tensor[]) => Tensor, ...inputs: Tensor[]): unknown[] => {
  f(...inputs)
    .sum()
    .backward();
  return inputs.map((x) => x.grad!.tolist());
};
const slope = (f: (x: Tensor) => Tensor, ...at: number[]): unknown => slopes(f, leaf(...at))[0];
const curve = (f: (x: Tensor) => Tensor, ...at: number[]): unknown => {
  const x = leaf(...at);
  const [g] = torch.autograd.grad(f(x).sum(), x, { createGraph: true });
  return torch.autograd.grad(g!.sum(), x)[0]!.tolist();
};
const thrown = (f: () => unknown): string => {
  try {
    f();
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
  return 'nothing';
};

describe('result dtypes', () => {
  it.each([
    ['int64 / int64', () => of([7], 'int64').div(2), 'float32'],
    ['int64 // int64', () => of([7], 'int64').div(2, { roundingMode: 'floor' }), 'int64'],
    ['bool squared', () => torch.tensor([true]).square(), 'int64'],
    ['bool to the second', () => torch.tensor([true]).pow(2), 'int64'],
    ['bool to true', () => torch.tensor([true]).pow(true), 'bool'],
    ['uint8 + 2.5', () => of([1], 'uint8').add(2.5), 'float32'],
    ['int32 clamped by floats', () => of([3], 'int32').clamp(0.5, 2), 'float32'],
    ['floor of integers', () => of([3], 'int16').floor(), 'int16'],
    ['power in float64', () => of([3], 'int16').floatPower(2), 'float64'],
    ['sign of bool', () => torch.tensor([true]).sign(), 'bool'],
    ['sine of bool', () => torch.tensor([true]).sin(), 'float32'],
    ['comparison', () => of([3]).lt(4), 'bool'],
  ])('%s', (_name, f, dtype) => {
    expect(f().dtype.name).toBe(dtype);
  });
});

describe('values at special points', () => {
  it.each([
    ['remainder has the sign of the divisor', of([-7, 7]).remainder(of([3, -3])), [2, -2]],
    ['fmod has the sign of the dividend', of([-7, 7]).fmod(of([3, -3])), [-1, 1]],
    ['floor division of integers goes down', of([-7, 7], 'int32').div(2, { roundingMode: 'floor' }), [-4, 3]],
    ['truncated division goes to 0', of([-7, 7], 'int32').div(2, { roundingMode: 'trunc' }), [-3, 3]],
    ['round halves to even', of([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]).round(), [-2, -2, -0, 0, 2, 2]],
    ['round to places', of([12345.675, -15, 25], 'float64').round({ decimals: -1 }), [12350, -20, 20]],
    ['scalars wrap in small integers', of([1, 250], 'uint8').add(300), [45, 38]],
    ['shifts by all bits', of([-128, 100], 'int8').bitwiseRightShift(9), [-1, 0]],
    ['not of bool', torch.tensor([true, false]).bitwiseNot(), [false, true]],
    ['integer powers of numbers', torch.pow(2, of([-3, 3, 10], 'int64')), [0, 8, 1024]],
    ['0 to the 0', of([0, nan]).pow(0), [1, 1]],
    ['relu keeps NaN and −0', of([-0, nan, -1]).relu(), [-0, nan, 0]],
    ['clamp keeps NaN', of([nan, -2, 2]).clamp(-1, 1), [nan, -1, 1]],
    ['clamp by NaN', of([0, 5]).clamp(nan, 1), [nan, nan]],
    ['clamp with min above max', of([0, 5, -5]).clamp(2, -2), [-2, -2, -2]],
    ['maximum spreads NaN, fmax does not', of([nan, 1]).maximum(of([1, nan])), [nan, nan]],
    ['fmax', of([nan, 1]).fmax(of([1, nan])), [1, 1]],
    ['xlogy at 0', torch.xlogy(of([0, 0, 0, 2]), of([0, inf, nan, 0])), [0, 0, nan, -inf]],
    [
      'logaddexp of infinities',
      torch.logaddexp(of([inf, -inf, inf]), of([inf, -inf, -inf])),
      [inf, -inf, inf],
    ],
    ['sinc at 0', of([0, 1], 'float64').sinc(), [1, 3.8981718325193755e-17]],
    ['nanToNum', of([nan, inf, -inf]).nanToNum(7, null, -1), [7, 3.4028234663852886e38, -1]],
    ['sign of NaN', of([nan, -0, -3]).sign(), [0, 0, -1]],
    ['heaviside', of([-1, 0, 2]).heaviside(of([5, 5, 5])), [0, 5, 1]],
    ['softplus above its threshold', F.softplus(of([30], 'float64'), 1, 20), [30]],
    ['softplus below', F.softplus(of([-40], 'float64')), [4.248354255291589e-18]],
    ['isposinf of integers', of([-3, 3], 'int64').isposinf(), [false, false]],
    ['copysign by −0', of([3]).copysign(-0), [-3]],
  ])('%s', (_name, got, want) => {
    expect(got.tolist()).toEqual(want);
  });
});

describe('slopes where there is a kink', () => {
  const x0 = (f: (x: Tensor) => Tensor) => slope(f, -1, 0, 1);
  it.each([
    ['relu', x0((x) => x.relu()), [0, 0, 1]],
    ['abs', x0((x) => x.abs()), [-1, 0, 1]],
    ['leaky relu', x0((x) => F.leakyRelu(x, 0.5)), [0.5, 0.5, 1]],
    ['elu', x0((x) => F.elu(x)), [0.36787944117144233, 1, 1]],
    ['clamp passes at its bounds', x0((x) => x.clamp(-1, 1)), [1, 1, 1]],
    ['hardtanh does not', x0((x) => F.hardtanh(x)), [0, 1, 0]],
    ['relu6', slope((x) => F.relu6(x), 0, 3, 6), [0, 1, 0]],
    ['hardsigmoid', slope((x) => F.hardsigmoid(x), -3, 0, 3), [0, 1 / 6, 0]],
    ['hardswish', slope((x) => F.hardswish(x), -3, 0, 3), [0, 0.5, 1]],
    ['softshrink', slope((x) => F.softshrink(x), -0.5, 0, 0.75), [0, 0, 1]],
    ['threshold', slope((x) => torch.threshold(x, 1, 7), 0, 1, 2), [0, 0, 1]],
    ['log sigmoid', slope((x) => F.logSigmoid(x), 0, -800, 800), [0.5, 1, 0]],
    ['sqrt at 0', slope((x) => x.sqrt(), 0, 4), [inf, 0.25]],
    ['x^0 and x^1 at 0', [slope((x) => x.pow(0), 0), slope((x) => x.pow(1), 0)], [[0], [1]]],
    ['x² at 0', slope((x) => x.pow(2), 0, 3), [0, 6]],
    ['frac', slope((x) => x.frac(), 1.25), [1]],
    ['floor', slope((x) => x.floor(), 1.25), [0]],
    ['sinc at 0', slope((x) => x.sinc(), 0), [0]],
    ['nanToNum', slope((x) => x.nanToNum(), nan, inf, 2), [0, 0, 1]],
  ])('%s', (_name, got, want) => {
    expect(got).toEqual(want);
  });
  it.each([
    [
      'maximum shares at a tie',
      (a: Tensor, b: Tensor) => a.maximum(b),
      [
        [0.5, 0, 1],
        [0.5, 1, 1],
      ],
    ],
    [
      'minimum too',
      (a: Tensor, b: Tensor) => a.minimum(b),
      [
        [0.5, 1, 1],
        [0.5, 0, 1],
      ],
    ],
    [
      'fmax does not',
      (a: Tensor, b: Tensor) => a.fmax(b),
      [
        [1, 0, 0],
        [0, 1, 1],
      ],
    ],
    [
      'clampMin',
      (a: Tensor, b: Tensor) => a.clampMin(b),
      [
        [1, 0, 0],
        [0, 1, 0],
      ],
    ],
    [
      'clamp by tensors',
      (a: Tensor, b: Tensor) => a.clamp(b),
      [
        [1, 0, 0],
        [0, 1, 0],
      ],
    ],
  ])('%s', (_name, f, want) => {
    expect(slopes(f, leaf(1, 1, nan), leaf(1, 2, 3))).toEqual(want);
  });
  it('pow has no NaN at 0', () => {
    expect(slopes((a, b) => a.pow(b), leaf(0, 0, 0), leaf(0, 1, 2))).toEqual([
      [0, 1, 0],
      [0, 0, 0],
    ]);
  });
  it('atan2 has none at the origin', () => {
    const found = slopes((a, b) => a.atan2(b), leaf(0), leaf(0));
    expect(found).toEqual([[expect.closeTo(0)], [expect.closeTo(0)]]);
  });
  it('a branch that overflows does not reach the other', () => {
    expect(slope((x) => F.elu(x), 1000)).toEqual([1]);
    expect(slope((x) => F.softplus(x), 1000)).toEqual([1]);
    expect(slope((x) => F.mish(x), 1000)).toEqual([1]);
    expect(slope((x) => F.logSigmoid(x), -1000)).toEqual([1]);
  });
  it('a division lets its result be changed in-place', () => {
    const x = leaf(1, 2);
    const y = x.div(leaf(2, 4));
    y.mul_(3);
    y.sum().backward();
    expect(x.grad!.tolist()).toEqual([1.5, 0.75]);
  });
});

describe('second derivatives', () => {
  it.each([
    ['x³', curve((x) => x.pow(3), 2), [12]],
    ['√x', curve((x) => x.sqrt(), 4), [-1 / 32]],
    ['tanh', curve((x) => x.tanh(), 0.5), [-0.7268619813835876]],
    ['sigmoid', curve((x) => x.sigmoid(), 0), [0]],
    ['relu', curve((x) => x.relu(), 1), [0]],
    ['lgamma', curve((x) => x.lgamma(), 2.5), [0.4903577492137107]],
    ['gelu', curve((x) => F.gelu(x), 0), [0.7978845608028654]],
    ['1 / x', curve((x) => x.reciprocal(), 2), [0.25]],
  ])('%s', (_name, got, want) => {
    expect((got as number[])[0]).toBeCloseTo(want[0]!, 7);
  });
});

describe('refusals', () => {
  const ints = of([1, 2], 'int64');
  const bools = torch.tensor([true, false]);
  it.each([
    ['integers to a negative power', () => ints.pow(-1), 'RuntimeError'],
    ['integer division by 0', () => ints.remainder(0), 'RuntimeError'],
    ['a float alpha for integers', () => ints.add(ints, { alpha: 0.5 }), 'RuntimeError'],
    ['a bool alpha for numbers', () => ints.add(ints, { alpha: true }), 'RuntimeError'],
    ['bool minus bool', () => bools.sub(bools), 'RuntimeError'],
    ['number minus bool', () => ints.sub(true), 'RuntimeError'],
    ['abs of bool', () => bools.abs(), 'NotImplementedError'],
    ['floor of bool', () => bools.floor(), 'NotImplementedError'],
    ['gelu of integers', () => F.gelu(ints), 'NotImplementedError'],
    ['bits of floats', () => of([1]).bitwiseAnd(of([1])), 'NotImplementedError'],
    ['lerp of two dtypes', () => of([1]).lerp(of([1], 'float64'), 0.5), 'RuntimeError'],
    ['an unknown rounding mode', () => ints.div(2, { roundingMode: 'up' as 'floor' }), 'RuntimeError'],
    ['clamp without bounds', () => of([1]).clamp(), 'RuntimeError'],
    ['clamp by a number and a tensor', () => of([1]).clamp(0, of([1])), 'TypeError'],
    ['float results into integers', () => ints.clone().div_(2), 'RuntimeError'],
    ['floats of another dtype in isclose', () => of([1]).isclose(of([1], 'float64')), 'RuntimeError'],
    ['hardtanh with min above max', () => F.hardtanh(of([1]), 2, 1), 'ValueError'],
    ['a number that uint8 cannot hold', () => torch.threshold(of([1], 'uint8'), 1, -2.5), 'RuntimeError'],
    ['a slope of floor division', () => leaf(3).floorDivide(2).sum().backward(), 'RuntimeError'],
  ])('%s', (_name, f, name) => {
    expect(thrown(f)).toBe(name);
  });
  it('changes nothing where it refuses', () => {
    const x = ints.clone();
    expect(thrown(() => x.div_(2))).toBe('RuntimeError');
    expect(x.tolist()).toEqual([1, 2]);
  });
});

describe('whole-tensor comparison', () => {
  it('equal wants the same shape and elements, in whatever dtype', () => {
    expect(torch.equal(of([1, 2]), of([1, 2], 'int64'))).toBe(true);
    expect(torch.equal(of([0.1]), of([0.1], 'float64'))).toBe(false);
    expect(torch.equal(torch.zeros(3), torch.zeros(3, 1))).toBe(false);
    expect(torch.equal(torch.zeros(0), torch.zeros(0))).toBe(true);
    expect(torch.equal(of([nan]), of([nan]))).toBe(false);
  });
  it('allclose allows rtol of the second and atol', () => {
    expect(of([1, 2]).allclose(of([1, 2.00001]))).toBe(true);
    expect(of([1, 2]).allclose(of([1, 2.1]))).toBe(false);
    expect(of([nan, inf]).allclose(of([nan, inf]), 0, 0, true)).toBe(true);
  });
});

describe('node names', () => {
  const x = leaf(0.5);
  it.each([
    ['PowBackward0', () => x.pow(2)],
    ['PowBackward1', () => x.pow(x)],
    ['PowBackward2', () => torch.pow(2, x)],
    ['DivBackward0', () => x.div(2)],
    ['DivBackward2', () => x.div(2, { roundingMode: 'floor' })],
    ['RemainderBackward1', () => x.remainder(x)],
    ['ClampBackward1', () => x.clamp(0, 1)],
    ['ClampBackward0', () => x.clamp(x, x)],
    ['HardtanhBackward0', () => F.relu6(x)],
    ['EluBackward0', () => torch.selu(x)],
    ['Log1PBackward0', () => x.log1p()],
    ['LogSigmoidBackward0', () => F.logSigmoid(x)],
    ['LeakyReluBackward0', () => F.leakyRelu(x)],
    ['NotImplemented', () => x.floorDivide(2)],
  ])('%s', (name, f) => {
    expect(f().gradFn!.name).toBe(name);
  });
});

describe('the registry of pointwise ops', () => {
  const known = new Set([...addon.primitives.map((p) => p.name), ...virtualPrimitives]);
  const pointwise = [...torch.ops.values()].filter((op) => op.kind === 'pointwise');
  const leaves = new Set(['input', 'param', 'const']);
  /** The op's expression with every operand a tensor and every option at its default. */
  const expressionOf = (op: (typeof pointwise)[number]): { root: Expr; inputs: number } => {
    let inputs = 0;
    let params = 0;
    const args = op.params.map((p) => {
      if (p.kind === 'tensor' || (p.kind === 'tensorOrScalar' && p.default === undefined))
        return input(inputs++);
      if (typeof p.default === 'number') return expr(p.default);
      return p.default === undefined
        ? param(params++)
        : p.name === 'max'
          ? param(params++)
          : (p.default as null);
    });
    return { root: op.def.pointwise!(...args), inputs };
  };
  it('uses only primitives that the addon has', () => {
    const unknown = pointwise.flatMap((op) =>
      topological([expressionOf(op).root])
        .filter((e) => !leaves.has(e.op) && !known.has(e.op))
        .map((e) => `${op.name}: ${e.op}`),
    );
    expect(unknown).toEqual([]);
    expect(pointwise.length).toBeGreaterThan(110);
  });
  it('every primitive has a derivative record', () => {
    for (const p of known) expect(() => derivativeOf(p), p).not.toThrow();
  });
  it('every differentiable op can be derived twice, in primitives that the addon has', () => {
    for (const op of pointwise) {
      if (op.def.notDifferentiable !== undefined) continue;
      const { root, inputs } = expressionOf(op);
      for (let i = 0; i < inputs; i++) {
        const first = differentiate(root, i, input(inputs));
        for (let k = 0; k <= inputs && first !== null; k++) {
          const second = differentiate(first, k, input(inputs + 1));
          const strange = topological(second === null ? [first] : [first, second]).filter(
            (e) => !leaves.has(e.op) && !known.has(e.op),
          );
          expect(strange, `${op.name} by ${i}, ${k}`).toEqual([]);
        }
      }
    }
  });
  it('compiles the constant powers without pow', () => {
    const x = of([2, 4], 'float64');
    expect(x.pow(2).tolist()).toEqual([4, 16]);
    expect(x.pow(0.5).tolist()).toEqual([Math.SQRT2, 2]);
    expect(x.pow(-0.5).tolist()).toEqual([1 / Math.SQRT2, 0.5].map((v) => expect.closeTo(v, 15)));
    expect(x.pow(-2).tolist()).toEqual([0.25, 0.0625]);
  });
});

describe('broadcast rows', () => {
  const shapes: [number[], number[]][] = [
    [[300, 200], [200]],
    [
      [300, 200],
      [300, 1],
    ],
    [[3, 70_001], [70_001]],
    [
      [5, 7, 3, 1_000],
      [5, 1, 3, 1_000],
    ],
    [
      [40, 30, 65],
      [30, 65],
    ],
    [
      [40, 30, 65],
      [40, 1, 1],
    ],
  ];
  it.each(shapes)(
    '%j with %j are what the spread operand gives, for any number of threads',
    (whole, part) => {
      torch.manualSeed(3);
      const x = torch.randn(whole);
      const y = torch.randn(part);
      const expected = x.sub(y.expand(whole).contiguous()).tolist();
      const before = torch.getNumThreads();
      for (const threads of [1, 2, 3]) {
        torch.setNumThreads(threads);
        const results = [
          x.sub(y),
          x.clone().sub_(y),
          x.transpose(0, 1).sub(y.expand(whole).transpose(0, 1)).transpose(0, 1),
        ];
        torch.setNumThreads(before);
        for (const r of results) expect(r.tolist()).toEqual(expected);
      }
    },
  );
});
