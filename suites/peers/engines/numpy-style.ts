// Operations of libraries with NumPy's names and argument order. What differs between them is a `Style`.
import { type Call, type Foreign, Unsupported } from '../call.js';
import { binary, type Caller, mapped, type PeerOps, same, unary } from '../engine.js';

/** How an engine differs from NumPy's functions. */
export interface Style {
  /** A reduction over these dims, undefined for all. */
  reduce(name: string, x: Foreign, dims: readonly number[] | undefined, keepdim: boolean): Foreign;
  /** Variance or deviation with the divisor n − correction. */
  spread(name: string, x: Foreign, dims: number[] | undefined, correction: number, keepdim: boolean): Foreign;
}

/** The operations. */
export function numpyOps(np: Caller, style: Style): PeerOps {
  return { ...elementwise(np), ...reductions(np, style), ...shapes(np), ...products(np), ...orders(np) };
}

function elementwise(np: Caller): PeerOps {
  return {
    ...unary(
      np,
      same(
        'abs acos acosh asin asinh atan atanh ceil cos cosh deg2rad exp exp2 expm1 floor isfinite isinf isnan isneginf isposinf log log10 log1p log2 logical_not positive rad2deg reciprocal sign signbit sin sinc sinh sqrt square tan tanh trunc zeros_like ones_like',
      ),
    ),
    ...unary(np, { neg: 'negative', bitwise_not: 'invert' }),
    ...binary(
      np,
      same(
        'true_divide floor_divide fmod remainder maximum minimum fmax fmin atan2 hypot logaddexp logaddexp2 copysign ldexp nextafter logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor gcd lcm',
      ),
    ),
    ...binary(np, {
      add: 'add',
      sub: 'subtract',
      mul: 'multiply',
      div: 'true_divide',
      eq: 'equal',
      ne: 'not_equal',
      lt: 'less',
      le: 'less_equal',
      gt: 'greater',
      ge: 'greater_equal',
      bitwise_left_shift: 'left_shift',
      bitwise_right_shift: 'right_shift',
    }),
    ...binary(np, { pow: 'power', float_power: 'float_power' }, 'exponent'),
    ...binary(np, { heaviside: 'heaviside' }, 'values'),
    round: (call) => np('round', call.self, call.number('decimals')),
    clamp: clip(np, 'min', 'max'),
    clamp_min: (call) => np('maximum', call.self, call.operand('min')),
    clamp_max: (call) => np('minimum', call.self, call.operand('max')),
    'nn.functional.hardtanh': clip(np, 'min_val', 'max_val'),
    where: (call) => np('where', call.tensor('condition'), call.operand('input'), call.operand('other')),
    nan_to_num: (call) => {
      call.without('nan', 'posinf', 'neginf');
      return np('nan_to_num', call.self);
    },
  };
}

function clip(np: Caller, low: string, high: string): (call: Call) => Foreign {
  return (call) => {
    const [min, max] = [call.bound(low), call.bound(high)];
    return np('clip', call.self, min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY);
  };
}

function reductions(np: Caller, style: Style): PeerOps {
  const reduce = (name: string) => (call: Call) => {
    return style.reduce(name, call.self, call.dims('dim'), call.flag('keepdim'));
  };
  const extreme = (name: string) => (call: Call) => {
    call.without('dim');
    return style.reduce(name, call.self, undefined, false);
  };
  const spread = (name: string) => (call: Call) => {
    const corrected = call.given('correction')
      ? call.number('correction')
      : call.given('unbiased')
        ? Number(call.flag('unbiased'))
        : 1;
    return style.spread(name, call.self, call.dims('dim'), corrected, call.flag('keepdim'));
  };
  return {
    ...mapped({ ...same('sum mean prod any all nansum nanmean'), amax: 'max', amin: 'min' }, reduce),
    ...mapped(same('max min'), extreme),
    ...mapped(same('var std'), spread),
    ...mapped(same('argmax argmin'), (name) => (call) => {
      const dims = call.dims('dim');
      return dims === undefined ? np(name, call.self) : np(name, call.self, dims[0]);
    }),
    ...mapped(same('cumsum cumprod'), (name) => (call) => np(name, call.self, call.dim('dim'))),
    diff: (call) => np('diff', call.self, call.number('n'), call.dim('dim')),
    trace: (call) => np('trace', call.self),
    count_nonzero: (call) => {
      call.without('dim');
      return np('count_nonzero', call.self);
    },
  };
}

