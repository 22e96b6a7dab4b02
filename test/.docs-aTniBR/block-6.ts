process.chdir("/work/wt/optim/test/.docs-aTniBR");
import * as torch from 'torchstone';

const [x, y] = [torch.randn(8, 8), torch.randn(8, 8)];
x.sum(1, { keepdim: true });
x.sum({ dim: 1, keepdim: true });
torch.cat([x, y], { dim: 1 });

export {};
