// Schedulers made of others: one after another, and all at once.
//   new SequentialLR(optimizer, [warmup, decay], [5])
import { ArgumentError, ValueError } from '../../core/errors.js';
import type { Num } from '../_numbers.js';
import { Optimizer } from '../optimizer.js';
import { ReduceLROnPlateau } from './plateau.js';
import { LRScheduler, packed, restore, type SchedulerState, setValue, valuesOf } from './scheduler.js';

/** What can stand in a combination. */
export type Combinable = LRScheduler | SequentialLR | ChainedScheduler;

/** @throws ArgumentError and ValueError with PyTorch's texts */
function check(op: string, schedulers: readonly Combinable[], optimizer: Optimizer | undefined): void {
  schedulers.forEach((scheduler, i) => {
    if (!((scheduler as Partial<LRScheduler>)?.optimizer instanceof Optimizer))
      throw new ArgumentError(`${op} at index ${i} should have \`optimizer\` as its attribute.`);
    if ((scheduler as unknown) instanceof ReduceLROnPlateau) {
      throw new ValueError(
        `${op} does not support \`ReduceLROnPlateau\` scheduler as it requires additional kwargs to be specified when calling \`step\`, but got one at index ${i} in the given schedulers sequence.`,
      );
    }
    if (optimizer !== scheduler.optimizer) {
      throw new ValueError(
        `${op} expects all schedulers to belong to the same optimizer, but got scheduler ${scheduler.constructor.name} at index ${i} has ${String(scheduler.optimizer)}, which is different from ${String(optimizer?.constructor.name)}.`,
      );
    }
  });
}

function packedAll(scheduler: object, schedulers: readonly Combinable[]): SchedulerState {
  return { ...packed(scheduler), _schedulers: schedulers.map((one) => one.stateDict()) };
}
function restoreAll(scheduler: object, schedulers: readonly Combinable[], state: SchedulerState): void {
  restore(scheduler, state, ['_schedulers']);
  (state._schedulers as SchedulerState[]).forEach((one, i) => {
    schedulers[i]!.loadStateDict(one);
  });
}

/** How many milestones have been reached. */
const reached = (milestones: readonly number[], epoch: number): number =>
  milestones.filter((one) => one <= epoch).length;

/** One scheduler after another, changing at the milestones, torch.optim.lr_scheduler.SequentialLR. */
export class SequentialLR {
  readonly optimizer: Optimizer;
  /** @internal */
  readonly _schedulers: readonly Combinable[];
  /** @internal */
  _milestones: number[];
  lastEpoch: number;
  /** @internal */
  _lastLr: Num[];

  constructor(
    optimizer: Optimizer,
    schedulers: readonly Combinable[],
    milestones: readonly number[],
    lastEpoch = -1,
  ) {
    if (schedulers.length < 1)
      throw new ValueError('SequentialLR expects at least one scheduler, but got no scheduler.');
    check('SequentialLR', schedulers, optimizer);
    if (milestones.length !== schedulers.length - 1) {
      throw new ValueError(
        `Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but got number of schedulers ${schedulers.length} and the number of milestones to be equal to ${milestones.length}`,
      );
    }
    this._schedulers = schedulers;
    this._milestones = [...milestones];
    this.lastEpoch = lastEpoch + 1;
    this.optimizer = optimizer;
    for (const group of optimizer.paramGroups) setValue(group, 'lr', group.initialLr as Num);
    for (const one of schedulers) undo(one);
    const first = schedulers[reached(this._milestones, 0)]!;
    if (first instanceof LRScheduler) first.initialStep();
    this._lastLr = first.getLastLr();
  }

  step(): void {
    this.lastEpoch++;
    const at = reached(this._milestones, this.lastEpoch);
    const scheduler = this._schedulers[at]!;
    if (at > 0 && this._milestones[at - 1] === this.lastEpoch && scheduler instanceof LRScheduler)
      scheduler.updateLr(0);
    else scheduler.step();
    this._lastLr = scheduler.getLastLr();
  }

  getLastLr(): Num[] {
    return this._lastLr;
  }
  stateDict(): SchedulerState {
    return packedAll(this, this._schedulers);
  }
  loadStateDict(state: SchedulerState): void {
    restoreAll(this, this._schedulers, state);
  }
}

/** Takes back the first step that a scheduler made when it was constructed. */
function undo(scheduler: Combinable): void {
  if (scheduler instanceof LRScheduler) scheduler.lastEpoch--;
  else for (const one of scheduler._schedulers) undo(one);
}

/** Several schedulers at once, torch.optim.lr_scheduler.ChainedScheduler: each multiplies what the one before left. */
export class ChainedScheduler {
  readonly optimizer: Optimizer;
  /** @internal */
  readonly _schedulers: readonly Combinable[];
  /** @internal */
  _lastLr: Num[];

  constructor(
    schedulers: readonly Combinable[],
    optimizer: Optimizer | undefined = schedulers[0]?.optimizer,
  ) {
    if (schedulers.length < 1)
      throw new ValueError(
        'ChainedScheduler expects at least one scheduler to be chained, but got no scheduler.',
      );
    check('ChainedScheduler', schedulers, optimizer);
    this._schedulers = schedulers;
    this.optimizer = optimizer!;
    this._lastLr = valuesOf(this.optimizer, 'lr');
  }

  step(): void {
    for (const one of this._schedulers) one.step();
    this._lastLr = valuesOf(this.optimizer, 'lr');
  }

  getLastLr(): Num[] {
    return this._lastLr;
  }
  stateDict(): SchedulerState {
    return packedAll(this, this._schedulers);
  }
  loadStateDict(state: SchedulerState): void {
    restoreAll(this, this._schedulers, state);
  }
}
