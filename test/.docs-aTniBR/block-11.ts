process.chdir("/work/wt/optim/test/.docs-aTniBR");
import { optim, zeros } from 'torchstone';

const optimizer = new optim.SGD([zeros([2], { requiresGrad: true })], { lr: 1, momentum: 0.9 });
const warmup = new optim.lrScheduler.LinearLR(optimizer, { startFactor: 0.25, totalIters: 3 });
const decay = new optim.lrScheduler.ExponentialLR(optimizer, { gamma: 0.5 });
const scheduler = new optim.lrScheduler.SequentialLR(optimizer, [warmup, decay], [3]);
const rates: number[] = [];
for (let epoch = 0; epoch < 5; epoch++) {
  rates.push(Number(scheduler.getLastLr()[0]));
  optimizer.step();
  scheduler.step();
}
console.log(rates.join()); // 0.25,0.5,0.75,1,0.5

export {};
