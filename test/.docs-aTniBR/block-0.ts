process.chdir("/work/wt/optim/test/.docs-aTniBR");
import * as torch from 'torchstone';

const x = torch.ones([3, 2], { requiresGrad: true });
const y = x.add(5);
console.log(String(y));
// tensor([[6., 6.],
//         [6., 6.],
//         [6., 6.]], grad_fn=<AddBackward0>)

y.mul(y).add(1).sum().backward();
console.log(String(x.grad));
// tensor([[12., 12.],
//         [12., 12.],
//         [12., 12.]])

export {};
