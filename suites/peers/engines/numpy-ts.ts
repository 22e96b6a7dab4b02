// The adapter of numpy-ts: NumPy's functions under their own names. It does not differentiate.
import type { ArrayValue } from '../../common/compare.js';
import { type Foreign, Unsupported } from '../call.js';
import { Calls, caller, type Packages, type PeerEngine, unary } from '../engine.js';
import { numpyOps } from './numpy-style.js';

interface NumpyTs {
  frombuffer(data: ArrayValue['data'], dtype: string): NdArray;
  ascontiguousarray(value: NdArray): NdArray;
}
interface NdArray {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: (ArrayLike<number> | ArrayLike<bigint>) & { slice(): ArrayLike<number> };
  reshape(shape: readonly number[]): NdArray;
  copy(): NdArray;
  dispose(): void;
}

const DTYPES = ['float32', 'float64', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'];

/** numpy-ts. */
export async function openPeer(packages: Packages): Promise<PeerEngine> {
  const np = (await packages.load('numpy-ts')) as NumpyTs;
  const calls = new Calls();
  const call = caller(np, calls);
  return {
    dtypes: DTYPES,
    ops: {
      ...numpyOps(call, {
        reduce: (name, x, dims, keepdim) => call(name, x, axis(dims), keepdim),
        spread: (name, x, dims, correction, keepdim) => call(name, x, axis(dims), correction, keepdim),
      }),
      ...unary(call, { i0: 'i0' }),
      squeeze: (one) => {
        const dims = one.ones('dim');
        if (dims !== undefined && dims.length > 1) throw new Unsupported('it squeezes one dim at a time');
        if (dims?.length === 0) return one.self;
        return dims === undefined ? call('squeeze', one.self) : call('squeeze', one.self, dims[0]);
      },
      isclose: (one) =>
        call(
          'isclose',
          one.self,
          one.tensor('other'),
          one.number('rtol'),
          one.number('atol'),
          one.flag('equal_nan'),
        ),
      searchsorted: (one) => {
        one.without('out_int32', 'sorter', 'side');
        return call('searchsorted', one.self, one.tensor('input'), one.flag('right') ? 'right' : 'left');
      },
      nonzero: (one) => {
        one.without('as_tuple');
        return call('argwhere', one.self);
      },
      argwhere: (one) => call('argwhere', one.self),
    },
    calls,
    input: ({ data, shape, dtype }) => np.frombuffer(data, dtype).reshape(shape),
    output: (value) => output(np, value),
    step: (run) => stepOf(run),
  };
}

/** NumPy's axis: one number where it is one. */
function axis(dims: readonly number[] | undefined): number | readonly number[] | undefined {
  return dims?.length === 1 ? dims[0] : dims;
}

/** A result over all dims is a plain number. */
function output(np: NumpyTs, value: Foreign): ArrayValue {
  switch (typeof value) {
    case 'number':
      return { dtype: 'float64', shape: [], data: [value] };
    case 'boolean':
      return { dtype: 'bool', shape: [], data: [Number(value)] };
    case 'bigint':
      return { dtype: 'int64', shape: [], data: [value] };
    default: {
      const dense = np.ascontiguousarray(value as NdArray).copy();
      return { dtype: dense.dtype, shape: [...dense.shape], data: dense.data.slice() };
    }
  }
}

/** Arrays lie in the memory of WebAssembly and are the caller's to free. */
function stepOf(run: () => Foreign | readonly Foreign[]): () => unknown {
  return () => {
    const result = run();
    for (const one of Array.isArray(result) ? (result as readonly Foreign[]) : [result])
      if (typeof one === 'object' && one !== null) (one as NdArray).dispose();
  };
}
