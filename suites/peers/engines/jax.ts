// The adapter of jax-js with its WebAssembly backend. Its operations consume their arguments: every use takes a reference first.
import type { ArrayValue } from '../../common/compare.js';
import { type Call, type Foreign, Unsupported } from '../call.js';
import {
  type Caller,
  Calls,
  caller,
  type Packages,
  type PeerEngine,
  type PeerOps,
  type Training,
  unary,
} from '../engine.js';
import { numpyOps, type Style } from './numpy-style.js';

interface Jax {
  readonly numpy: {
    array(data: ArrayLike<number>, options: { shape: readonly number[]; dtype: string }): JaxArray;
    zeros(shape: readonly number[], options: { dtype: string }): JaxArray;
  };
  vjp(
    run: (...inputs: Foreign[]) => Foreign,
    inputs: readonly Foreign[],
  ): [JaxArray, (weight: Foreign) => Foreign[]];
  grad(
    run: (...inputs: JaxArray[]) => JaxArray,
    options: { argnums: number[] },
  ): (...inputs: JaxArray[]) => JaxArray[];
}
interface JaxArray {
  readonly ref: JaxArray;
  readonly dtype: string;
  readonly shape: readonly number[];
  dataSync(): ArrayLike<number> & { slice(): ArrayLike<number> };
  blockUntilReady(): Promise<JaxArray>;
  dispose(): void;
  add(other: Foreign): JaxArray;
  sub(other: Foreign): JaxArray;
  mul(other: Foreign): JaxArray;
  sum(): JaxArray;
}

// float64 needs a Float16Array, which Node has from 24 on.
const DTYPES = ['float32', 'int32', 'bool'];

/** jax-js. */
export async function openPeer(packages: Packages): Promise<PeerEngine> {
  const jax = (await packages.load('@jax-js/jax')) as Jax;
  const calls = new Calls();
  const call = caller(jax, calls);
  const np = (name: string, ...args: unknown[]) => call(`numpy.${camel(name)}`, ...args);
  const array = ({ data, shape, dtype }: ArrayValue) => {
    // It makes no array of an empty list, but has empty arrays.
    if (data.length === 0) return jax.numpy.zeros(shape, { dtype });
    const numbers = data as ArrayLike<number>;
    return jax.numpy.array(dtype === 'bool' ? Int32Array.from(numbers) : numbers, { shape, dtype });
  };
  return {
    dtypes: DTYPES,
    ops: { ...numpyOps(np, style(np)), ...more(call, np) },
    calls,
    input: array,
    output: (value) => {
      const { dtype, shape } = value as JaxArray;
      return { dtype, shape: [...shape], data: (value as JaxArray).dataSync().slice() };
    },
    take: (tensor) => (tensor as JaxArray).ref,
    gradient: (run, inputs, weight) => {
      const [result, back] = jax.vjp((...xs) => run(xs), inputs);
      result.dispose();
      return back(weight);
    },
    step: (run) => async () => {
      const result = run();
      for (const one of (Array.isArray(result) ? result : [result]) as JaxArray[]) {
        await one.blockUntilReady();
        one.dispose();
      }
    },
    training: (x, rate) => training(jax, array, x as JaxArray, rate),
  };
}

/** NumPy's names in JavaScript's spelling. */
function camel(name: string): string {
  if (name === 'abs' || name === 'var') return name === 'var' ? 'var_' : name;
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function style(np: Caller): Style {
  return {
    reduce: (name, x, dims, keepdims) => np(name, x, dims ?? null, { keepdims }),
    spread: (name, x, dims, correction, keepdims) => np(name, x, dims ?? null, { correction, keepdims }),
  };
}

/** What NumPy does not have. */
function more(jax: Caller, np: Caller): PeerOps {
  const alpha = (name: string, parameter: string) => (call: Call) =>
    jax(`nn.${name}`, call.self, call.number(parameter));
  return {
    ...unary(jax, {
      erf: 'lax.erf',
      erfc: 'lax.erfc',
      sigmoid: 'nn.sigmoid',
      relu: 'nn.relu',
      selu: 'nn.selu',
      'nn.functional.relu6': 'nn.relu6',
      'nn.functional.silu': 'nn.silu',
      'nn.functional.mish': 'nn.mish',
      'nn.functional.softplus': 'nn.softplus',
      'nn.functional.softsign': 'nn.softSign',
      'nn.functional.logsigmoid': 'nn.logSigmoid',
      'nn.functional.hardsigmoid': 'nn.hardSigmoid',
      'nn.functional.hardswish': 'nn.hardSwish',
    }),
    'nn.functional.leaky_relu': alpha('leakyRelu', 'negative_slope'),
    'nn.functional.elu': alpha('elu', 'alpha'),
    celu: alpha('celu', 'alpha'),
    'nn.functional.gelu': (call) =>
      jax('nn.gelu', call.self, { approximate: call.text('approximate') === 'tanh' }),
    'nn.functional.glu': (call) => jax('nn.glu', call.self, call.dim('dim')),
    softmax: (call) => jax('nn.softmax', call.self, call.dim('dim')),
    log_softmax: (call) => jax('nn.logSoftmax', call.self, call.dim('dim')),
    logsumexp: (call) =>
      jax('nn.logsumexp', call.self, call.dims('dim') ?? null, { keepdims: call.flag('keepdim') }),
    squeeze: (call) => {
      const dims = call.ones('dim');
      if (dims?.length === 0) return call.self;
      return dims === undefined ? np('squeeze', call.self) : np('squeeze', call.self, dims);
    },
    'nn.functional.conv2d': (call) => {
      call.without('groups');
      if (call.shape.length !== 4) throw new Unsupported('it wants a batch');
      const pads = call.pair('padding').map((one) => [one, one]);
      const [strides, dilation] = [call.pair('stride'), call.pair('dilation')];
      const filters = call.tensor('weight');
      const result = jax('lax.convWithGeneralPadding', call.self, filters, strides, pads, [1, 1], dilation);
      const bias = call.maybe('bias');
      return bias === undefined ? result : np('add', result, np('reshape', bias, [-1, 1, 1]));
    },
    'nn.functional.linear': (call) => {
      const product = np('matmul', call.self, np('transpose', call.tensor('weight')));
      const bias = call.maybe('bias');
      return bias === undefined ? product : np('add', product, bias);
    },
    topk: (call) => {
      if (!call.flag('largest')) throw new Unsupported('it has the largest only');
      call.flag('sorted');
      return jax('lax.topK', call.self, call.number('k'), call.dim('dim')) as Foreign[];
    },
  };
}

function training(jax: Jax, array: (value: ArrayValue) => JaxArray, x: JaxArray, rate: number): Training {
  const one = () => array({ dtype: 'float32', shape: [1], data: Float32Array.of(1) });
  let [w, b] = [one(), one()];
  const target = x.ref.mul(3).sub(2);
  const slopes = jax.grad(
    (ww, bb) => {
      const off = ww.mul(x.ref).add(bb).sub(target.ref);
      return off.ref.mul(off).mul(0.5).sum();
    },
    { argnums: [0, 1] },
  );
  return {
    step: async () => {
      const [gw, gb] = slopes(w.ref, b.ref) as [JaxArray, JaxArray];
      w = w.sub(gw.mul(rate));
      b = b.sub(gb.mul(rate));
      await Promise.all([w.blockUntilReady(), b.blockUntilReady()]);
    },
    state: () => ({ dtype: 'float32', shape: [2], data: [w, b].map((each) => each.ref.dataSync()[0]!) }),
  };
}