function shapes(np: Caller): PeerOps {
  const swap = (first: string, second: string) => (call: Call) =>
    np('swapaxes', call.self, call.dim(first), call.dim(second));
  const expand = (call: Call) => np('broadcast_to', call.self, call.expanded('size'));
  return {
    reshape: (call) => np('reshape', call.self, call.ints('shape')),
    'Tensor.view': (call) => np('reshape', call.self, call.ints('size')),
    ravel: (call) => np('ravel', call.self),
    transpose: swap('dim0', 'dim1'),
    swapaxes: swap('axis0', 'axis1'),
    permute: (call) => np('transpose', call.self, call.dims('dims')),
    t: (call) => np('transpose', call.self),
    unsqueeze: (call) => np('expand_dims', call.self, call.dim('dim', call.shape.length + 1)),
    ...unary(np, same('fliplr flipud')),
    flip: (call) => np('flip', call.self, call.dims('dims')),
    rot90: (call) => np('rot90', call.self, call.number('k'), call.ints('dims')),
    roll: (call) => {
      const dims = call.dims('dims');
      const shifts = call.ints('shifts') ?? [];
      return dims === undefined
        ? np('roll', call.self, shifts.length === 1 ? shifts[0] : shifts)
        : np('roll', call.self, shifts, dims);
    },
    tile: (call) => np('tile', call.self, call.ints('dims')),
    'Tensor.repeat': (call) => np('tile', call.self, call.ints('repeats')),
    broadcast_to: expand,
    'Tensor.expand': expand,
    cat: (call) =>
      np('concatenate', call.tensors('tensors'), call.dim('dim', call.shapesOf('tensors')[0]!.length)),
    stack: (call) =>
      np('stack', call.tensors('tensors'), call.dim('dim', call.shapesOf('tensors')[0]!.length + 1)),
    ...mapped(
      same('hstack vstack dstack column_stack'),
      (name) => (call) => np(name, call.tensors('tensors')),
    ),
    unbind: (call) => np('unstack', call.self, call.dim('dim')),
    ...mapped(same('diag tril triu'), (name) => (call) => np(name, call.self, call.number('diagonal'))),
    diagflat: (call) => np('diagflat', call.self, call.number('offset')),
    diagonal: (call) => np('diagonal', call.self, call.number('offset'), call.dim('dim1'), call.dim('dim2')),
  };
}

function products(np: Caller): PeerOps {
  const two = (name: string, second: string) => (call: Call) => np(name, call.self, call.tensor(second));
  return {
    matmul: two('matmul', 'other'),
    mm: two('matmul', 'mat2'),
    bmm: two('matmul', 'mat2'),
    mv: two('matmul', 'vec'),
    dot: two('dot', 'tensor'),
    inner: two('inner', 'other'),
    vdot: two('vdot', 'other'),
    outer: two('outer', 'vec2'),
    kron: two('kron', 'other'),
    einsum: (call) => np('einsum', call.text('equation'), ...call.tensors('operands')),
    det: (call) => np('linalg.det', call.self),
    inverse: (call) => np('linalg.inv', call.self),
    'linalg.svdvals': (call) => np('linalg.svdvals', call.self),
    'linalg.solve': (call) => np('linalg.solve', call.self, call.tensor('B')),
  };
}

function orders(np: Caller): PeerOps {
  return {
    sort: (call) => {
      call.without('descending');
      // A stable sort gives the values that any sort gives.
      call.flag('stable');
      const dim = call.dim('dim');
      return [np('sort', call.self, dim), np('argsort', call.self, dim)];
    },
    argsort: (call) => {
      call.without('descending');
      call.flag('stable');
      return np('argsort', call.self, call.dim('dim'));
    },
    gather: (call) => {
      const [dim, index] = [call.dim('dim'), call.shapeOf('index')];
      if (call.shape.some((size, at) => at !== dim && size !== index[at]))
        throw new Unsupported('it wants an index of the input in every other dim');
      return np('take_along_axis', call.self, call.tensor('index'), dim);
    },
    index_select: (call) => np('take', call.self, call.tensor('index'), call.dim('dim')),
  };
}
