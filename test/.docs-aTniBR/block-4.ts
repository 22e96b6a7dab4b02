process.chdir("/work/wt/optim/test/.docs-aTniBR");
import * as torch from 'torchstone';

const a = torch.tensor([[1, 2], [3, 4], [5, 6]]);      // int64, as in PyTorch
const b = torch.randn(3, 2);                           // float32
const c = torch.zeros([3, 2], { dtype: 'float64' });

console.log(String(a.add(b)));                         // prints what PyTorch prints
console.log(a.shape, a.dtype, a.numel());              // [ 3, 2 ] torch.int64 6

export {};
