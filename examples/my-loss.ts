// A loss function of one's own, to be checked from the command line:
//   npx torchstone gradcheck examples/my-loss.ts#loss --shape 3,4
//   npx torchstone gradcheck examples/my-loss.ts#focal --shape 5 --shape 5
import type { Tensor } from 'torchstone';

/** A smooth absolute value: quadratic near 0, linear far away. */
export function loss(x: Tensor): Tensor {
  return x.mul(x).add(1).sqrt().sub(1).sum();
}

/** The focal loss of logits against soft targets. */
export function focal(logits: Tensor, targets: Tensor): Tensor {
  const p = logits.sigmoid();
  const q = targets.sigmoid();
  const hit = p.mul(q).add(p.neg().add(1).mul(q.neg().add(1)));
  return hit.neg().add(1).pow(2).mul(hit.log()).neg().mean();
}
