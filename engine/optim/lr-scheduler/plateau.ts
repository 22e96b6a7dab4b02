// ReduceLROnPlateau: a rate that falls when a metric has stopped improving.
//   const scheduler = new ReduceLROnPlateau(optimizer, { patience: 5 }); scheduler.step(validationLoss);
import { RuntimeError, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { type Call, readCall } from '../_arguments.js';
import { type Num, numberOf } from '../_numbers.js';
import type { Optimizer } from '../optimizer.js';
import { packed, requireOptimizer, restore, type SchedulerState, setValue, valuesOf } from './scheduler.js';

export interface ReduceLROnPlateauOptions {
  /** Whether the metric should fall or rise. Default 'min'. */
  readonly mode?: 'min' | 'max';
  /** What the rate is multiplied by. Default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement that are let pass. Default 10. */
  readonly patience?: number;
  /** What counts as an improvement. Default 1e-4. */
  readonly threshold?: number;
  /** Whether the threshold is relative to the best metric. Default 'rel'. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** Epochs after a reduction in which nothing is counted. Default 0. */
  readonly cooldown?: number;
  /** The lowest rate, or one a group. Default 0. */
  readonly minLr?: number | readonly number[];
  /** Smaller reductions are not made. Default 1e-8. */
  readonly eps?: number;
}
const names = [
  'mode',
  'factor',
  'patience',
  'threshold',
  'thresholdMode',
  'cooldown',
  'minLr',
  'eps',
] as const;

/** torch.optim.lr_scheduler.ReduceLROnPlateau. @throws ValueError for a factor of 1 and more, and unknown modes */
export class ReduceLROnPlateau {
  readonly optimizer: Optimizer;
  factor: number;
  defaultMinLr: number | null;
  minLrs: number[];
  patience: number;
  cooldown: number;
  eps: number;
  lastEpoch = 0;
  /** @internal */
  _lastLr: Num[];
  modeWorse: number;
  mode: string;
  threshold: number;
  thresholdMode: string;
  best: number;
  cooldownCounter = 0;
  numBadEpochs = 0;

  constructor(
    optimizer: Optimizer,
    ...args: Call<
      ['min' | 'max', factor: number, patience: number, threshold: number],
      ReduceLROnPlateauOptions
    >
  ) {
    const o = readCall<ReduceLROnPlateauOptions>('ReduceLROnPlateau', args, names);
    this.factor = o.factor ?? 0.1;
    if (this.factor >= 1) throw new ValueError('Factor should be < 1.0.');
    requireOptimizer(optimizer);
    this.optimizer = optimizer;
    const { minLr = 0 } = o;
    const count = optimizer.paramGroups.length;
    if (typeof minLr === 'number') {
      this.defaultMinLr = minLr;
      this.minLrs = new Array<number>(count).fill(minLr);
    } else {
      if (minLr.length !== count) throw new ValueError(`expected ${count} min_lrs, got ${minLr.length}`);
      this.defaultMinLr = null;
      this.minLrs = [...minLr];
    }
    this.patience = o.patience ?? 10;
    this.cooldown = o.cooldown ?? 0;
    this.eps = o.eps ?? 1e-8;
    this._lastLr = valuesOf(optimizer, 'lr');
    this.mode = o.mode ?? 'min';
    this.threshold = o.threshold ?? 1e-4;
    this.thresholdMode = o.thresholdMode ?? 'rel';
    this.modeWorse = this.#worst();
    this.best = this.modeWorse;
  }

  #worst(): number {
    if (this.mode !== 'min' && this.mode !== 'max') throw new ValueError(`mode ${this.mode} is unknown!`);
    if (this.thresholdMode !== 'rel' && this.thresholdMode !== 'abs')
      throw new ValueError(`threshold mode ${this.thresholdMode} is unknown!`);
    return this.mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /** One epoch further, with its metric. */
  step(metric: number | Tensor, epoch?: number): void {
    const current = numberOf(metric);
    this.lastEpoch = epoch ?? this.lastEpoch + 1;
    if (this.isBetter(current, this.best)) {
      this.best = current;
      this.numBadEpochs = 0;
    } else this.numBadEpochs++;
    if (this.inCooldown) {
      this.cooldownCounter--;
      this.numBadEpochs = 0;
    }
    if (this.numBadEpochs > this.patience) {
      this.#reduce();
      this.cooldownCounter = this.cooldown;
      this.numBadEpochs = 0;
    }
    this._lastLr = valuesOf(this.optimizer, 'lr');
  }

  get inCooldown(): boolean {
    return this.cooldownCounter > 0;
  }

  /** Whether a metric improves on another. */
  isBetter(metric: number, best: number): boolean {
    if (this.thresholdMode === 'rel')
      return this.mode === 'min'
        ? metric < best * (1 - this.threshold)
        : metric > best * (this.threshold + 1);
    return this.mode === 'min' ? metric < best - this.threshold : metric > best + this.threshold;
  }

  #reduce(): void {
    const { paramGroups } = this.optimizer;
    if (paramGroups.length !== this.minLrs.length) {
      if (this.defaultMinLr === null) {
        throw new RuntimeError(
          `The number of param groups in the \`optimizer\` (${paramGroups.length}) differs from when \`ReduceLROnPlateau\` was initialized (${this.minLrs.length}), usually due to a new param group being added to the optimizer. Please modify the \`min_lrs\` field to match the length of the \`optimizer\` param groups.`,
        );
      }
      this.minLrs = paramGroups.map(() => this.defaultMinLr!);
    }
    paramGroups.forEach((group, i) => {
      const before = numberOf(group.lr);
      const after = Math.max(before * this.factor, this.minLrs[i]!);
      if (before - after > this.eps) setValue(group, 'lr', after);
    });
  }

  /** The rates that were set last, a group each. */
  getLastLr(): Num[] {
    return this._lastLr;
  }
  stateDict(): SchedulerState {
    return packed(this);
  }
  loadStateDict(state: SchedulerState): void {
    restore(this, state);
    this.modeWorse = this.#worst();
  }
}
