// Holds the commands that are written by hand for speed (fast…) against the encoders' of the same tensors, on random geometry.
import { describe, expect, test } from 'vitest';
import {
  decodePointwise,
  encodePointwise,
  fastFlatPointwise,
  type PointwiseCommand,
  stridedPointwise,
} from '../../../engine/backend/commands/pointwise.js';
import {
  decodeReduce,
  encodeReduce,
  fastFlatReduce,
  fastFullReduce,
  type ReduceCommand,
  type Reducer,
  reducers,
  stridedReduce,
} from '../../../engine/backend/commands/reduce.js';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';
import { below, generator, pick, type Random } from '../../support/random.js';

const list = (length: number, make: () => number): number[] => Array.from({ length }, make);

/** Strides of a dim of one element say nothing. */
const settled = (sizes: readonly number[], strides: readonly number[]): number[] =>
  strides.map((stride, d) => (sizes[d] === 1 ? 0 : stride));

const sameWalk = (c: PointwiseCommand): PointwiseCommand => ({
  ...c,
  strides: c.strides.map((strides) => settled(c.sizes, strides)),
});

/** Reduced dims of one element are no dims. */
const sameReduction = (c: ReduceCommand): ReduceCommand => {
  const moving = c.reduced.map((size) => size !== 1);
  const inputs = c.inputs.map((input) => ({
    ...input,
    reduced: input.reduced.filter((_, d) => moving[d]),
  }));
  return { ...c, reduced: c.reduced.filter((size) => size !== 1), inputs };
};

/** A tensor that broadcasts to `shape`: contiguous, one element, expanded, permuted or with gaps. */
function operandFor(random: Random, shape: readonly number[]): Tensor {
  const n = shape.length;
  switch (below(random, 7)) {
    case 0:
      return torch.zeros([]);
    case 1:
      return torch.zeros(list(below(random, n + 1), () => 1));
    case 2:
      return torch.zeros([]).expand([...shape]);
    case 3:
      return torch.zeros(shape.map((size) => (random() < 0.3 ? 1 : size)));
    case 4: {
      const order = list(n, () => 0).map((_, d) => n - 1 - d);
      return torch.zeros(order.map((d) => shape[d]!)).permute(order);
    }
    case 5:
      return torch.zeros([...shape, 2]).select(-1, below(random, 2));
    default:
      return torch.zeros([...shape]);
  }
}

describe('what is written by hand for speed', () => {
  const randomShape = (random: Random): number[] =>
    list(below(random, 5), () => pick(random, [1, 1, 2, 3, 5, 8]));

  test('is the same pointwise command', () => {
    const random = generator(17);
    const seen = { fast: 0, strided: 0 };
    for (let i = 0; i < 600; i++) {
      const shape = randomShape(random);
      const out = random() < 0.8 ? torch.zeros([...shape]) : torch.zeros([...shape, 2]).select(-1, 0);
      const inputs = Array.from({ length: below(random, 4) }, () => operandFor(random, shape));
      const params = list(below(random, 3), random);
      const counts = () => ({ params: params.length, outputs: 1, inputs: inputs.length });
      const fast = fastFlatPointwise(7, out, inputs, params);
      const written = fast ? decodePointwise(counts) : null;
      encodePointwise('op', stridedPointwise(7, out, inputs, params));
      const general = decodePointwise(counts);
      seen[fast ? 'fast' : 'strided'] += 1;
      if (written !== null) expect(sameWalk(written)).toEqual(sameWalk(general));
    }
    expect(Math.min(seen.fast, seen.strided)).toBeGreaterThan(100);
  });

  test('is the same reduce command', () => {
    const random = generator(19);
    const seen = { full: 0, flat: 0, strided: 0 };
    for (let i = 0; i < 600; i++) {
      const shape = randomShape(random);
      const reduced = shape.map(() => random() < 0.8);
      const reducer = pick(random, Object.keys(reducers) as Reducer[]);
      const kept = shape.filter((_, d) => !reduced[d]);
      const [out, outIndex] = [torch.zeros(kept), reducer.startsWith('arg') ? torch.zeros(kept) : null];
      const inputs = Array.from({ length: below(random, 3) }, () => operandFor(random, shape));
      const params = list(below(random, 3), random);
      const counts = () => ({ params: params.length, outputs: 1, inputs: inputs.length });
      const flat = fastFlatReduce(7, reducer, shape, reduced, out, outIndex, inputs, params);
      const written = flat ? decodeReduce(counts) : null;
      encodeReduce('op', stridedReduce(7, reducer, shape, reduced, out, outIndex, inputs, params));
      const general = sameReduction(decodeReduce(counts));
      seen[flat ? 'flat' : 'strided'] += 1;
      if (written === null) continue;
      expect(sameReduction(written)).toEqual(general);
      const [x] = inputs;
      const plain = inputs.length === 1 && params.length === 0 && outIndex === null && x!.rowMajor;
      if (!plain || x!.length !== shape.reduce((a, b) => a * b, 1)) continue;
      seen.full += 1;
      fastFullReduce(7, reducer, out, x!);
      expect(sameReduction(decodeReduce(counts))).toEqual(general);
    }
    expect(Math.min(seen.full, seen.flat, seen.strided)).toBeGreaterThan(15);
  });
});
