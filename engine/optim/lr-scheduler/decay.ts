// Decaying schedules: by functions, in steps, linearly, exponentially and by powers.
//   new ExponentialLR(optimizer, { gamma: 0.95 })
import { ArgumentError, describe, ValueError } from '../../core/errors.js';
import { type Call, readCall } from '../_arguments.js';
import { mul, type Num } from '../_numbers.js';
import { power } from '../_power.js';
import type { Optimizer } from '../optimizer.js';
import { type EpochOption, LRScheduler, restore, type SchedulerState, valuesOf } from './scheduler.js';

/** A factor by epoch. */
export type LrLambda = (epoch: number) => number;
export interface LambdaLROptions extends EpochOption {
  /** One for all groups, or one for each. */
  readonly lrLambda?: LrLambda | readonly LrLambda[];
}

/** One function a group. @throws ValueError for another number; ArgumentError for what is no function */
function lambdasOf(optimizer: Optimizer, given: LrLambda | readonly LrLambda[]): LrLambda[] {
  const count = optimizer.paramGroups.length;
  const list = Array.isArray(given)
    ? [...(given as readonly LrLambda[])]
    : new Array<LrLambda>(count).fill(given as LrLambda);
  if (list.length !== count) throw new ValueError(`Expected ${count} lr_lambdas, but got ${list.length}`);
  for (const one of list) {
    if (typeof one !== 'function')
      throw new ArgumentError(`lr_lambda should be a function, but got ${describe(one)}`);
  }
  return list;
}

