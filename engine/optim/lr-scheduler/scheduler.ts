// Learning rate schedulers: the base class, which keeps the count of epochs, sets the optimizer's rates and packs state dicts.
//   const scheduler = new StepLR(optimizer, { stepSize: 30 }); for (…) { train(); scheduler.step(); }
import { ArgumentError, describe, ValueError } from '../../core/errors.js';
import { isOptions } from '../../core/options.js';
import { Tensor } from '../../core/tensor.js';
import { type Num, numberOf } from '../_numbers.js';
import { ownName, pythonName } from '../_python.js';
import { Optimizer, type ParamGroup, warn } from '../optimizer.js';

/** State of a scheduler in PyTorch's form: names in Python's spelling. */
export type SchedulerState = Record<string, unknown>;

const EPOCH_DEPRECATED =
  'The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed form is used instead of the new chainable form, where available. Please open an issue if you are unable to replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose.';
const ORDER =
  'Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in PyTorch skipping the first value of the learning rate schedule. See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate';

/** @throws ArgumentError for anything but an optimizer. */
export function requireOptimizer(optimizer: unknown): asserts optimizer is Optimizer {
  if (!(optimizer instanceof Optimizer))
    throw new ArgumentError(`${describe(optimizer)} is not an Optimizer`);
}

const copied = <T>(value: T): T => (value instanceof Tensor ? (value.clone() as T) : value);

/** A hyperparameter for each group: one for all, or a list. @throws ValueError for a list of another length */
export function perGroup<T>(name: string, optimizer: Optimizer, value: T | readonly T[]): T[] {
  const count = optimizer.paramGroups.length;
  if (!Array.isArray(value)) return optimizer.paramGroups.map(() => copied(value as T));
  if (value.length !== count) {
    throw new ValueError(
      `${name} must have the same length as optimizer.param_groups. ${name} has ${value.length} values, param_groups has ${count}.`,
    );
  }
  return value.map((one) => copied(one as T));
}

/** The groups' values of a hyperparameter. */
export function valuesOf(optimizer: Optimizer, name: string): Num[] {
  return optimizer.paramGroups.map((group) => copied(group[name] as Num));
}

/** Sets a hyperparameter; a tensor keeps its identity, for CUDA graphs. */
export function setValue(group: ParamGroup, name: string, value: Num): void {
  const held = group[name];
  if (held instanceof Tensor) held.fill_(numberOf(value));
  else group[name] = value;
}

/** The base of the schedulers that follow a formula, torch.optim.lr_scheduler.LRScheduler. A subclass sets its fields, then calls `begin`. */
export abstract class LRScheduler {
  readonly optimizer: Optimizer;
  /** The rates that the schedule starts from, a group each. */
  baseLrs: Num[] = [];
  lastEpoch = -1;
  /** @internal */
  _stepCount = 0;
  /** @internal */
  _isInitial = false;
  /** @internal */
  _getLrCalledWithinStep = false;
  /** @internal */
  _lastLr: Num[] = [];

  constructor(optimizer: Optimizer) {
    requireOptimizer(optimizer);
    this.optimizer = optimizer;
  }

  /** The rates of this epoch, a group each. */
  protected abstract computeLr(): Num[];
  /** The same from the epoch alone, where there is such a formula. */
  protected closedFormLr?(): Num[];

  /**
   * Begins the schedule, or goes on after `lastEpoch`.
   * @throws ValueError where a group has no `initialLr` to go on from
   */
  protected begin(lastEpoch: number): void {
    const { paramGroups } = this.optimizer;
    paramGroups.forEach((group, i) => {
      if (lastEpoch === -1) {
        if (!('initialLr' in group)) group.initialLr = copied(group.lr);
      } else if (!('initialLr' in group)) {
        throw new ValueError(
          `param 'initial_lr' is not specified in param_groups[${i}] when resuming scheduler with last_epoch >= 0.\nThis typically happens when:\n1. You're trying to resume training from a checkpoint but haven't properly loaded the optimizer state\n2. You're using last_epoch >= 0 for a fresh training run (not recommended)`,
        );
      }
    });
    this.baseLrs = valuesOf(this.optimizer, 'initialLr');
    this.lastEpoch = lastEpoch;
    this.optimizer.steppedUnderSchedule ??= false;
    this.initialStep();
  }

  /** @internal The step with which a schedule begins. */
  initialStep(): void {
    this._stepCount = 0;
    this._isInitial = true;
    try {
      this.step();
    } finally {
      this._isInitial = false;
    }
  }

  /** The rates that were set last, a group each. */
  getLastLr(): Num[] {
    return this._lastLr;
  }

  /** The rates of the next step, computed now. `getLastLr` tells those that were set. */
  getLr(): Num[] {
    if (!this._getLrCalledWithinStep)
      warn('To get the last learning rate computed by the scheduler, please use `get_last_lr()`.');
    return this.computeLr();
  }

  /** One epoch further: sets the optimizer's rates. Call it after the optimizer's step. */
  step(epoch?: number): void {
    if (this._stepCount === 1 && this.optimizer.steppedUnderSchedule !== true) warn(ORDER);
    this._stepCount++;
    if (epoch !== undefined) warn(EPOCH_DEPRECATED);
    this.updateLr(epoch);
  }

  /** @internal Sets the rates of the next epoch, or of this one. */
  updateLr(epoch?: number): void {
    this._getLrCalledWithinStep = true;
    let values: Num[];
    try {
      this.lastEpoch = epoch ?? this.lastEpoch + 1;
      values = epoch !== undefined && this.closedFormLr ? this.closedFormLr() : this.getLr();
    } finally {
      this._getLrCalledWithinStep = false;
    }
    this.optimizer.paramGroups.forEach((group, i) => {
      setValue(group, 'lr', values[i]!);
    });
    this._lastLr = valuesOf(this.optimizer, 'lr');
  }

  /** Everything but the optimizer and functions, in PyTorch's form. */
  stateDict(): SchedulerState {
    return packed(this);
  }
  /** Takes the state from such a dict, PyTorch's too. */
  loadStateDict(state: SchedulerState): void {
    restore(this, state);
  }
}

/** A scheduler's own fields under Python's names, without its optimizer, its schedulers and functions. */
export function packed(scheduler: object): SchedulerState {
  const state: SchedulerState = {};
  for (const [name, value] of Object.entries(scheduler)) {
    if (name === 'optimizer' || name === '_schedulers' || typeof value === 'function') continue;
    state[pythonName(name)] = snapshot(value);
  }
  return state;
}

/** Lists and records of their own, so that going on does not change what was saved. */
function snapshot(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snapshot);
  if (isOptions(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, snapshot(v)]));
  return value;
}

/** Sets a scheduler's fields from a state dict, but for those `except`. */
export function restore(scheduler: object, state: SchedulerState, except: readonly string[] = []): void {
  for (const [name, value] of Object.entries(state)) {
    if (!except.includes(name)) (scheduler as Record<string, unknown>)[ownName(name)] = snapshot(value);
  }
}

/** Parameters that every schedule ends with. */
export interface EpochOption {
  /** The epoch to go on after. Default −1: from the beginning. */
  readonly lastEpoch?: number;
}
