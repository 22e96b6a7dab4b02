// Cumulative ops along a dim: cumsum, cumprod, cummax, cummin, logcumsumexp.
import { noGrad } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import { coalesceOrEmpty } from '../../backend/commands/coalesce.js';
import type { LineOperand } from '../../backend/commands/cursor.js';
import { runScan, type Scan } from '../../backend/commands/scan.js';
import { computedIn, type DType, int64, partOf } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError } from '../../core/errors.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { input } from '../../pointwise/expr.js';
import { reduce } from '../../pointwise/reduction.js';
import { defineOp, type Param } from '../../registry/define.js';
import { applied, itself, replacedInPlace } from '../../registry/in-place.js';
import { call, t } from '../../registry/samples.js';
import { cast, rawCast, rawZeros } from '../creation/copy-fill-cast.js';
import { placing } from '../indexing/along-dim.js';
import { filled, partOfComplex, requireMemory } from '../indexing/index-kernels.js';
import { cat, stack } from '../joining/cat-stack.js';
import { reversed } from '../joining/flip.js';
import { add, div, mul } from '../pointwise/arithmetic.js';
import { logaddexp } from '../pointwise/unary-math.js';
import { selected, sliced } from '../views/geometry.js';
import { pairOf, pairType, type ValuesAndIndices } from './sort-topk.js';

const self: Param = { name: 'input', kind: 'tensor' };
const dimParam: Param = { name: 'dim', kind: 'int' };
const dtypeParam: Param = { name: 'dtype', kind: 'dtype', default: null, keyword: true };

/** Runs a scan of `x` along `dim` in its own dtype; `indices` for cummax and cummin. */
function launchScan(op: Scan, x: Tensor, dim: number, out: Tensor, indices: Tensor | null): void {
  if (out.length === 0) return;
  const kept = x.sizes.map((_, d) => d).filter((d) => d !== dim);
  const operands = indices === null ? [x, out] : [x, out, indices];
  const dims = coalesceOrEmpty(
    x.sizes,
    operands.map((o) => o.strides),
    kept,
  );
  const [input, result, index] = operands.map(
    (o, k): LineOperand => ({
      address: o.address,
      strides: dims.strides[k]!,
      along: o.strides[dim] ?? 1,
    }),
  );
  runScan(op, x.device.kernels!, {
    scan: op,
    dtype: x.dtype.code,
    sizes: dims.sizes,
    n: x.sizes[dim] ?? 1,
    input: input!,
    out: result!,
    outIndex: index ?? null,
  });
}

function scanned(op: Scan, x: Tensor, dim: number, dtype: DType): Tensor {
  const wide = computedIn(dtype);
  // 16-bit floats run in float32 and are rounded at the end.
  if (wide !== dtype) return rawCast(scanned(op, x, dim, wide), dtype);
  if (dtype.isComplex) return scannedComplex(op, x, dim, dtype);
  const source = x.dtype === dtype ? x : rawCast(x, dtype);
  const out = newTensor(x.sizes, dtype);
  launchScan(op, source, dim, out, null);
  return out;
}

/** Running sums part by part; running products by doubling the reach, in log₂ n steps. */
function scannedComplex(op: Scan, x: Tensor, dim: number, dtype: DType): Tensor {
  const source = rawCast(x, dtype);
  if (op === 'cumsum') {
    const out = newTensor(x.sizes, dtype);
    for (const k of [0, 1] as const)
      launchScan(op, partOfComplex(source, k), dim, partOfComplex(out, k), null);
    return out;
  }
  let out = source;
  const n = x.sizes[dim] ?? 1;
  const part = (y: Tensor, from: number, size: number): Tensor =>
    seenAs(
      y,
      y.sizes.map((s, d) => (d === dim ? size : s)),
      y.strides,
      y.offset + from * y.strides[dim]!,
    );
  for (let reach = 1; reach < n; reach *= 2) {
    const next = rawCast(out, dtype);
    rawCopy(
      part(next, reach, n - reach),
      noGrad(() => mul.impl(part(out, reach, n - reach), part(out, 0, n - reach))),
    );
    out = next;
  }
  return out;
}

