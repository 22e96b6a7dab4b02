// Cells A to D: creation, indexing, reshape, arithmetic.
import * as ts from 'torchstone';
import { tensorOf } from '../common/bind.js';
import type { Cell } from './cell.js';

const matrix = () =>
  ts.tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);

/** Cell A: filled, random and listed tensors, and how they print. */
export const create: readonly Cell[] = [
  {
    id: 'A/filled',
    run(check) {
      check.tensor('ones', ts.ones(3, 2));
      check.tensor('zeros', ts.zeros(3, 2));
      check.tensor('zerosLike', ts.zerosLike(ts.rand(3, 2)));
      check.tensor('linspace', ts.linspace(0, 1, 5));
      check.tensor('matrix', matrix());
    },
  },
  {
    id: 'A/zerosLike-keeps-dtype',
    run(check) {
      const like = ts.zerosLike(matrix());
      check.holds('zerosLike of an int64 tensor is int64', like.dtype === ts.int64);
      check.holds('and has its shape', String(like.size()) === 'torch.Size([3, 2])');
    },
  },
  {
    id: 'A/empty',
    run(check) {
      const made = ts.empty(3, 2);
      check.holds('empty(3, 2) is float32', made.dtype === ts.float32);
      check.text('size', String(made.size()), 'torch.Size([3, 2])');
    },
  },
  {
    id: 'A/round',
    run(check) {
      const drawn = tensorOf(check.recorded('randn') as Parameters<typeof tensorOf>[0]);
      check.tensor('randn', drawn);
      check.tensor('round', ts.round(drawn));
    },
  },
];

/** Cell B: rows, columns, elements; slices are views. */
export const index: readonly Cell[] = [
  {
    id: 'B/read',
    run(check) {
      const x = matrix();
      check.tensor('x', x);
      check.text('size', String(x.size()), String(check.value('size')));
      check.tensor('column', x.at(':', 1));
      check.tensor('row', x.at(0, ':'));
      const element = x.at(1, 1);
      check.tensor('element', element);
      check.text('elementSize', String(element.size()), String(check.value('elementSize')));
      check.holds('item() is the number 4', element.item() === check.value('item'));
    },
  },
  {
    id: 'B/write-through',
    run(check) {
      const x = matrix();
      x.setAt([':', 1], 0);
      check.tensor('written', x);
      const y = matrix();
      y.at(':', 1).zero_();
      check.tensor('written', y);
    },
  },
  {
    id: 'B/errors',
    run(check) {
      const x = matrix();
      const before = String(x);
      check.error('outOfRange', () => x.at(3, 0), /3.*(dim|size)/);
      check.error('tooMany', () => x.at(0, 0, 0), /too many|3/);
      check.error('itemOfMany', () => x.item(), /6|\[3, 2\]/);
      check.text('x', String(x), before);
    },
  },
];

/** Cell C: views keep row-major order and share memory. */
export const reshape: readonly Cell[] = [
  {
    id: 'C/view',
    run(check) {
      const x = matrix();
      check.tensor('view23', x.view(2, 3));
      check.tensor('view6', x.view(6, -1));
      x.view(2, 3).setAt([0, 0], 100);
      check.tensor('shared', x);
    },
  },
  {
    id: 'C/errors',
    run(check) {
      const x = matrix();
      check.error('incompatible', () => x.t().view(6), /reshape|contiguous|stride/);
      check.error('wrongSize', () => x.view(4, 2), /\[4, 2\].*6|6.*\[4, 2\]/);
      check.error('twoInferred', () => x.view(-1, -1), /-1|infer/);
    },
  },
];

/** Cell D: pointwise arithmetic, in place and not. */
export const arithmetic: readonly Cell[] = [
  {
    id: 'D/pointwise',
    run(check) {
      const x = ts.ones(3, 2);
      const y = ts.ones(3, 2);
      check.tensor('add', x.add(y));
      check.tensor('sub', x.sub(y));
      check.tensor('mul', x.mul(y));
      check.tensor('method', y.add(x));
      check.tensor('untouched', y);
    },
  },
  {
    id: 'D/in-place',
    run(check) {
      const x = ts.ones(3, 2);
      const y = ts.ones(3, 2);
      const returned = y.add_(x);
      check.tensor('changed', y);
      check.holds('add_ returns the tensor itself', (returned === y) === check.value('returnsItself'));
    },
  },
  {
    id: 'D/mismatch',
    run(check) {
      const x = ts.ones(3, 2);
      check.error('mismatch', () => x.add(ts.ones(2, 3)), /\[3, 2\].*\[2, 3\]/);
      check.text('x', String(x), String(ts.ones(3, 2)));
    },
  },
];
