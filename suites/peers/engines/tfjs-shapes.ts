// The operations of TensorFlow.js on shapes, and its products of matrices.
import { type Call, type Foreign, Unsupported } from '../call.js';
import type { Caller, PeerOps } from '../engine.js';

/** The order of dims with two of them exchanged. */
function swapped(rank: number, a: number, b: number): number[] {
  return Array.from({ length: rank }, (_, dim) => (dim === a ? b : dim === b ? a : dim));
}

/** Views, and what joins or cuts. */
export function shapes(tf: Caller): PeerOps {
  const transpose = (first: string, second: string) => (call: Call) =>
    tf('transpose', call.self, swapped(call.shape.length, call.dim(first), call.dim(second)));
  const expand = (call: Call) => tf('broadcastTo', call.self, call.expanded('size'));
  return {
    reshape: (call) => tf('reshape', call.self, call.ints('shape')),
    'Tensor.view': (call) => tf('reshape', call.self, call.ints('size')),
    ravel: (call) => tf('reshape', call.self, [-1]),
    unsqueeze: (call) => tf('expandDims', call.self, call.dim('dim', call.shape.length + 1)),
    squeeze: (call) => {
      const dims = call.ones('dim');
      return dims?.length === 0 ? tf('clone', call.self) : tf('squeeze', call.self, dims);
    },
    permute: (call) => tf('transpose', call.self, call.dims('dims')),
    transpose: transpose('dim0', 'dim1'),
    swapaxes: transpose('axis0', 'axis1'),
    t: (call) => tf('transpose', call.self),
    'Tensor.contiguous': (call) => tf('clone', call.self),
    flip: (call) => tf('reverse', call.self, call.dims('dims') ?? []),
    tile: (call) => {
      const times = call.ints('dims') ?? [];
      const rank = Math.max(times.length, call.shape.length);
      const filled = (list: readonly number[]) => [...new Array<number>(rank - list.length).fill(1), ...list];
      const x = rank === call.shape.length ? call.self : tf('reshape', call.self, filled(call.shape));
      return tf('tile', x, filled(times));
    },
    broadcast_to: expand,
    'Tensor.expand': expand,
    cat: (call) =>
      tf('concat', call.tensors('tensors'), call.dim('dim', call.shapesOf('tensors')[0]!.length)),
    stack: (call) =>
      tf('stack', call.tensors('tensors'), call.dim('dim', call.shapesOf('tensors')[0]!.length + 1)),
    unbind: (call) => tf('unstack', call.self, call.dim('dim')),
    narrow: (call) => {
      const dim = call.dim('dim');
      const start = call.number('start');
      const from = start < 0 ? start + call.shape[dim]! : start;
      const begin = call.shape.map((_, at) => (at === dim ? from : 0));
      return tf(
        'slice',
        call.self,
        begin,
        call.shape.map((size, at) => (at === dim ? call.number('length') : size)),
      );
    },
    constant_pad_nd: (call) => {
      const widths = call.ints('pad') ?? [];
      if (widths.some((width) => width < 0)) throw new Unsupported('it does not crop by negative widths');
      const pairs = call.shape.map((_, dim) => {
        const at = 2 * (call.shape.length - 1 - dim);
        return [widths[at] ?? 0, widths[at + 1] ?? 0];
      });
      return tf('pad', call.self, pairs, call.number('value'));
    },
    tril: triangle(tf, -1, 0),
    triu: triangle(tf, 0, -1),
    topk: (call) => {
      if (call.dim('dim') !== call.shape.length - 1 || !call.flag('largest'))
        throw new Unsupported('it has the largest along the last dim only');
      const { values, indices } = tf('topk', call.self, call.number('k'), call.flag('sorted')) as {
        values: Foreign;
        indices: Foreign;
      };
      return [values, indices];
    },
  };
}

function triangle(tf: Caller, lower: number, upper: number): (call: Call) => Foreign {
  return (call) => {
    call.without('diagonal');
    return tf('linalg.bandPart', call.self, lower, upper);
  };
}

/** Products of matrices. */
export function products(tf: Caller): PeerOps {
  const product = (second: string) => (call: Call) => {
    const small = call.shape.length < 2 || call.shapeOf(second).length < 2;
    return tf(small ? 'dot' : 'matMul', call.self, call.tensor(second));
  };
  return {
    matmul: product('other'),
    mm: product('mat2'),
    bmm: product('mat2'),
    mv: product('vec'),
    dot: product('tensor'),
    outer: (call) => tf('outerProduct', call.self, call.tensor('vec2')),
    einsum: (call) => tf('einsum', call.text('equation'), ...call.tensors('operands')),
    'nn.functional.linear': (call) => {
      const product = tf('matMul', call.self, call.tensor('weight'), false, true);
      const bias = call.maybe('bias');
      return bias === undefined ? product : tf('add', product, bias);
    },
  };
}
