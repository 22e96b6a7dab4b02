// The operations of TensorFlow.js: elementwise ones and reductions here, the others beside.
import { type Call, type Foreign, Unsupported } from '../call.js';
import { binary, type Caller, mapped, type PeerOps, same, unary } from '../engine.js';
import { layers } from './tfjs-layers.js';
import { products, shapes } from './tfjs-shapes.js';

/** Its operations. */
export function tfOps(tf: Caller): PeerOps {
  const axis = (call: Call) => call.dims('dim');
  const reduction = (name: string) => (call: Call) => {
    call.without('dtype');
    return tf(name, call.self, axis(call), call.flag('keepdim'));
  };
  return {
    ...unary(
      tf,
      same(
        'abs acos acosh asin asinh atan atanh ceil cos cosh erf exp expm1 floor log log1p neg reciprocal relu round rsqrt selu sigmoid sign sin sinh sqrt square tan tanh clone',
      ),
    ),
    ...unary(tf, {
      isnan: 'isNaN',
      isinf: 'isInf',
      isfinite: 'isFinite',
      logical_not: 'logicalNot',
      zeros_like: 'zerosLike',
      ones_like: 'onesLike',
      'nn.functional.logsigmoid': 'logSigmoid',
      'nn.functional.softplus': 'softplus',
      'nn.functional.relu6': 'relu6',
      'nn.functional.elu': 'elu',
    }),
    ...binary(tf, {
      ...same('add sub mul div maximum minimum atan2'),
      true_divide: 'div',
      floor_divide: 'floorDiv',
      remainder: 'mod',
      eq: 'equal',
      ne: 'notEqual',
      lt: 'less',
      le: 'lessEqual',
      gt: 'greater',
      ge: 'greaterEqual',
      logical_and: 'logicalAnd',
      logical_or: 'logicalOr',
      logical_xor: 'logicalXor',
      bitwise_and: 'bitwiseAnd',
    }),
    ...binary(tf, { pow: 'pow' }, 'exponent'),
    ...mapped(
      {
        ...same('sum mean prod any all'),
        amax: 'max',
        amin: 'min',
        logsumexp: 'logSumExp',
      },
      reduction,
    ),
    ...mapped({ argmax: 'argMax', argmin: 'argMin' }, (name) => (call) => {
      const dims = axis(call);
      return dims ? tf(name, call.self, dims[0]) : tf(name, tf('reshape', call.self, [-1]));
    }),
    ...mapped({ max: 'max', min: 'min' }, (name) => (call) => {
      call.without('dim');
      return tf(name, call.self);
    }),
    ...mapped(same('cumsum cumprod'), (name) => (call) => tf(name, call.self, call.dim('dim'))),
    'linalg.vector_norm': (call) => {
      const order = call.number('ord');
      return tf('norm', call.self, order === 2 ? 'euclidean' : order, axis(call), call.flag('keepdim'));
    },
    softmax: (call) => tf('softmax', call.self, lastDim(call)),
    log_softmax: (call) => tf('logSoftmax', call.self, lastDim(call)),
    clamp: clamp(tf, 'min', 'max'),
    'nn.functional.hardtanh': clamp(tf, 'min_val', 'max_val'),
    'nn.functional.leaky_relu': (call) => tf('leakyRelu', call.self, call.number('negative_slope')),
    where: (call) => tf('where', call.tensor('condition'), call.operand('input'), call.operand('other')),
    ...shapes(tf),
    ...products(tf),
    ...layers(tf),
  };
}

function lastDim(call: Call): number {
  const dim = call.dim('dim');
  if (dim !== call.shape.length - 1) throw new Unsupported('it has softmax over the last dim only');
  return dim;
}

function clamp(tf: Caller, low: string, high: string): (call: Call) => Foreign {
  return (call) =>
    tf(
      'clipByValue',
      call.self,
      call.maybeNumber(low) ?? Number.NEGATIVE_INFINITY,
      call.maybeNumber(high) ?? Number.POSITIVE_INFINITY,
    );
}
