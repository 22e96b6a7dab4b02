// Copies, casts, fills and detach. Their kernel is a pointwise program that copies or fills.

import { checkHistory, checkInPlace, rebase } from '../../autograd/in-place.js';
import { connect, FunctionNode, record, shouldRecord } from '../../autograd/node.js';
import { launchPointwise } from '../../backend/commands/pointwise.js';
import { Complex } from '../../core/complex.js';
import { type Device, placedOn, requireDevice } from '../../core/device.js';
import { asDType, type DType, int64 } from '../../core/dtype.js';
import { ArgumentError, message, RuntimeError, showShape } from '../../core/errors.js';
import { alias, copyAcross, newLike, newStrided, newTensor, newWritten } from '../../core/factory.js';
import { scalarAs } from '../../core/scalar.js';
import { contiguousStrides, expandsTo, isDense } from '../../core/shape.js';
import { type NumericArray, type Scalar, Tensor } from '../../core/tensor.js';
import { copyOf, rawCopy } from '../../pointwise/copy.js';
import { apply, expr, param } from '../../pointwise/expr.js';
import { compile } from '../../pointwise/program.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';

const self: Param = { name: 'input', kind: 'tensor' };
const scalarParam = param(0);
const complexParam = apply('complex', param(0), param(1));

/** The value of a fill under way. A list of a whole number would first be made one of floats, by a call into V8. */
const filling = [Number.NaN];

/** Fills without checks or history. int64 values beyond 2^53 keep their digits. */
export function rawFill(to: Tensor, value: Scalar): void {
  if (typeof value === 'number') {
    filling[0] = value;
    launchPointwise('fill_', compile(scalarParam, to.dtype, [], 1, to.dtype), to, [], filling);
    return;
  }
  if (typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) {
    if (to.dtype === int64) {
      const one = (data: NumericArray): void => {
        data[0] = value;
      };
      rawCopy(
        to,
        placedOn(to.device, () => newWritten([], int64, one)),
      );
      return;
    }
  }
  if (value instanceof Complex) {
    const program = compile(complexParam, to.dtype, [], 2, to.dtype);
    launchPointwise('fill_', program, to, [], [value.re, value.im]);
    return;
  }
  rawFill(to, Number(value));
}

/** A contiguous copy in another dtype; no history. */
export function rawCast(x: Tensor, dtype: DType): Tensor {
  const out = newTensor(x.sizes, dtype);
  rawCopy(out, x);
  return out;
}

const zero = expr(0);
/** Fresh zeros; no history. */
export function rawZeros(shape: readonly number[], dtype: DType): Tensor {
  const out = newTensor(shape, dtype);
  launchPointwise('zeros', compile(zero, dtype, [], 0, dtype), out, [], []);
  return out;
}

export const clone = defineOp({
  name: 'clone',
  doc: 'A copy with its own memory, in the same order of memory; gradients pass through it.',
  params: [self],
  kernel: (x: Tensor): Tensor =>
    record(
      'CloneBackward0',
      x.device.type === 'meta' ? newLike(x, x.dtype, x.device) : copyOf(x),
      [x],
      () => (g) => g,
    ),
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([3, 5], { layout: 'transposed' })]),
      call([t([], { dtype: 'int64' })]),
    ],
  }),
});

export const contiguous = defineOp({
  name: 'contiguous',
  torch: 'torch.Tensor.contiguous',
  doc: 'The tensor itself where it is row-major without gaps, else a copy that is.',
  params: [self],
  variants: ['method'],
  kernel: (x: Tensor): Tensor =>
    x.rowMajor ? x : record('CloneBackward0', rawCast(x, x.dtype), [x], () => (g) => g),
  tests: () => ({
    samples: [
      call([t([3, 5], { layout: 'transposed' })]),
      call([t([3, 5])]),
      call([t([3, 5], { layout: 'strided' })]),
    ],
  }),
});

/** The tensor in another dtype and the same order of memory, itself where nothing changes. Recorded. */
export function cast(x: Tensor, dtype: DType, copy = false): Tensor {
  if (x.dtype === dtype) return copy ? clone.impl(x) : x;
  const from = x.dtype;
  const out = newLike(x, dtype);
  rawCopy(out, x);
  return record('ToCopyBackward0', out, [x], () => ([g]) => [cast(g!, from)]);
}

