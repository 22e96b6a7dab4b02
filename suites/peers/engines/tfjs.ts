// The adapter of TensorFlow.js, with its CPU or its WebAssembly backend. Only calls of its public functions, with arguments put in its order.
import type { ArrayValue } from '../../common/compare.js';
import type { Foreign } from '../call.js';
import { Calls, caller, type Packages, type PeerEngine, type Training } from '../engine.js';
import { tfOps } from './tfjs-ops.js';

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
    ops: tfOps(caller(tf, calls)),
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