/** The sums from each position to the end: the gradient of cumsum, and the other way round. */
function sumsToEnd(g: Tensor, dim: number): Tensor {
  return reversed(summed(reversed(g, dim), dim, g.dtype), dim);
}

function summed(x: Tensor, dim: number, dtype: DType): Tensor {
  return record('CumsumBackward0', scanned('cumsum', x, dim, dtype), [x], () => ([g]) => [
    sumsToEnd(g!, dim),
  ]);
}

function multiplied(x: Tensor, dim: number, dtype: DType): Tensor {
  const out = scanned('cumprod', x, dim, dtype);
  return record('CumprodBackward0', out, [x], (save) => {
    const kept = save(x);
    const result = save(out);
    return ([g]) => [cumprodGradient(g!, cast(kept.get(), dtype).conj(), result.get().conj(), dim)];
  });
}

/** Whether an element is 0, so that dividing by it is no way to a gradient. */
function hasZero(x: Tensor): boolean {
  if (x.length === 0) return false;
  const least = reduce({
    op: 'cumprod',
    reducer: 'min',
    prologue: input(0).abs(),
    inputs: [x],
    compute: x.dtype,
    out: partOf(x.dtype),
    reduced: x.sizes.map(() => true),
    keepdim: false,
  });
  return Number(least.item()) === 0;
}

function cumprodGradient(g: Tensor, x: Tensor, out: Tensor, dim: number): Tensor {
  if (x.ndim === 0) return g;
  if (!hasZero(x)) return div.impl(sumsToEnd(mul.impl(g, out), dim), x);
  // d/dx_i = Π_{k<i} x_k · S_i with S_i = g_i + x_{i+1}·S_{i+1}: no division, and differentiable.
  const n = x.sizes[dim]!;
  const at = (y: Tensor, i: number): Tensor => selected('cumprod', y, dim, i);
  const tails: Tensor[] = [at(g, n - 1)];
  for (let i = n - 2; i >= 0; i--)
    tails.push(add.impl(at(g, i), mul.impl(at(x, i + 1), tails[tails.length - 1]!)));
  const ones = filled(
    x.sizes.map((s, d) => (d === dim ? 1 : s)),
    1,
    x.dtype,
  );
  const before = cat.impl([ones, multiplied(sliced(x, dim, 0, n - 1), dim, x.dtype)], dim);
  return mul.impl(before, stack.impl(tails.reverse(), dim));
}

const sumDtype = (x: Tensor, dtype: DType | null): DType => dtype ?? (x.dtype.isIntegral ? int64 : x.dtype);

type Running = (x: Tensor, dim: number, dtype: DType) => Tensor;

function outOfPlace(op: Scan, run: Running) {
  return (x: Tensor, rawDim: number, dtype: DType | null): Tensor => {
    const dim = wrapDim(op, rawDim, x.ndim);
    requireMemory(op, [x]);
    return run(x, dim, sumDtype(x, dtype));
  };
}

function inPlace(op: Scan, run: Running) {
  return (x: Tensor, rawDim: number, dtype: DType | null): Tensor => {
    const dim = wrapDim(op, rawDim, x.ndim);
    requireMemory(op, [x]);
    if (dtype !== null && dtype !== x.dtype) {
      throw new RuntimeError(
        message(
          `${op}_`,
          `the dtype ${x.dtype.name}`,
          dtype.name,
          `Bad in-place call: input tensor dtype ${x.dtype.name} and output tensor dtype ${dtype.name} should match`,
        ),
      );
    }
    if (x.dtype.name === 'bool')
      throw new NotImplementedError(
        message(`${op}_`, 'numbers', 'bool', `"${op}_out_cpu" not implemented for 'Bool'`),
      );
    return replacedInPlace(`${op}_`, x, (y) => run(y, dim, y.dtype), rawCopy);
  };
}

