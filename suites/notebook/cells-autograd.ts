// Cells H to J: gradients, vector-Jacobian products, a loss.
import * as ts from 'torchstone';
import { tensorOf } from '../common/bind.js';
import type { Cell } from './cell.js';
import type { Check } from './check.js';

/** A recorded array as a tensor. */
export function recordedTensor(check: Check, name: string) {
  return tensorOf(check.recorded(name) as Parameters<typeof tensorOf>[0]);
}

const leaf = () => ts.ones([3, 2], { requiresGrad: true });

/** Cell H: a graph, its printed nodes, and the gradient of its sum. */
export const autograd: readonly Cell[] = [
  {
    id: 'H/gradient',
    run(check) {
      const x = leaf();
      check.text('x', String(x), String(check.value('x')));
      const y = x.add(5);
      check.tensor('y', y);
      const z = y.mul(y).add(1);
      check.tensor('z', z);
      const t = ts.sum(z);
      check.tensor('t', t);
      t.backward();
      check.tensor('grad', x.grad!);
    },
  },
  {
    id: 'H/errors',
    run(check) {
      const x = leaf();
      const z = x.add(5).mul(2).pow(2);
      check.error('nonScalar', () => z.backward(), /scalar/);
      check.holds('a refused backward leaves no gradient', x.grad === null);
      const t = ts.sum(z);
      t.backward();
      const before = String(x.grad);
      check.error('twice', () => t.backward(), /second time|freed|retain/);
      check.text('the gradient after a refused second backward', String(x.grad), before);
      check.error('noGraph', () => ts.ones([]).backward(), /grad/);
    },
  },
];

/** Cell I: backward with a vector is the gradient of a weighted sum. */
export const vectorJacobian: readonly Cell[] = [
  {
    id: 'I/same-gradient',
    run(check) {
      const forward = (x: ReturnType<typeof leaf>) => {
        const y = x.add(5);
        return ts.ones([]).div(ts.exp(y.neg()).add(1));
      };
      const x = leaf();
      const r = forward(x);
      check.tensor('r', r, false);
      const s = ts.sum(r);
      check.tensor('s', s);
      s.backward();
      check.tensor('gradOfSum', x.grad!);
      const again = leaf();
      forward(again).backward(ts.ones([3, 2]));
      check.tensor('gradOfOnes', again.grad!);
    },
  },
  {
    id: 'I/wrong-size',
    run(check) {
      const x = leaf();
      const y = x.add(5);
      check.error('wrongSize', () => y.backward(ts.ones([2, 2])), /\[2, 2\]/);
      check.holds('a refused backward leaves no gradient', x.grad === null);
    },
  },
];

/** Cell J: the loss of a line, and both gradients. */
export const loss: readonly Cell[] = [
  {
    id: 'J/loss',
    run(check) {
      const x = recordedTensor(check, 'x');
      const y = x.mul(3).sub(2);
      check.tensor('y', y);
      const w = ts.tensor([1], { dtype: 'float32', requiresGrad: true });
      const b = ts.tensor([1], { dtype: 'float32', requiresGrad: true });
      check.text('w', String(w), String(check.value('w')));
      const yHat = w.mul(x).add(b);
      const total = ts.sum(yHat.sub(y).pow(2).div(2));
      check.tensor('loss', total);
      total.backward();
      check.tensor('wGrad', w.grad!);
      check.tensor('bGrad', b.grad!);
      // The closed form: Σ(y_hat − y)·x and Σ(y_hat − y).
      const error = yHat.detach().sub(y);
      check.near('w.grad', Number(w.grad!.item()), Number(ts.sum(error.mul(x)).item()), 1e-4);
      check.near('b.grad', Number(b.grad!.item()), Number(ts.sum(error).item()), 1e-4);
    },
  },
];
