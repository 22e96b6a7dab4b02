// The adapter of TensorFlow.js, with its CPU or its WebAssembly backend. Only calls of its public functions, with arguments put in its order.
import type { ArrayValue } from '../../compare.js';
import {
  binary,
  type Call,
  Calls,
  caller,
  type Foreign,
  mapped,
  type Packages,
  type PeerEngine,
  type PeerOps,
  same,
  type Training,
  Unsupported,
  unary,
} from '../engine.js';

interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: ArrayLike<number>, shape: readonly number[], dtype: string): TfTensor;
  tidy<R>(run: () => R): R;
  dispose(what: unknown): void;
  memory(): { numTensors: number };
  grads(run: (...inputs: TfTensor[]) => TfTensor): (inputs: TfTensor[], weight: TfTensor) => TfTensor[];
  variable(value: TfTensor): TfTensor & { assign(value: TfTensor): void };
  variableGrads(run: () => TfTensor): { value: TfTensor; grads: Record<string, TfTensor> };
}
interface TfTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  dataSync(): Float32Array | Int32Array | Uint8Array;
  add(other: Foreign): TfTensor;
  sub(other: Foreign): TfTensor;
  mul(other: Foreign): TfTensor;
  sum(): TfTensor;
  square(): TfTensor;
}

const WASM = '@tensorflow/tfjs-backend-wasm';
const DTYPES = ['float32', 'int32', 'bool'];

/** TensorFlow.js; the option names the backend. */
export async function openPeer(packages: Packages, backend = 'cpu'): Promise<PeerEngine> {
  const tf = (await packages.load('@tensorflow/tfjs')) as Tf;
  if (backend === 'wasm') setPaths(await packages.load(WASM), packages.locate(WASM));
  await tf.setBackend(backend);
  await tf.ready();
  const calls = new Calls();
  return {
    dtypes: DTYPES,
    ops: ops(caller(tf, calls)),
    calls,
    input: ({ data, shape, dtype }) => tf.tensor(data as ArrayLike<number>, shape, dtype),
    output,
    scope: (run) => tf.tidy(run),
    gradient: (run, inputs, weight) =>
      tf.grads((...xs) => run(xs) as TfTensor)(inputs as TfTensor[], weight as TfTensor),
    step: (run) => stepOf(tf, run),
    training: (x, rate) => training(tf, x as TfTensor, rate),
  };
}

function setPaths(module: unknown, main: string): void {
  const { setWasmPaths } = module as { setWasmPaths(folder: string): void };
  setWasmPaths(decodeURIComponent(new URL('.', main).pathname));
}

function output(value: Foreign): ArrayValue {
  const { dtype, shape } = value as TfTensor;
  return { dtype, shape: [...shape], data: (value as TfTensor).dataSync().slice() };
}

/** Memory is the caller's to free: the result's alone where nothing else was made, else all that was made. */
function stepOf(tf: Tf, run: () => Foreign | readonly Foreign[]): () => unknown {
  const before = tf.memory().numTensors;
  const result = run();
  const made = tf.memory().numTensors - before;
  tf.dispose(result);
  if (made === (Array.isArray(result) ? result.length : 1)) return () => tf.dispose(run());
  return () => tf.tidy(() => void run());
}

function training(tf: Tf, x: TfTensor, rate: number): Training {
  const one = () => tf.variable(tf.tensor([1], [1], 'float32'));
  const [w, b] = [one(), one()];
  const target = x.mul(3).sub(2);
  return {
    step: () =>
      tf.tidy(() => {
        const { grads } = tf.variableGrads(() => w.mul(x).add(b).sub(target).square().mul(0.5).sum());
        w.assign(w.sub(grads[w.name]!.mul(rate)));
        b.assign(b.sub(grads[b.name]!.mul(rate)));
      }),
    state: () => ({ dtype: 'float32', shape: [2], data: [w, b].map((each) => each.dataSync()[0]!) }),
  };
}

type Tfs = (name: string, ...args: unknown[]) => Foreign;

function ops(tf: Tfs): PeerOps {
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

function clamp(tf: Tfs, low: string, high: string): (call: Call) => Foreign {
  return (call) =>
    tf(
      'clipByValue',
      call.self,
      call.maybeNumber(low) ?? Number.NEGATIVE_INFINITY,
      call.maybeNumber(high) ?? Number.POSITIVE_INFINITY,
    );
}

/** The order of dims with two of them exchanged. */
function swapped(rank: number, a: number, b: number): number[] {
  return Array.from({ length: rank }, (_, dim) => (dim === a ? b : dim === b ? a : dim));
}

function shapes(tf: Tfs): PeerOps {
  const transpose = (first: string, second: string) => (call: Call) =>
    tf('transpose', call.self, swapped(call.shape.length, call.dim(first), call.dim(second)));
  const expand = (call: Call) => tf('broadcastTo', call.self, sizes(call, 'size'));
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

/** −1 keeps a size. */
function sizes(call: Call, name: string): number[] {
  const wanted = call.ints(name) ?? [];
  const added = wanted.length - call.shape.length;
  return wanted.map((size, at) => (size === -1 ? call.shape[at - added]! : size));
}

function triangle(tf: Tfs, lower: number, upper: number): (call: Call) => Foreign {
  return (call) => {
    call.without('diagonal');
    return tf('linalg.bandPart', call.self, lower, upper);
  };
}

function products(tf: Tfs): PeerOps {
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

/** Its CPU kernels want the channels last. */
const CHANNELS_LAST = [0, 2, 3, 1];
const CHANNELS_FIRST = [0, 3, 1, 2];

function layers(tf: Tfs): PeerOps {
  const last = (call: Call) => {
    if (call.shape.length !== 4) throw new Unsupported('it wants a batch');
    return tf('transpose', call.self, CHANNELS_LAST);
  };
  const pool = (name: string) => (call: Call) => {
    call.without('ceil_mode', 'dilation', 'return_indices', 'divisor_override');
    const padding = pair(call, 'padding');
    if (name === 'avgPool' && padding.some((one) => one !== 0))
      throw new Unsupported('it does not count padding');
    const size = pair(call, 'kernel_size');
    const stride = call.ints('stride') === undefined ? size : pair(call, 'stride');
    return tf('transpose', tf(name, last(call), size, stride, pads(padding)), CHANNELS_FIRST);
  };
  return {
    'nn.functional.conv2d': (call) => {
      call.without('groups');
      const weight = tf('transpose', call.tensor('weight'), [2, 3, 1, 0]);
      const [stride, dilation] = [pair(call, 'stride'), pair(call, 'dilation')];
      const result = tf('conv2d', last(call), weight, stride, pads(pair(call, 'padding')), 'NHWC', dilation);
      const bias = call.maybe('bias');
      return tf('transpose', bias === undefined ? result : tf('add', result, bias), CHANNELS_FIRST);
    },
    'nn.functional.max_pool2d': pool('maxPool'),
    'nn.functional.avg_pool2d': pool('avgPool'),
    'nn.functional.mse_loss': (call) => loss(tf, call, 'meanSquaredError'),
    'nn.functional.l1_loss': (call) => loss(tf, call, 'absoluteDifference'),
  };
}

function loss(tf: Tfs, call: Call, name: string): Foreign {
  call.without('reduction');
  return tf(`losses.${name}`, call.tensor('target'), call.self);
}

function pair(call: Call, name: string): [number, number] {
  const [first = 0, second = first] = call.ints(name) ?? [];
  return [first, second];
}

function pads([height, width]: readonly [number, number]): number[][] {
  return [
    [0, 0],
    [height, height],
    [width, width],
    [0, 0],
  ];
}
