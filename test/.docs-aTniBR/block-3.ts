process.chdir("/work/wt/optim/test/.docs-aTniBR");
import { defineFunction, type Tensor, tensor } from 'torchstone';

const cube = defineFunction({
  forward: (ctx, x: Tensor) => {
    ctx.saveForBackward(x);
    return x.pow(3);
  },
  backward: (ctx, g) => [g!.mul(ctx.savedTensors[0]!.square().mul(3))],
});
const x = tensor([2], { dtype: 'float64', requiresGrad: true });
cube(x).sum().backward();
console.log(x.grad!.item()); // 12

export {};