/** Schedules by functions, which state dicts leave out. */
abstract class FunctionLR extends LRScheduler {
  readonly #lambdas: readonly LrLambda[];
  constructor(op: string, optimizer: Optimizer, args: readonly unknown[]) {
    super(optimizer);
    const { lrLambda, lastEpoch = -1 } = readCall<LambdaLROptions, 'lrLambda'>(
      op,
      args,
      ['lrLambda', 'lastEpoch'],
      ['lrLambda'],
    );
    this.#lambdas = lambdasOf(optimizer, lrLambda);
    this.begin(lastEpoch);
  }
  /** The factors of this epoch, a group each. */
  protected factors(): number[] {
    return this.#lambdas.map((one) => one(this.lastEpoch));
  }
  override stateDict(): SchedulerState {
    return { ...super.stateDict(), lr_lambdas: this.#lambdas.map(() => null) };
  }
  override loadStateDict(state: SchedulerState): void {
    restore(this, state, ['lr_lambdas']);
  }
}

/** lr = initial lr · λ(epoch), torch.optim.lr_scheduler.LambdaLR. */
export class LambdaLR extends FunctionLR {
  constructor(
    optimizer: Optimizer,
    ...args: Call<[lrLambda: LrLambda | readonly LrLambda[], lastEpoch: number], LambdaLROptions>
  ) {
    super('LambdaLR', optimizer, args);
  }
  protected override computeLr(): Num[] {
    const factors = this.factors();
    return this.baseLrs.map((lr, i) => mul(lr, factors[i]!));
  }
}

/** lr ← lr · λ(epoch), torch.optim.lr_scheduler.MultiplicativeLR. */
export class MultiplicativeLR extends FunctionLR {
  constructor(
    optimizer: Optimizer,
    ...args: Call<[lrLambda: LrLambda | readonly LrLambda[], lastEpoch: number], LambdaLROptions>
  ) {
    super('MultiplicativeLR', optimizer, args);
  }
  protected override computeLr(): Num[] {
    if (this._isInitial) return valuesOf(this.optimizer, 'lr');
    const factors = this.factors();
    return this.optimizer.paramGroups.map(({ lr }, i) => mul(lr, factors[i]!));
  }
}

export interface StepLROptions extends EpochOption {
  /** Epochs between steps. */
  readonly stepSize?: number;
  /** Default 0.1. */
  readonly gamma?: number;
}

/** lr ← γ lr every `stepSize` epochs, torch.optim.lr_scheduler.StepLR. */
export class StepLR extends LRScheduler {
  stepSize: number;
  gamma: number;
  constructor(
    optimizer: Optimizer,
    ...args: Call<[stepSize: number, gamma: number, lastEpoch: number], StepLROptions>
  ) {
    super(optimizer);
    const names = ['stepSize', 'gamma', 'lastEpoch'] as const;
    const options = readCall<StepLROptions, 'stepSize'>('StepLR', args, names, ['stepSize']);
    this.stepSize = options.stepSize;
    this.gamma = options.gamma ?? 0.1;
    this.begin(options.lastEpoch ?? -1);
  }
  protected override computeLr(): Num[] {
    const steps = this.lastEpoch !== 0 && this.lastEpoch % this.stepSize === 0;
    const values = valuesOf(this.optimizer, 'lr');
    return steps ? values.map((lr) => mul(lr, this.gamma)) : values;
  }
  protected override closedFormLr(): Num[] {
    const factor = power(this.gamma, Math.floor(this.lastEpoch / this.stepSize));
    return this.baseLrs.map((lr) => mul(lr, factor));
  }
}

export interface MultiStepLROptions extends EpochOption {
  /** Epochs at which the rate falls, once for each time that one is listed. */
  readonly milestones?: readonly number[];
  /** Default 0.1. */
  readonly gamma?: number;
}

/** lr ← γ lr at each milestone, torch.optim.lr_scheduler.MultiStepLR. */
export class MultiStepLR extends LRScheduler {
  /** How often each epoch is a milestone. */
  milestones: Record<number, number> = {};
  gamma: number;
  constructor(
    optimizer: Optimizer,
    ...args: Call<[milestones: readonly number[], gamma: number, lastEpoch: number], MultiStepLROptions>
  ) {
    super(optimizer);
    const names = ['milestones', 'gamma', 'lastEpoch'] as const;
    const options = readCall<MultiStepLROptions, 'milestones'>('MultiStepLR', args, names, ['milestones']);
    for (const epoch of options.milestones) this.milestones[epoch] = (this.milestones[epoch] ?? 0) + 1;
    this.gamma = options.gamma ?? 0.1;
    this.begin(options.lastEpoch ?? -1);
  }
  protected override computeLr(): Num[] {
    const times = this.milestones[this.lastEpoch] ?? 0;
    const values = valuesOf(this.optimizer, 'lr');
    return times === 0 ? values : values.map((lr) => mul(lr, power(this.gamma, times)));
  }
  protected override closedFormLr(): Num[] {
    const passed = Object.entries(this.milestones)
      .filter(([epoch]) => Number(epoch) <= this.lastEpoch)
      .reduce((sum, [, times]) => sum + times, 0);
    return this.baseLrs.map((lr) => mul(lr, power(this.gamma, passed)));
  }
}

export interface ConstantLROptions extends EpochOption {
  /** Default 1/3. */
  readonly factor?: number;
  /** Epochs for which it holds. Default 5. */
  readonly totalIters?: number;
}

/** The rate times `factor` for the first `totalIters` epochs, torch.optim.lr_scheduler.ConstantLR. */
export class ConstantLR extends LRScheduler {
  factor: number;
  totalIters: number;
  constructor(
    optimizer: Optimizer,
    ...args: Call<[factor: number, totalIters: number, lastEpoch: number], ConstantLROptions>
  ) {
    super(optimizer);
    const options = readCall<ConstantLROptions>('ConstantLR', args, ['factor', 'totalIters', 'lastEpoch']);
    this.factor = options.factor ?? 1 / 3;
    this.totalIters = options.totalIters ?? 5;
    if (this.factor > 1 || this.factor < 0)
      throw new ValueError('Constant multiplicative factor expected to be between 0 and 1.');
    this.begin(options.lastEpoch ?? -1);
  }
  protected override computeLr(): Num[] {
    const values = valuesOf(this.optimizer, 'lr');
    if (this.lastEpoch === 0) return values.map((lr) => mul(lr, this.factor));
    return this.lastEpoch === this.totalIters ? values.map((lr) => mul(lr, 1 / this.factor)) : values;
  }
  protected override closedFormLr(): Num[] {
    const over = this.lastEpoch >= this.totalIters ? 1 : 0;
    return this.baseLrs.map((lr) => mul(lr, this.factor + over * (1 - this.factor)));
  }
}

export interface LinearLROptions extends EpochOption {
  /** Default 1/3. */
  readonly startFactor?: number;
  /** Default 1. */
  readonly endFactor?: number;
  /** Epochs from one to the other. Default 5. */
  readonly totalIters?: number;
}

/** The rate times a factor that goes linearly from one to another, torch.optim.lr_scheduler.LinearLR. */
export class LinearLR extends LRScheduler {
  startFactor: number;
  endFactor: number;
  totalIters: number;
  constructor(
    optimizer: Optimizer,
    ...args: Call<
      [startFactor: number, endFactor: number, totalIters: number, lastEpoch: number],
      LinearLROptions
    >
  ) {
    super(optimizer);
    const names = ['startFactor', 'endFactor', 'totalIters', 'lastEpoch'] as const;
    const options = readCall<LinearLROptions>('LinearLR', args, names);
    this.startFactor = options.startFactor ?? 1 / 3;
    this.endFactor = options.endFactor ?? 1;
    this.totalIters = options.totalIters ?? 5;
    if (this.startFactor > 1 || this.startFactor <= 0) {
      throw new ValueError(
        'Starting multiplicative factor expected to be greater than 0 and less or equal to 1.',
      );
    }
    if (this.endFactor > 1 || this.endFactor < 0)
      throw new ValueError('Ending multiplicative factor expected to be between 0 and 1.');
    this.begin(options.lastEpoch ?? -1);
  }
  protected override computeLr(): Num[] {
    const { lastEpoch, startFactor, endFactor, totalIters } = this;
    const values = valuesOf(this.optimizer, 'lr');
    if (lastEpoch === 0) return values.map((lr) => mul(lr, startFactor));
    if (this._isInitial || lastEpoch > totalIters) return values;
    const rise = endFactor - startFactor;
    return values.map((lr) => mul(lr, 1 + rise / (totalIters * startFactor + (lastEpoch - 1) * rise)));
  }
  protected override closedFormLr(): Num[] {
    const { lastEpoch, startFactor, endFactor, totalIters } = this;
    const part = ((endFactor - startFactor) * Math.min(totalIters, lastEpoch)) / totalIters;
    return this.baseLrs.map((lr) => mul(lr, startFactor + part));
  }
}

export interface ExponentialLROptions extends EpochOption {
  readonly gamma?: number;
}

/** lr ← γ lr every epoch, torch.optim.lr_scheduler.ExponentialLR. */
export class ExponentialLR extends LRScheduler {
  gamma: number;
  constructor(optimizer: Optimizer, ...args: Call<[gamma: number, lastEpoch: number], ExponentialLROptions>) {
    super(optimizer);
    const names = ['gamma', 'lastEpoch'] as const;
    const options = readCall<ExponentialLROptions, 'gamma'>('ExponentialLR', args, names, ['gamma']);
    this.gamma = options.gamma;
    this.begin(options.lastEpoch ?? -1);
  }
  protected override computeLr(): Num[] {
    const values = valuesOf(this.optimizer, 'lr');
    return this._isInitial ? values : values.map((lr) => mul(lr, this.gamma));
  }
  protected override closedFormLr(): Num[] {
    return this.baseLrs.map((lr) => mul(lr, power(this.gamma, this.lastEpoch)));
  }
}

export interface PolynomialLROptions extends EpochOption {
  /** Epochs until the rate is 0. Default 5. */
  readonly totalIters?: number;
  /** Default 1. */
  readonly power?: number;
}

/** The rate times (1 − epoch / totalIters) ^ power, torch.optim.lr_scheduler.PolynomialLR. */
export class PolynomialLR extends LRScheduler {
  totalIters: number;
  power: number;
  constructor(
    optimizer: Optimizer,
    ...args: Call<[totalIters: number, power: number, lastEpoch: number], PolynomialLROptions>
  ) {
    super(optimizer);
    const options = readCall<PolynomialLROptions>('PolynomialLR', args, ['totalIters', 'power', 'lastEpoch']);
    this.totalIters = options.totalIters ?? 5;
    this.power = options.power ?? 1;
    this.begin(options.lastEpoch ?? -1);
  }
  protected override computeLr(): Num[] {
    const { lastEpoch, totalIters } = this;
    const values = valuesOf(this.optimizer, 'lr');
    if (this._isInitial || lastEpoch > totalIters) return values;
    const left = (1 - lastEpoch / totalIters) / (1 - (lastEpoch - 1) / totalIters);
    return values.map((lr) => mul(lr, power(left, this.power)));
  }
  protected override closedFormLr(): Num[] {
    const left = 1 - Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => mul(lr, power(left, this.power)));
  }
}
