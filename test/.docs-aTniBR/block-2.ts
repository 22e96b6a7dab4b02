process.chdir("/work/wt/optim/test/.docs-aTniBR");
// my-loss.ts
import type { Tensor } from 'torchstone';

export function loss(x: Tensor): Tensor {
  return x.mul(x).add(1).sqrt().sub(1).sum();
}

export {};
