// Cells K and L: training loops, replayed along PyTorch's path and run on their own.
import * as ts from 'torchstone';
import { arrayOf, type EngineTensor } from '../common/bind.js';
import type { Cell } from './cell.js';
import { recordedTensor } from './cells-autograd.js';

interface Line {
  readonly w: EngineTensor;
  readonly b: EngineTensor;
}

const line = (): Line => ({
  w: ts.tensor([1], { dtype: 'float32', requiresGrad: true }),
  b: ts.tensor([1], { dtype: 'float32', requiresGrad: true }),
});

/** One step of cell K, as the notebook writes it. */
function stepK({ w, b }: Line, x: EngineTensor, rate = 0.01): void {
  const y = x.mul(3).sub(2);
  const yHat = w.mul(x).add(b);
  ts.sum(yHat.sub(y).pow(2).div(2)).backward();
  descend(w, b, rate);
}

function descend(w: EngineTensor, b: EngineTensor, rate: number): void {
  ts.noGrad(() => {
    w.sub_(w.grad!.mul(rate));
    b.sub_(b.grad!.mul(rate));
  });
  w.grad!.zero_();
  b.grad!.zero_();
}

/** Cell K: ten recorded steps, and the way to 3 and −2. */
export const training: readonly Cell[] = [
  {
    id: 'K/path',
    run(check) {
      const xs = recordedTensor(check, 'x');
      const state = line();
      const path: number[] = [];
      for (let step = 0; step < xs.shape[0]!; step += 1) {
        stepK(state, xs.at(step));
        path.push(Number(state.w.item()), Number(state.b.item()));
      }
      const want = check.recorded('path');
      // Two numbers a step, each the float32 result of all the steps before it.
      check.array('path', { dtype: 'float64', shape: want.shape, data: path }, want, 2e-6);
    },
  },
  {
    id: 'K/converges',
    run(check, { seed, series }) {
      ts.manualSeed(seed);
      const state = line();
      const path: [number, number][] = [];
      for (let step = 0; step < 500; step += 1) {
        stepK(state, ts.randn([20, 1]));
        path.push([step + 1, Number(state.w.item())]);
      }
      check.near('w', Number(state.w.item()), 3, 1e-3);
      check.near('b', Number(state.b.item()), -2, 1e-3);
      series({ id: 'K/w', label: 'cell K: w on its way to 3', x: 'step', y: 'w', points: path });
      const [w, b] = check.value('last') as [number, number];
      check.near("w of PyTorch's own run", w, 3, 1e-3);
      check.near("b of PyTorch's own run", b, -2, 1e-3);
    },
  },
  {
    id: 'K/noGrad',
    run(check) {
      const { w } = line();
      const inside = ts.noGrad(() => w.mul(2));
      check.holds('noGrad records nothing', !inside.requiresGrad && inside.gradFn === null);
      check.holds('outside it records again', w.mul(2).requiresGrad);
      const state = line();
      stepK(state, ts.ones([20, 1]));
      check.holds('w stays a leaf', state.w.isLeaf && state.w.requiresGrad);
      check.near('w.grad after zero_()', Number(state.w.grad!.item()), 0);
      check.error('leafInPlace', () => state.w.sub_(1), /leaf/);
    },
  },
];

/** One epoch of cell L, as the notebook writes it. Returns the loss. */
function epochL(w: EngineTensor, b: EngineTensor, x: EngineTensor, rate: number): number {
  const n = x.shape[0]!;
  const y = ts.dot(ts.ones([n]).mul(3), x).sub(2);
  const yHat = ts.dot(w, x).add(b);
  const total = ts.sum(yHat.sub(y).pow(2).div(2));
  total.backward();
  descend(w, b, rate);
  return Number(total.item());
}

const parametersL = (n: number) => ({
  w: ts.randn([n], { requiresGrad: true }),
  b: ts.ones([1], { requiresGrad: true }),
});

/** ‖w − 3‖² + (b + 2)². */
function distanceL(w: EngineTensor, b: EngineTensor): number {
  return ts.noGrad(() => Number(ts.sum(w.sub(3).pow(2)).item()) + (Number(b.item()) + 2) ** 2);
}

/** Cell L: replayed small, proven to converge with a stable rate, and shown to diverge with the notebook's. */
export const large: readonly Cell[] = [
  {
    id: 'L/path',
    run(check) {
      const xs = recordedTensor(check, 'x');
      const w = recordedTensor(check, 'w').requiresGrad_();
      const b = ts.ones([1], { requiresGrad: true });
      const rate = Number(check.value('rate'));
      const losses: number[] = [];
      for (let step = 0; step < xs.shape[0]!; step += 1) losses.push(epochL(w, b, xs.at(step), rate));
      const want = check.recorded('losses');
      check.array('losses', { dtype: 'float64', shape: want.shape, data: losses }, want, 1e-4);
      check.array('w', arrayOf(w.detach()), check.recorded('wEnd'), 2e-5);
      check.array('b', arrayOf(b.detach()), check.recorded('bEnd'), 2e-5);
    },
  },
  {
    id: 'L/converges',
    run(check, { seed, series }) {
      // Every epoch projects onto one random direction, which shrinks the expected distance by 1 − 1/(n+1): n is kept small
      // enough that 600 epochs suffice.
      ts.manualSeed(seed);
      const n = 20;
      const { w, b } = parametersL(n);
      const points: [number, number][] = [];
      for (let epoch = 1; epoch <= 600; epoch += 1) {
        const x = ts.randn([n]);
        // At most 1/(x·x + 1): the step never overshoots, whatever was drawn.
        epochL(w, b, x, 1 / (Number(ts.dot(x, x).item()) + 1));
        points.push([epoch, distanceL(w, b)]);
      }
      const [first, last] = [points[0]![1], points.at(-1)![1]];
      check.holds(`the distance to 3 and −2 falls from ${first} below 1e-6, is ${last}`, last < 1e-6);
      check.near('b', Number(b.item()), -2, 1e-3);
      series({
        id: 'L/distance',
        label: 'cell L with a stable rate',
        x: 'epoch',
        y: '‖w − 3‖² + (b + 2)²',
        points,
      });
    },
  },
  {
    id: 'L/stable-rate',
    run(check, { seed, full }) {
      ts.manualSeed(seed);
      const n = full ? 1_000_000 : 100_000;
      const { w, b } = parametersL(n);
      let before = distanceL(w, b);
      for (let epoch = 0; epoch < 5; epoch += 1) {
        const x = ts.randn([n]);
        const first = epochL(w, b, x, 1 / n);
        const after = distanceL(w, b);
        check.holds(
          `epoch ${epoch}: the distance does not grow (${before} to ${after})`,
          after <= before * (1 + 1e-6),
        );
        const second = epochL(w, b, x, 0);
        check.holds(
          `epoch ${epoch}: the loss on the same x falls from ${first} to ${second}`,
          second < 0.01 * first,
        );
        before = after;
      }
    },
  },
  {
    id: 'L/diverges-as-written',
    run(check, { seed, full }) {
      ts.manualSeed(seed);
      // The notebook's rate · N = 1000 at either size: that product decides.
      const n = full ? 1_000_000 : 100_000;
      const { w, b } = parametersL(n);
      const first = epochL(w, b, ts.randn([n]), 1000 / n);
      let last = first;
      for (let epoch = 0; epoch < 40 && Number.isFinite(last); epoch += 1)
        last = epochL(w, b, ts.randn([n]), 1000 / n);
      check.holds(`the loss grows without bound, from ${first} to ${last}`, !(last < 1e6 * first));
    },
  },
];
