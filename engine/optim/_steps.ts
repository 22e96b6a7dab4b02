// Counts of steps in a parameter's state.
import type { Tensor } from '../core/tensor.js';
import type { Num } from './_numbers.js';
import type { ParamState } from './optimizer.js';

/** Counts a step; `live`: the count as a tensor, which later steps do not change. */
export function countStep(state: ParamState, live: boolean): Num {
  const step = state.step as Tensor;
  step.add_(1);
  return live ? step.clone() : Number(step.item());
}
