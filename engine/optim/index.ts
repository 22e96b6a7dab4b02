// torch.optim: optimizers, learning rate schedulers and weight averaging, as the namespace `optim`.
export { Adadelta, type AdadeltaGroup, type AdadeltaOptions } from './adadelta.js';
export { Adafactor, type AdafactorGroup, type AdafactorOptions } from './adafactor.js';
export { Adagrad, type AdagradGroup, type AdagradOptions } from './adagrad.js';
export { Adam, type AdamGroup, type AdamOptions, AdamW, type AdamWOptions } from './adam.js';
export { Adamax, type AdamaxGroup, type AdamaxOptions } from './adamax.js';
export { ASGD, type ASGDGroup, type ASGDOptions } from './asgd.js';
export { LBFGS, type LBFGSGroup, type LBFGSOptions } from './lbfgs.js';
export * as lrScheduler from './lr-scheduler/index.js';
export { Muon, type MuonGroup, type MuonOptions } from './muon.js';
export { NAdam, type NAdamGroup, type NAdamOptions } from './nadam.js';
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
export { RAdam, type RAdamGroup, type RAdamOptions } from './radam.js';
export { RMSprop, type RMSpropGroup, type RMSpropOptions } from './rmsprop.js';
export { Rprop, type RpropGroup, type RpropOptions } from './rprop.js';
export { SGD, type SGDGroup, type SGDOptions } from './sgd.js';
export { SparseAdam } from './sparse-adam.js';
export * as swaUtils from './swa-utils.js';
