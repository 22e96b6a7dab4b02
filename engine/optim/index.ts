// torch.optim: optimizers, learning rate schedulers and weight averaging, as the namespace `optim`.
export { Adam, type AdamGroup, type AdamOptions, AdamW, type AdamWOptions } from './adam.js';
export {
  type Closure,
  type GroupLike,
  type HookHandle,
  Optimizer,
  type ParamGroup,
  type ParamState,
  type Params,
  registerOptimizerStepPostHook,
  registerOptimizerStepPreHook,
  type StateDict,
  type ZeroGradOptions,
} from './optimizer.js';
export { SGD, type SGDGroup, type SGDOptions } from './sgd.js';
