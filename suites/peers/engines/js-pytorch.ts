// The adapter of js-pytorch. Its tensors are nested arrays of JavaScript numbers: it computes in double precision, whatever goes in.
import type { ArrayValue } from '../../common/compare.js';
import { type Foreign, Unsupported } from '../call.js';
import {
  binary,
  Calls,
  caller,
  mapped,
  type Packages,
  type PeerEngine,
  type PeerOps,
  same,
  type Training,
  unary,
} from '../engine.js';

type Nested = number | Nested[];
interface JsTorch {
  tensor(data: Nested, requiresGrad?: boolean): JsTensor;
  readonly nn: {
    readonly Softmax: new () => { forward(x: Foreign, dim: number): Foreign };
    readonly ReLU: new () => { forward(x: Foreign): Foreign };
  };
}
interface JsTensor {
  readonly shape: readonly number[];
  readonly data: Nested;
  readonly grad: Nested | undefined;
  backward(weight?: JsTensor): void;
  sub(other: Foreign): JsTensor;
  add(other: Foreign): JsTensor;
  mul(other: Foreign): JsTensor;
  matmul(other: JsTensor): JsTensor;
  pow(exponent: number): JsTensor;
  sum(dim?: number): JsTensor;
}

const DTYPES = ['float32', 'float64'];

/** js-pytorch on the CPU. */
export async function openPeer(packages: Packages): Promise<PeerEngine> {
  const { torch } = (await packages.load('js-pytorch')) as { torch: JsTorch };
  const calls = new Calls();
  const input = ({ data, shape }: ArrayValue) => torch.tensor(nested(data as ArrayLike<number>, shape));
  return {
    dtypes: DTYPES,
    ops: ops(torch, calls),
    calls,
    input,
    output: (value) => flat((value as JsTensor).data),
    gradient: (run, inputs, weight) => {
      // The place for a gradient is made with the tensor.
      const leaves = (inputs as readonly JsTensor[]).map(({ data }) => torch.tensor(data, true));
      (run(leaves) as JsTensor).backward(weight as JsTensor);
      return leaves.map(({ grad }) => (grad === undefined ? null : torch.tensor(grad)));
    },
    training: (x, rate) => training(torch, x as JsTensor, rate),
  };
}

/** As its linear layer has it: a column times a matrix of one element, and a bias of one. */
function training(torch: JsTorch, x: JsTensor, rate: number): Training {
  const column = torch.tensor(numbersIn(x.data).map((one) => [one]));
  const target = column.mul(3).sub(2);
  let [w, b] = [1, 1];
  return {
    step: () => {
      // It has no in-place update outside its optimisers: parameters are made anew.
      const [ww, bb] = [torch.tensor([[w]], true), torch.tensor([b], true)];
      column.matmul(ww).add(bb).sub(target).pow(2).mul(0.5).sum(0).backward();
      w -= rate * firstOf(ww.grad);
      b -= rate * firstOf(bb.grad);
    },
    state: () => ({ dtype: 'float64', shape: [2], data: [w, b] }),
  };
}

function firstOf(value: Nested | undefined): number {
  return Array.isArray(value) ? firstOf(value[0]) : (value ?? Number.NaN);
}

/** Row-major values as lists in lists. */
function nested(data: ArrayLike<number>, shape: readonly number[]): Nested {
  let at = 0;
  const build = (dim: number): Nested => {
    if (dim === shape.length) {
      at += 1;
      return data[at - 1]!;
    }
    return Array.from({ length: shape[dim]! }, () => build(dim + 1));
  };
  return build(0);
}

function flat(value: Nested): ArrayValue {
  const shape: number[] = [];
  for (let at: Nested | undefined = value; Array.isArray(at); at = at[0]) shape.push(at.length);
  return { dtype: 'float64', shape, data: numbersIn(value) };
}

function numbersIn(value: Nested): number[] {
  return Array.isArray(value) ? value.flatMap(numbersIn) : [value];
}

function ops(torch: JsTorch, calls: Calls): PeerOps {
  const call = caller(torch, calls);
  return {
    ...unary(call, same('neg exp log sqrt')),
    ...binary(call, same('add mul div matmul')),
    true_divide: (one) => call('div', one.self, one.operand('other')),
    sub: (one) => (one.self as JsTensor).sub(one.operand('other')),
    mm: (one) => call('matmul', one.self, one.tensor('mat2')),
    bmm: (one) => call('matmul', one.self, one.tensor('mat2')),
    pow: (one) => call('pow', one.self, one.number('exponent')),
    reshape: (one) => call('reshape', one.self, one.ints('shape')),
    transpose: (one) => call('transpose', one.self, one.dim('dim0'), one.dim('dim1')),
    mean: (one) => {
      one.without('keepdim', 'dtype');
      return call('mean', one.self, oneDim(one.dims('dim')));
    },
    ...mapped(same('sum'), () => (one) => {
      one.without('keepdim', 'dtype');
      return (one.self as JsTensor).sum(oneDim(one.dims('dim')));
    }),
    relu: (one) => new torch.nn.ReLU().forward(one.self),
    softmax: (one) => new torch.nn.Softmax().forward(one.self, one.dim('dim')),
  };
}

function oneDim(dims: readonly number[] | undefined): number {
  if (dims?.length !== 1) throw new Unsupported('it reduces one dim at a time');
  return dims[0]!;
}