/** The tensor on another device in the same order of memory, itself where it is there. Recorded. @throws RuntimeError without that device, or without memory */
export function moved(x: Tensor, to: Device): Tensor {
  requireDevice('to', to);
  if (to === x.device) return x;
  if (to.type === 'meta') return newLike(x, x.dtype, to);
  if (to.kernels === null) throw new RuntimeError(message('to', 'a device with memory', String(to)));
  if (x.device.kernels !== null) {
    const from = x.device;
    const dense = isDense(x.sizes, x.strides) ? x : placedOn(from, () => copyOf(x));
    return record('ToCopyBackward0', copyAcross(dense, to), [x], () => (g) => [moved(g[0]!, from)]);
  }
  throw new RuntimeError(
    message('to', 'a tensor with memory', 'one on meta', 'Cannot copy out of meta tensor; no data!'),
  );
}

/** Memory formats, by PyTorch's names. */
export const memoryFormats = oneOf(
  ['preserve_format', 'contiguous_format', 'channels_last', 'channels_last_3d'],
  ArgumentError,
);
const memoryFormat: Param = {
  name: 'memory_format',
  kind: 'string',
  default: null,
  keyword: true,
  choices: memoryFormats,
};

/** The strides of a memory format; null where the input's own are kept. @throws RuntimeError for dims that it is not for. */
function stridesIn(op: string, format: string | null, shape: readonly number[]): readonly number[] | null {
  if (format === null || format === 'preserve_format') return null;
  if (format === 'contiguous_format') return contiguousStrides(shape);
  const ndim = ({ channels_last: 4, channels_last_3d: 5 } as const)[format as 'channels_last'];
  if (shape.length !== ndim) {
    const hint = `required rank ${ndim} tensor to use ${format} format`;
    throw new RuntimeError(message(op, `${ndim} dims`, showShape(shape), hint));
  }
  const [n, c, ...rest] = shape as [number, number, ...number[]];
  const inner = contiguousStrides([n, ...rest, c]);
  return [inner[0]!, 1, ...inner.slice(1, -1)];
}

/** The tensor in another dtype and memory format, itself where it has both. Recorded. */
export function castInto(op: string, x: Tensor, dtype: DType, format: string | null, copy = false): Tensor {
  const strides = stridesIn(op, format, x.sizes);
  const same = strides === null || x.sizes.every((size, d) => size === 1 || x.strides[d] === strides[d]);
  if (strides === null || (x.dtype === dtype && same && !copy)) return cast(x, dtype, copy);
  const from = x.dtype;
  const out = newStrided(x.sizes, strides, dtype);
  rawCopy(out, x);
  return record('ToCopyBackward0', out, [x], () => ([g]) => [cast(g!, from)]);
}

/** `x.float()`, `x.long()`, …: one op for each PyTorch shorthand. */
function shorthand(name: string, dtype: DType | string) {
  const d = asDType(dtype);
  return defineOp({
    name,
    torch: `torch.Tensor.${name}`,
    doc: `The tensor as ${d.name}.`,
    params: [self, memoryFormat],
    variants: ['method'],
    compose: (x: Tensor, format: string | null): Tensor => castInto(name, x, d, format),
    ...(d.isInexact ? {} : { notDifferentiable: `the result is ${d.name}` }),
    tests: () => ({
      samples: [
        call([t([3, 5], { fill: 'nonzero' })]),
        call([t([3, 5], { dtype: 'int32', fill: { low: 0, high: 9 } })]),
      ],
    }),
  });
}
export const float = shorthand('float', 'float32');
export const double = shorthand('double', 'float64');
export const long = shorthand('long', 'int64');
export const int = shorthand('int', 'int32');
export const short = shorthand('short', 'int16');
export const boolCast = shorthand('bool', 'bool');
export const half = shorthand('half', 'float16');
export const bfloat16Cast = shorthand('bfloat16', 'bfloat16');
export const cfloat = shorthand('cfloat', 'complex64');
export const cdouble = shorthand('cdouble', 'complex128');
export const byte = shorthand('byte', 'uint8');
export const char = shorthand('char', 'int8');

export const detach = defineOp({
  name: 'detach',
  doc: 'The same memory without history: no gradient flows through it.',
  params: [self],
  kernel: (x: Tensor): Tensor => alias(x),
  notDifferentiable: 'it cuts the graph on purpose',
  tests: () => ({ samples: [call([t([3, 5])])] }),
});

