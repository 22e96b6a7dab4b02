process.chdir("/work/wt/optim/test/.docs-aTniBR");
import { noGrad, ones, randn } from 'torchstone';

// Fit y = 3x - 2.
const w = ones([1], { requiresGrad: true });
const b = ones([1], { requiresGrad: true });
for (let step = 0; step < 500; step++) {
  const x = randn(20, 1);
  const loss = x.mul(w).add(b).sub(x.mul(3).sub(2)).square().sum().div(2);
  loss.backward();
  noGrad(() => {
    w.sub_(w.grad!.mul(0.01));
    b.sub_(b.grad!.mul(0.01));
  });
  w.grad!.zero_();
  b.grad!.zero_();
}
console.log(w.item(), b.item());

export {};