const samples = () => [
  call([t([3, 5], { fill: 'nonzero' }), 0]),
  call([t([2, 5, 3], { fill: 'nonzero', layout: 'transposed' }), -2]),
  call([t([7, 3], { fill: 'nonzero', layout: 'expanded' }), 0]),
  call([t([], { dtype: 'int64' }), 0]), // not a float: NumPy makes a 0-d result 1-d
  call([t([0, 3]), 1]),
  call([t([3, 0]), 0]),
  call([t([3, 4], { dtype: 'int32' }), 1]),
  call([t([5], { dtype: 'bool' }), 0]),
  call([t([5], { dtype: 'uint8', fill: { low: 0, high: 9 } }), 0]),
  call([t([5], { fill: 'nonzero' }), 0], { dtype: { dtype: 'float64' } }),
];
const errors = () => [{ args: [t([3, 5]), 2], throws: 'IndexError' }] as const;

export const cumsum = defineOp({
  name: 'cumsum',
  numpy: 'numpy.cumsum',
  doc: 'The running sum along a dim. Integers and bool sum as int64 unless a dtype is given.',
  params: [self, dimParam, dtypeParam],
  variants: ['function', 'method', 'inplace'],
  kernel: outOfPlace('cumsum', summed),
  inPlace: inPlace('cumsum', summed),
  tests: () => ({
    samples: [...samples(), call([t([1031], { dtype: 'float64' }), 0])],
    errors: errors(),
    bench: [call([t([1000000]), 0]), call([t([1000, 1000]), 0])],
  }),
});

export const cumprod = defineOp({
  name: 'cumprod',
  numpy: 'numpy.cumprod',
  doc: 'The running product along a dim. Integers and bool multiply as int64 unless a dtype is given.',
  params: [self, dimParam, dtypeParam],
  variants: ['function', 'method', 'inplace'],
  kernel: outOfPlace('cumprod', multiplied),
  inPlace: inPlace('cumprod', multiplied),
  tests: () => ({
    samples: [
      ...samples(),
      call([t([2, 5], { fill: { values: [1.5, 0, -2, 3, 0.5, 2, 0, 0, -1, 4] } }), 1]),
      call([t([5, 2], { fill: { values: [1.5, 0, -2, 3, 0.5, 2, 0, 0, -1, 4] }, dtype: 'float64' }), 0]),
    ],
    errors: errors(),
  }),
});

function extreme(name: 'cummax' | 'cummin', doc: string) {
  return defineOp({
    name,
    doc,
    params: [self, dimParam],
    returns: pairType,
    kernel: (x: Tensor, rawDim: number): ValuesAndIndices => {
      const dim = wrapDim(name, rawDim, x.ndim);
      requireMemory(name, [x]);
      const wide = computedIn(x.dtype);
      const extremes = newTensor(x.sizes, wide);
      const indices = newTensor(x.sizes, int64);
      launchScan(name, wide === x.dtype ? x : rawCast(x, wide), dim, extremes, indices);
      const values = wide === x.dtype ? extremes : rawCast(extremes, x.dtype);
      record(name === 'cummax' ? 'CummaxBackward0' : 'CumminBackward0', [values, indices], [x], (save) => {
        const kept = save(indices);
        const { sizes: shape } = x;
        return ([g]) => [
          applied(placing('scatterAdd', 'add', rawZeros(shape, g!.dtype), dim, kept.get(), g!, true), itself),
        ];
      });
      return pairOf(values, indices);
    },
    tests: () => ({
      samples: [
        call([t([3, 5], { fill: 'distinct' }), 1]),
        call([t([7, 3], { fill: 'distinct', layout: 'transposed' }), 0]),
        call([t([3, 17], { fill: 'ties', grad: false }), 1]),
        call([t([23], { fill: 'special' }), 0], {}, { noGrad: 'special values' }),
        call([t([]), 0]),
        call([t([7], { dtype: 'int64' }), -1]),
        call([t([7], { dtype: 'bool' }), 0]),
      ],
      errors: errors(),
    }),
  });
}
export const cummax = extreme(
  'cummax',
  'The running maximum along a dim and where it was, as { values, indices }; of equals the latest.',
);
export const cummin = extreme(
  'cummin',
  'The running minimum along a dim and where it was, as { values, indices }; of equals the latest.',
);