/** Records a change that replaces all of `target`: gradients go to `sources`, zeros to what it was. */
function recordReplacement(
  name: string,
  target: Tensor,
  sources: readonly Tensor[],
  backward: (g: Tensor) => readonly (Tensor | null)[],
): void {
  let node: FunctionNode | null = null;
  if (!target.dtype.isIntegral && shouldRecord([target, ...sources])) {
    const { sizes: shape, dtype } = target;
    node = new FunctionNode(name, () => ([g]) => [rawZeros(shape, dtype), ...backward(g!)]);
    connect(node, [target, ...sources]);
    node.addOutput(target);
  }
  target.storage.version++;
  rebase(target, node);
}

export const copy = defineOp({
  name: 'copy_',
  torch: 'torch.Tensor.copy_',
  doc: "Copies another tensor's values into this one, broadcast and cast.",
  params: [self, { name: 'src', kind: 'tensorOrScalar' }],
  variants: ['inplace'],
  kernel: (x: Tensor, _src: Tensor | Scalar): Tensor => x,
  inPlace: (x: Tensor, src: Tensor | Scalar): Tensor => {
    if (!(src instanceof Tensor)) return fill.inplace!(x, src);
    checkInPlace('copy_', x, [x, src]);
    if (!expandsTo(src.sizes, x.sizes)) {
      throw new RuntimeError(
        message('copy_', `a source that broadcasts to ${showShape(x.sizes)}`, showShape(src.sizes)),
      );
    }
    const from = x.device.kernels === null ? src : moved(src, x.device);
    rawCopy(x, from.storage === x.storage ? copyOf(from) : from);
    recordReplacement('CopyBackwards', x, [from], (g) => [g]);
    return x;
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), t([5])]),
      call([t([3, 5], { layout: 'transposed' }), t([3, 5], { dtype: 'float64' })]),
    ],
    errors: [{ args: [t([3, 5]), t([4])], throws: 'RuntimeError' }],
  }),
});

export const fill = defineOp({
  name: 'fill_',
  torch: 'torch.Tensor.fill_',
  doc: 'Sets every element to a value.',
  params: [self, { name: 'value', kind: 'tensorOrScalar' }],
  variants: ['inplace'],
  kernel: (x: Tensor, _value: Tensor | Scalar): Tensor => x,
  inPlace: (x: Tensor, value: Tensor | Scalar): Tensor => {
    if (value instanceof Tensor) {
      checkInPlace('fill_', x, [x, value]);
      if (value.ndim !== 0) {
        throw new RuntimeError(
          message(
            'fill_',
            'a 0-d value',
            showShape(value.sizes),
            `fill_ only supports 0-dimension value tensor but got tensor with ${value.ndim} dimensions.`,
          ),
        );
      }
      rawCopy(x, value);
      recordReplacement('FillBackward1', x, [value], (g) => [g]);
      return x;
    }
    // One value everywhere may be written to the same place twice.
    checkHistory('fill_', x);
    rawFill(x, scalarAs('fill_', value, x.dtype));
    recordReplacement('FillBackward0', x, [], () => []);
    return x;
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), 2.5]),
      call([t([3, 5], { layout: 'strided' }), -1]),
      call([t([3, 5], { dtype: 'int64' }), 7]),
      call([t([3, 5], { dtype: 'bool' }), true]),
    ],
    errors: [{ args: [t([3, 5]), t([2])], throws: 'RuntimeError' }],
  }),
});

export const zero_ = defineOp({
  name: 'zero_',
  torch: 'torch.Tensor.zero_',
  doc: 'Sets every element to 0.',
  params: [self],
  variants: ['inplace'],
  kernel: (x: Tensor): Tensor => x,
  inPlace: (x: Tensor): Tensor => {
    checkHistory('zero_', x);
    rawFill(x, 0);
    recordReplacement('ZeroBackward0', x, [], () => []);
    return x;
  },
  tests: () => ({ samples: [call([t([3, 5])]), call([t([3, 5], { dtype: 'bool' })])] }),
});

export const filled = defineOp({
  name: 'fill',
  doc: 'A tensor like input with every element set to a value.',
  params: [self, { name: 'value', kind: 'tensorOrScalar' }],
  variants: ['function'],
  compose: (x: Tensor, value: Tensor | Scalar): Tensor => fill.inplace!(clone.impl(x), value),
  tests: () => ({ samples: [call([t([3, 5]), 2.5]), call([t([3, 5], { layout: 'transposed' }), t([])])] }),
});
