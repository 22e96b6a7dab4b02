// Fits a line by hand: the training loop of the introductory notebook (cell K).
//   npx tsx examples/train-line.ts
import { manualSeed, noGrad, ones, randn } from 'torchstone';

manualSeed(0);

const w = ones([1], { requiresGrad: true });
const b = ones([1], { requiresGrad: true });
const rate = 0.01;

for (let step = 1; step <= 50; step++) {
  const x = randn([20, 1]);
  const y = x.mul(3).sub(2);
  const loss = x.mul(w).add(b).sub(y).pow(2).div(2).sum();
  loss.backward();
  noGrad(() => {
    w.sub_(w.grad!.mul(rate));
    b.sub_(b.grad!.mul(rate));
  });
  w.grad!.zero_();
  b.grad!.zero_();
  if (step % 10 === 0) console.log(`step ${step}: w ${w.item()}, b ${b.item()}, loss ${loss.item()}`);
}
