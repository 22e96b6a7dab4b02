process.chdir("/work/wt/optim/test/.docs-aTniBR");
import { matmul, optim, randn, zeros } from 'torchstone';

const [x, w] = [randn([64, 3]), zeros([3, 1], { requiresGrad: true })];
const y = matmul(x, randn([3, 1]));
const optimizer = new optim.Adam([w], { lr: 0.1 });
const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, { TMax: 200 });
for (let step = 0; step < 200; step++) {
  optimizer.zeroGrad();
  matmul(x, w).sub(y).square().mean().backward();
  optimizer.step();
  scheduler.step();
}
console.log(matmul(x, w).sub(y).abs().max().item() as number < 0.01); // true

export {};
