// First and second gradients of shape, joining, indexing, sorting and cumulative ops against PyTorch 2.13.
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const bools = (data: unknown): Tensor => torch.tensor(data, { dtype: 'bool' });
const longs = (data: unknown): Tensor => torch.tensor(data, { dtype: 'int64' });

/** 1, 2, 3, … in a shape. */
const counting = (shape: readonly number[]): Tensor => {
  const n = shape.reduce((a, b) => a * b, 1);
  return torch
    .tensor(
      Array.from({ length: n }, (_, i) => i + 1),
      { dtype: 'float32' },
    )
    .reshape(shape);
};
const leaf = (shape: readonly number[]): Tensor => counting(shape).clone().requiresGrad_();
const plain = (x: Tensor | null): unknown => JSON.parse(JSON.stringify(x?.tolist() ?? null));

type Fn = (...xs: Tensor[]) => Tensor;

/** The op's value, node, Σ w·y² gradients and the gradients of Σ‖∂ Σ w·y³‖², to hold against PyTorch's. */
function measured(f: Fn, shapes: readonly (readonly number[])[]) {
  const xs = shapes.map(leaf);
  const y = f(...xs);
  y.mul(y).mul(counting(y.shape)).sum().backward();
  const zs = shapes.map(leaf);
  const z = f(...zs);
  const first = torch.autograd.grad(z.mul(z).mul(z).mul(counting(z.shape)).sum(), zs, { createGraph: true });
  first
    .map((g) => g!.mul(g!).sum())
    .reduce((a, b) => a.add(b))
    .backward();
  return {
    value: plain(y),
    node: y.gradFn?.name,
    grads: xs.map((x) => plain(x.grad)),
    second: zs.map((x) => plain(x.grad)),
  };
}