/** log Σ exp over what precedes each place, itself included, or over what follows it; no history. */
function logSumsOf(y: Tensor, dim: number, toEnd: boolean): Tensor {
  if (!toEnd) return scanned('logcumsumexp', y, dim, y.dtype);
  return reversed(scanned('logcumsumexp', reversed(y, dim), dim, y.dtype), dim);
}

/**
 * Σ g_j·exp(x_i − out_j) over j ≥ i (`toEnd`), or its transpose Σ h_i·exp(x_i − out_j) over i ≤ j. Both signs are summed apart, as
 * logarithms, so that nothing overflows; each is the other's gradient, so that it is linear in `g` also where that is 0.
 */
function weightedSums(g: Tensor, x: Tensor, out: Tensor, dim: number, toEnd: boolean): Tensor {
  const [inner, outer] = toEnd ? [out.neg(), x] : [x, out.neg()];
  const result = noGrad(() => {
    const size = g.abs().log();
    const part = (side: Tensor): Tensor =>
      logSumsOf(size.maskedFill(side.logicalNot(), Number.NEGATIVE_INFINITY).add(inner), dim, toEnd)
        .add(outer)
        .exp();
    return part(g.gt(0)).sub(part(g.lt(0)));
  });
  return record('LogcumsumexpBackwardBackward0', result, [g, x, out], (save) => {
    const [gs, xs, os] = [save(g), save(x), save(out)];
    return ([h]) => {
      const [v, a, b] = [gs.get(), xs.get(), os.get()];
      const across = weightedSums(h!, a, b, dim, !toEnd);
      const along = h!.mul(weightedSums(v, a, b, dim, toEnd));
      const other = v.mul(across);
      return toEnd ? [across, along, other.neg()] : [across, other, along.neg()];
    };
  });
}

/** Of complex numbers: every step adds what stands `reach` before, so that log₂ n steps add all. */
function logSumsComplex(x: Tensor, dim: number): Tensor {
  const n = x.sizes[dim] ?? 1;
  let out = x;
  for (let reach = 1; reach < n; reach *= 2) {
    const later = logaddexp.impl(sliced(out, dim, reach, n - reach), sliced(out, dim, 0, n - reach));
    out = cat.impl([sliced(out, dim, 0, reach), later], dim);
  }
  return out === x ? add.impl(x, 0) : out;
}

function logSums(x: Tensor, dim: number): Tensor {
  if (x.dtype.isComplex) return logSumsComplex(x, dim);
  const out = scanned('logcumsumexp', x, dim, x.dtype);
  return record('LogcumsumexpBackward0', out, [x], (save) => {
    const kept = save(x);
    const result = save(out);
    return ([g]) => [g!.ndim === 0 ? g! : weightedSums(g!, kept.get(), result.get(), dim, true)];
  });
}

export const logcumsumexp = defineOp({
  name: 'logcumsumexp',
  doc: 'log of the running sum of exp(input) along a dim, without overflow.',
  params: [self, dimParam],
  kernel: (x: Tensor, rawDim: number): Tensor => {
    const dim = wrapDim('logcumsumexp', rawDim, x.ndim);
    requireMemory('logcumsumexp', [x]);
    if (!x.dtype.isIntegral) return logSums(x, dim);
    const hint = `"logcumsumexp_out_cpu" not implemented for '${x.dtype.title}'`;
    throw new NotImplementedError(message('logcumsumexp', 'a floating dtype', x.dtype.name, hint));
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), 1]),
      call([t([7, 3], { fill: 'large', layout: 'transposed' }), 0]),
      call([t([]), 0]),
      call([t([9], { fill: 'special' }), 0], {}, { noGrad: 'special values' }),
    ],
    errors: [
      { args: [t([3, 5]), 2], throws: 'IndexError' },
      { args: [t([3], { dtype: 'int64' }), 0], throws: 'NotImplementedError' },
    ],
  }),
});
