process.chdir("/work/wt/optim/test/.docs-aTniBR");
import * as torch from 'torchstone';

const w = torch.ones([1], { requiresGrad: true });
const loss = torch.randn(20, 1).mul(w).sub(3).square().mean();
loss.backward();
console.log(w.grad!.item());

export {};
