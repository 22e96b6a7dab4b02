// Lists of tensors that may be spread, as Python's *tensors: einsum('ij,jk', a, b), blockDiag(a, b).
import { expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

const [a, b] = [torch.ones([2]), torch.arange(3, { dtype: 'float32' })];
const m = torch.ones([2, 2]);
const text = (x: unknown): string => String(x);

it.each([
  ['blockDiag', torch.blockDiag(a, b), torch.blockDiag([a, b])],
  ['blockDiag of one', torch.blockDiag(a), torch.blockDiag([a])],
  ['cartesianProd', torch.cartesianProd(b, b), torch.cartesianProd([b, b])],
  ['chainMatmul', torch.chainMatmul(m, m, m), torch.chainMatmul([m, m, m])],
  ['broadcastTensors', torch.broadcastTensors(a, m), torch.broadcastTensors([a, m])],
  ['broadcastShapes', torch.broadcastShapes([2, 1], [3]), torch.broadcastShapes([[2, 1], [3]])],
  ['meshgrid', torch.meshgrid(a, b), torch.meshgrid([a, b])],
  ['meshgrid, named', torch.meshgrid(a, b, { indexing: 'xy' }), torch.meshgrid([a, b], { indexing: 'xy' })],
  ['atleast2d', torch.atleast2d(a, m), torch.atleast2d([a, m])],
  ['einsum', torch.einsum('i,jk->ijk', a, m), torch.einsum('i,jk->ijk', [a, m])],
  ['einsum of one', torch.einsum('ii', m), torch.einsum('ii', [m])],
  ['einsum, by labels', torch.einsum(a, [0], m, [1, 2], [0, 1, 2]), torch.einsum('i,jk->ijk', a, m)],
])('%s', (_, spread, listed) => {
  expect(text(spread)).toBe(text(listed));
});

it('one tensor of atleast1d comes back as one', () => {
  expect(torch.atleast1d(torch.tensor(2))).toBeInstanceOf(torch.Tensor);
  expect(torch.atleast1d([torch.tensor(2)])).toHaveLength(1);
});

it.each([
  [
    () => torch.blockDiag(a, 3 as unknown as torch.Tensor),
    /blockDiag: required 'tensors' to be a list of Tensors/,
  ],
  [() => torch.meshgrid(a, b, { index: 'xy' } as object), /did you mean 'indexing'|indexing/],
  [() => torch.broadcastTensors(a, b, { tensors: [a] } as never), /'tensors' once/],
])('%s is refused', (call, words) => {
  expect(call).toThrow(words);
  expect(call).toThrow(TypeError);
});