/** Name, call, shapes of the inputs, node, value, gradients, second gradients; the last three as JSON, to keep a case together. */
const cases: readonly (readonly [string, Fn, string, string, string, string, string])[] = [
  [
    'reshape',
    (x) => x!.t().reshape([6]),
    '[[2,3]]',
    'UnsafeViewBackward0',
    '[1,4,2,5,3,6]',
    '[[[2,12,30],[16,40,72]]]',
    '[[[36,2592,24300],[9216,72000,279936]]]',
  ],
  [
    'expand',
    (x) => x!.expand([2, 3, 2]),
    '[[3,1]]',
    'ExpandBackward0',
    '[[[1,1],[2,2],[3,3]],[[1,1],[2,2],[3,3]]]',
    '[[[36],[104],[204]]]',
    '[[[11664],[194688],[1123632]]]',
  ],
  [
    'asStrided',
    (x) => x!.asStrided([2, 3], [1, 1]),
    '[[2,2]]',
    'AsStridedBackward0',
    '[[1,2,3],[2,3,4]]',
    '[[[2,24],[48,48]]]',
    '[[[36,10368],[62208,82944]]]',
  ],
  [
    'asStrided exp',
    (x) => x!.expand([2, 2]).asStrided([3], [0]),
    '[[1,2]]',
    'AsStridedBackward0',
    '[1,1,1]',
    '[[[12,0]]]',
    '[[[1296,0]]]',
  ],
  [
    'diagonal',
    (x) => x!.diagonal(1),
    '[[2,3]]',
    'DiagonalBackward0',
    '[2,6]',
    '[[[0,4,0],[0,0,24]]]',
    '[[[0,288,0],[0,0,31104]]]',
  ],
  [
    'unbind',
    (x) => x!.unbind(1)[1]!,
    '[[2,3]]',
    'UnbindBackward0',
    '[2,5]',
    '[[[0,4,0],[0,20,0]]]',
    '[[[0,288,0],[0,18000,0]]]',
  ],
  [
    'split',
    (x) => x!.split([1, 2], 1)[1]!,
    '[[2,3]]',
    'SplitWithSizesBackward0',
    '[[2,3],[5,6]]',
    '[[[0,4,12],[0,30,48]]]',
    '[[[0,288,3888],[0,40500,124416]]]',
  ],
  [
    'cat',
    (a, b) => torch.cat([a!, b!], 1),
    '[[2,1],[2,2]]',
    'CatBackward0',
    '[[1,1,2],[2,3,4]]',
    '[[[2],[16]],[[4,12],[30,48]]]',
    '[[[36],[4608]],[[144,2592],[24300,82944]]]',
  ],
  [
    'stack',
    (a, b) => torch.stack([a!, b!], 1),
    '[[2],[2]]',
    'StackBackward0',
    '[[1,1],[2,2]]',
    '[[2,12],[4,16]]',
    '[[36,2592],[144,4608]]',
  ],
  [
    'repeat',
    (x) => x!.repeat(2, 2),
    '[[1,2]]',
    'RepeatBackward0',
    '[[1,2,1,2],[1,2,1,2]]',
    '[[[32,80]]]',
    '[[[9216,115200]]]',
  ],
  [
    'flip',
    (x) => x!.flip(0, 1),
    '[[2,2]]',
    'FlipBackward0',
    '[[4,3],[2,1]]',
    '[[[8,12],[12,8]]]',
    '[[[576,2592],[3888,2304]]]',
  ],
  [
    'roll',
    (x) => x!.roll([1, 1], [0, 1]),
    '[[2,3]]',
    'RollBackward0',
    '[[6,4,5],[3,1,2]]',
    '[[[10,24,24],[16,30,12]]]',
    '[[[900,10368,15552],[9216,40500,7776]]]',
  ],
  [
    'gather',
    (x) =>
      x!.gather(
        1,
        longs([
          [0, 0, 2],
          [1, 1, 1],
        ]),
      ),
    '[[2,3]]',
    'GatherBackward0',
    '[[1,1,3],[5,5,5]]',
    '[[[6,0,18],[0,150,0]]]',
    '[[[324,0,8748],[0,1012500,0]]]',
  ],
  [
    'scatter',
    (x, s) => x!.scatter(1, longs([[2], [0]]), s!),
    '[[2,3],[2,1]]',
    'ScatterBackward0',
    '[[1,2,1],[2,5,6]]',
    '[[[2,8,0],[0,50,72]],[[6],[16]]]',
    '[[[36,1152,0],[0,112500,279936]],[[324],[4608]]]',
  ],
  [
    'scatterAdd',
    (x, s) =>
      x!.scatterAdd(
        0,
        longs([
          [1, 1],
          [1, 0],
        ]),
        s!,
      ),
    '[[2,2],[2,2]]',
    'ScatterAddBackward0',
    '[[1,6],[7,6]]',
    '[[[2,24],[42,48]],[[42,48],[42,24]]]',
    '[[[36,62208],[333396,248832]],[[333396,248832],[333396,62208]]]',
  ],
  [
    'indexSelect',
    (x) => x!.indexSelect(1, longs([2, 0, 2])),
    '[[2,3]]',
    'IndexSelectBackward0',
    '[[3,1,3],[6,4,6]]',
    '[[[4,0,24],[40,0,120]]]',
    '[[[144,0,15552],[57600,0,777600]]]',
  ],
  [
    'indexAdd',
    (x, s) => x!.indexAdd(0, longs([1, 1]), s!, { alpha: 2 }),
    '[[2,2],[2,2]]',
    'IndexAddBackward0',
    '[[1,2],[11,16]]',
    '[[[2,8],[66,128]],[[132,256],[132,256]]]',
    '[[[36,1152],[3881196,21233664]],[[7762392,42467328],[7762392,42467328]]]',
  ],
  [
    'take',
    (x) => x!.take(longs([-1, 0, 0])),
    '[[2,2]]',
    'TakeBackward0',
    '[4,1,1]',
    '[[[10,0],[0,8]]]',
    '[[[900,0],[0,2304]]]',
  ],
  [
    'maskedFill',
    (x, v) => x!.maskedFill(bools([true, false]), v!),
    '[[2,2],[]]',
    'MaskedFillBackward1',
    '[[1,2],[1,4]]',
    '[[[0,8],[0,32]],8]',
    '[[[0,1152],[0,36864]],576]',
  ],
  [
    'maskedSelect',
    (x) =>
      x!.maskedSelect(
        bools([
          [true, false],
          [true, true],
        ]),
      ),
    '[[2,2]]',
    'MaskedSelectBackward0',
    '[1,3,4]',
    '[[[2,0],[12,24]]]',
    '[[[36,0],[3888,20736]]]',
  ],
  [
    'where',
    (a, b) => torch.where(bools([true, false]), a!, b!),
    '[[2],[2,2]]',
    'WhereBackward0',
    '[[1,2],[1,4]]',
    '[[8,0],[[0,8],[0,32]]]',
    '[[576,0],[[0,1152],[0,36864]]]',
  ],
  [
    'tril',
    (x) => x!.tril(-1),
    '[[3,3]]',
    'TrilBackward0',
    '[[0,0,0],[4,0,0],[7,8,0]]',
    '[[[0,0,0],[32,0,0],[98,128,0]]]',
    '[[[0,0,0],[36864,0,0],[605052,1179648,0]]]',
  ],
  [
    'diag',
    (x) => x!.diag(-1),
    '[[2]]',
    'DiagEmbedBackward0',
    '[[0,0,0],[1,0,0],[0,2,0]]',
    '[[8,32]]',
    '[[576,18432]]',
  ],
  [
    'sort',
    (x) => x!.sort(0, true).values,
    '[[2,2]]',
    'SortBackward0',
    '[[3,4],[1,2]]',
    '[[[6,16],[6,16]]]',
    '[[[324,4608],[972,9216]]]',
  ],
  ['topk', (x) => x!.topk(2).values, '[[4]]', 'TopkBackward0', '[4,3]', '[[0,0,12,8]]', '[[0,0,3888,2304]]'],
  [
    'cumsum',
    (x) => x!.cumsum(1),
    '[[2,3]]',
    'CumsumBackward0',
    '[[1,3,6],[4,9,15]]',
    '[[[50,48,36],[302,270,180]]]',
    '[[[293148,288576,233928],[22791384,21743640,15953760]]]',
  ],
];

describe('gradients and gradients of gradients are PyTorch’s', () => {
  it.each(cases)('%s', (_name, f, shapes, node, value, grads, second) => {
    const got = measured(f, JSON.parse(shapes) as number[][]);
    expect(got.node).toBe(node);
    expect(got.value).toEqual(JSON.parse(value));
    expect(got.grads).toEqual(JSON.parse(grads));
    expect(got.second).toEqual(JSON.parse(second));
  });

  it('cumprod’s gradients, with and without zeros', () => {
    const far = measured((x) => x.cumprod(0), [[4]]);
    expect(far.grads).toEqual([[4842, 2420, 1608, 1152]]);
    [184112283648, 113193410560, 78052925440, 58578284544].forEach((want, i) => {
      expect(Math.abs((far.second[0] as number[])[i]! / want - 1)).toBeLessThan(1e-5);
    });
    const zero = measured((x) => x.sub(2).cumprod(0), [[4]]);
    expect((zero.grads[0] as number[]).map((v) => v + 0)).toEqual([-2, 0, 0, 0]);
    expect((zero.second[0] as number[]).map((v) => v + 0)).toEqual([-36, 0, 0, 0]);
  });
});
