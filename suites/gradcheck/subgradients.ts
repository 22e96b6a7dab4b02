// Subgradient conventions: which derivative PyTorch gives at a kink, by op.
import type { Derivative } from './numeric.js';

/**
 * What the gradient is where the slopes on both sides differ.
 * `zero`: 0. `left`: the slope on the left. `split`: an even share for each element of the tie. `first`: all for the first argument,
 * nothing for the others. `piece`: at a jump, the slope of the piece that the value belongs to.
 */
export type TieRule = 'zero' | 'left' | 'split' | 'first' | 'piece';

/** The rule of each op that has one, as PyTorch's derivatives.yaml and FunctionsManual.cpp have them. */
export const TIES: Readonly<Record<string, TieRule>> = {
  abs: 'zero', // grad * self.sgn()
  copysign: 'zero', // 0 where self is 0
  relu: 'zero', // threshold_backward: result > 0
  relu6: 'zero', // hardtanh_backward: strictly inside
  hardtanh: 'zero',
  softshrink: 'zero', // |self| > lambda
  leakyRelu: 'left', // self > 0 ? grad : grad * slope
  maximum: 'split', // half each where self == other
  minimum: 'split',
  amax: 'split', // scale_grad_by_count
  amin: 'split',
  fmax: 'first', // self >= other
  fmin: 'first', // self <= other
  clamp: 'first', // min <= self <= max: all to self, nothing to the bounds
  clampMin: 'first',
  clampMax: 'first',
  hardshrink: 'piece', // 0 at ±lambda, which belong to the flat piece
  round: 'piece',
  frac: 'piece',
  remainder: 'piece',
  fmod: 'piece',
};

/** Of more shares one would be too small to be told from nothing. */
const MOST_SHARES = 1024;

/** Whether `analytic` is what the rule says at this kink; `input` is the number of the argument. */
export function followsRule(
  rule: TieRule,
  analytic: number,
  found: Pick<Derivative, 'left' | 'right' | 'jump'>,
  row: number,
  input: number | null,
  allowed: number,
): boolean {
  const left = found.left[row]!;
  const right = found.right[row]!;
  const near = (value: number) => Math.abs(analytic - value) <= allowed;
  const [least, most] = Math.abs(left) < Math.abs(right) ? [left, right] : [right, left];
  switch (rule) {
    case 'zero':
      return near(0);
    case 'left':
      return near(left);
    case 'first':
      return near(input === 0 ? most : 0);
    case 'piece':
      return found.jump[row] === 1 && near(least);
    case 'split': {
      const shares = Math.round((most - least) / (analytic - least));
      return shares >= 2 && shares <= MOST_SHARES && near(least + (most - least) / shares);
    }
    default:
      return rule satisfies never;
  }
}
