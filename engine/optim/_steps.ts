// Counts of steps in a parameter's state.
import type { Tensor } from '../core/tensor.js';
import type { Num } from './_numbers.js';
import { type ParamState, scalarState } from './optimizer.js';

/** A count, or another number of the state: on the parameter's device where a CUDA graph changes it. */
export function startCount(param: Tensor, onDevice: boolean, value = 0): Tensor {
  const count = scalarState(value);
  return onDevice ? count.to(param.device) : count;
}

/** Counts a step. */
export function advance(state: ParamState): Tensor {
  return (state.step as Tensor).add_(1);
}
/** Counts a step and tells the count; `live`: as a tensor, which later steps do not change. */
export function countStep(state: ParamState, live: boolean): Num {
  const step = advance(state);
  return live ? step.clone() : Number(step.item());
}
