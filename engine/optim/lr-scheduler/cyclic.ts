// Cyclic schedules, whose momentum goes the other way: CyclicLR and the 1cycle policy.
//   new OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 1000 })
import { ValueError } from '../../core/errors.js';
import { pythonText } from '../../format/python-text.js';
import { type Call, readCall } from '../_arguments.js';
import { add, div, mul, type Num, sub } from '../_numbers.js';
import { power } from '../_power.js';
import { ownName } from '../_python.js';
import type { Optimizer, ParamGroup } from '../optimizer.js';
import {
  type EpochOption,
  LRScheduler,
  perGroup,
  restore,
  type SchedulerState,
  setValue,
} from './scheduler.js';

/** What cycles as momentum: `momentum`, or the first of `betas`. @throws ValueError where there is neither */
function usesBeta1(optimizer: Optimizer): boolean {
  const { defaults } = optimizer as { defaults: Record<string, unknown> };
  if (!('momentum' in defaults) && !('betas' in defaults))
    throw new ValueError('optimizer must support momentum or beta1 with `cycle_momentum` option enabled');
  return 'betas' in defaults;
}

function setMomentum(group: ParamGroup, beta1: boolean, value: Num): void {
  if (beta1) group.betas = [value, ...(group.betas as Num[]).slice(1)];
  else group.momentum = value;
}

/** The momenta between which each group's goes to and fro. */
function beginMomenta(optimizer: Optimizer, beta1: boolean, highest: Num[], lowest: Num[]): void {
  optimizer.paramGroups.forEach((group, i) => {
    setMomentum(group, beta1, highest[i]!);
    group.maxMomentum = highest[i]!;
    group.baseMomentum = lowest[i]!;
  });
}

export interface CyclicLROptions extends EpochOption {
  /** The lowest rate, or one a group. */
  readonly baseLr?: Num | readonly Num[];
  /** The highest rate, or one a group. */
  readonly maxLr?: Num | readonly Num[];
  /** Steps up. Default 2000. */
  readonly stepSizeUp?: number;
  /** Steps down. Default null: as many as up. */
  readonly stepSizeDown?: number | null;
  /** How cycles shrink: not, by half each, or by gamma each step. Default 'triangular'. */
  readonly mode?: 'triangular' | 'triangular2' | 'exp_range';
  /** Default 1. */
  readonly gamma?: number;
  /** A scale of cycles or of steps in place of `mode`. */
  readonly scaleFn?: ((x: number) => number) | null;
  /** What `scaleFn` gets. Default 'cycle'. */
  readonly scaleMode?: 'cycle' | 'iterations';
  /** Default true. */
  readonly cycleMomentum?: boolean;
  /** Default 0.8. */
  readonly baseMomentum?: number | readonly number[];
  /** Default 0.9. */
  readonly maxMomentum?: number | readonly number[];
}
const cyclicNames = [
  'baseLr',
  'maxLr',
  'stepSizeUp',
  'stepSizeDown',
  'mode',
  'gamma',
  'scaleFn',
  'scaleMode',
  'cycleMomentum',
  'baseMomentum',
  'maxMomentum',
  'lastEpoch',
] as const;

/** The rate to and fro between two bounds, torch.optim.lr_scheduler.CyclicLR; step it after every batch. Smith, 2017. */
export class CyclicLR extends LRScheduler {
  maxLrs: Num[];
  totalSize: number;
  stepRatio: number;
  mode: string;
  gamma: number;
  scaleMode: string;
  cycleMomentum: boolean;
  declare useBeta1: boolean;
  declare baseMomentums: Num[];
  declare maxMomentums: Num[];
  readonly #scaleFn: ((x: number) => number) | null;

  constructor(
    optimizer: Optimizer,
    ...args: Call<
      [
        baseLr: Num | readonly Num[],
        maxLr: Num | readonly Num[],
        stepSizeUp: number,
        stepSizeDown: number | null,
      ],
      CyclicLROptions
    >
  ) {
    super(optimizer);
    const needed = ['baseLr', 'maxLr'] as const;
    const o = readCall<CyclicLROptions, 'baseLr' | 'maxLr'>('CyclicLR', args, cyclicNames, needed);
    const lastEpoch = o.lastEpoch ?? -1;
    const baseLrs = perGroup<Num>('base_lr', optimizer, o.baseLr);
    if (lastEpoch === -1) {
      optimizer.paramGroups.forEach((group, i) => {
        setValue(group, 'lr', baseLrs[i]!);
      });
    }
    this.maxLrs = perGroup<Num>('max_lr', optimizer, o.maxLr);
    const up = o.stepSizeUp ?? 2000;
    this.totalSize = up + (o.stepSizeDown ?? up);
    this.stepRatio = up / this.totalSize;
    this.mode = o.mode ?? 'triangular';
    this.gamma = o.gamma ?? 1;
    this.#scaleFn = o.scaleFn ?? null;
    if (!['triangular', 'triangular2', 'exp_range'].includes(this.mode) && this.#scaleFn === null)
      throw new ValueError('mode is invalid and scale_fn is None');
    const byMode = this.mode === 'exp_range' ? 'iterations' : 'cycle';
    this.scaleMode = this.#scaleFn === null ? byMode : (o.scaleMode ?? 'cycle');
    this.cycleMomentum = o.cycleMomentum ?? true;
    if (this.cycleMomentum) this.#beginMomenta(o, lastEpoch === -1);
    this.begin(lastEpoch);
    this.baseLrs = baseLrs;
  }

  #beginMomenta(o: CyclicLROptions, fresh: boolean): void {
    this.useBeta1 = usesBeta1(this.optimizer);
    this.baseMomentums = perGroup<Num>('base_momentum', this.optimizer, o.baseMomentum ?? 0.8);
    this.maxMomentums = perGroup<Num>('max_momentum', this.optimizer, o.maxMomentum ?? 0.9);
    if (fresh) beginMomenta(this.optimizer, this.useBeta1, this.maxMomentums, this.baseMomentums);
  }

  #scale(x: number): number {
    if (this.#scaleFn !== null) return this.#scaleFn(x);
    if (this.mode === 'triangular') return 1;
    return this.mode === 'triangular2' ? 1 / power(2, x - 1) : power(this.gamma, x);
  }

  protected override computeLr(): Num[] {
    const { lastEpoch, totalSize, stepRatio } = this;
    const cycle = Math.floor(1 + lastEpoch / totalSize);
    const x = 1 + lastEpoch / totalSize - cycle;
    const height = x <= stepRatio ? x / stepRatio : (x - 1) / (stepRatio - 1);
    const scale = this.#scale(this.scaleMode === 'cycle' ? cycle : lastEpoch);
    if (this.cycleMomentum) {
      this.optimizer.paramGroups.forEach((group, i) => {
        const highest = this.maxMomentums[i]!;
        const fall = mul(mul(sub(highest, this.baseMomentums[i]!), height), scale);
        setMomentum(group, this.useBeta1, sub(highest, fall));
      });
    }
    return this.baseLrs.map((lr, i) => add(lr, mul(mul(sub(this.maxLrs[i]!, lr), height), scale)));
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), _scale_fn_custom: null };
  }
  override loadStateDict(state: SchedulerState): void {
    restore(this, state, ['_scale_fn_custom', '_scale_fn_ref']);
  }
}

export interface OneCycleLROptions extends EpochOption {
  /** The highest rate, or one a group. */
  readonly maxLr?: Num | readonly Num[];
  /** Steps of the cycle; or give `epochs` and `stepsPerEpoch`. */
  readonly totalSteps?: number | null;
  readonly epochs?: number | null;
  readonly stepsPerEpoch?: number | null;
  /** The part of the steps that rises. Default 0.3. */
  readonly pctStart?: number;
  /** Default 'cos'. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Default true. */
  readonly cycleMomentum?: boolean;
  /** Default 0.85. */
  readonly baseMomentum?: number | readonly number[];
  /** Default 0.95. */
  readonly maxMomentum?: number | readonly number[];
  /** The first rate is maxLr / divFactor. Default 25. */
  readonly divFactor?: number;
  /** The last rate is the first / finalDivFactor. Default 1e4. */
  readonly finalDivFactor?: number;
  /** Fall as fast as it rose, then to the last rate. Default false. */
  readonly threePhase?: boolean;
}
const oneCycleNames = [
  'maxLr',
  'totalSteps',
  'epochs',
  'stepsPerEpoch',
  'pctStart',
  'annealStrategy',
  'cycleMomentum',
  'baseMomentum',
  'maxMomentum',
  'divFactor',
  'finalDivFactor',
  'threePhase',
  'lastEpoch',
] as const;

/** A part of the cycle, as PyTorch's state dicts have it: from one hyperparameter of the group to another. */
interface Phase {
  end_step: number;
  start_lr: string;
  end_lr: string;
  start_momentum: string;
  end_momentum: string;
}
const phase = (end: number, lr: [string, string], momentum: [string, string]): Phase => ({
  end_step: end,
  start_lr: lr[0],
  end_lr: lr[1],
  start_momentum: momentum[0],
  end_momentum: momentum[1],
});

function phasesOf(total: number, pctStart: number, three: boolean): Phase[] {
  const rise = phase(pctStart * total - 1, ['initial_lr', 'max_lr'], ['max_momentum', 'base_momentum']);
  if (!three) return [rise, phase(total - 1, ['max_lr', 'min_lr'], ['base_momentum', 'max_momentum'])];
  return [
    rise,
    phase(2 * pctStart * total - 2, ['max_lr', 'initial_lr'], ['base_momentum', 'max_momentum']),
    phase(total - 1, ['initial_lr', 'min_lr'], ['max_momentum', 'max_momentum']),
  ];
}

/** @throws ValueError for steps that are no positive integers */
function totalOf({ totalSteps, epochs, stepsPerEpoch }: OneCycleLROptions): number {
  const positive = (name: string, n: number): number => {
    if (n > 0 && Number.isInteger(n)) return n;
    throw new ValueError(`Expected positive integer ${name}, but got ${pythonText(n)}`);
  };
  if (totalSteps !== undefined && totalSteps !== null) return positive('total_steps', totalSteps);
  if (epochs === undefined || epochs === null || stepsPerEpoch === undefined || stepsPerEpoch === null)
    throw new ValueError('You must define either total_steps OR (epochs AND steps_per_epoch)');
  return positive('epochs', epochs) * positive('steps_per_epoch', stepsPerEpoch);
}

/** The 1cycle policy: up to the highest rate, then far below the first, torch.optim.lr_scheduler.OneCycleLR; step it after every batch. Smith and Topin, 2019. */
export class OneCycleLR extends LRScheduler {
  totalSteps: number;
  /** @internal */
  _schedulePhases: Phase[];
  /** @internal */
  _annealFuncType: string;
  cycleMomentum: boolean;
  declare useBeta1: boolean;

  constructor(
    optimizer: Optimizer,
    ...args: Call<
      [
        maxLr: Num | readonly Num[],
        totalSteps: number | null,
        epochs: number | null,
        stepsPerEpoch: number | null,
      ],
      OneCycleLROptions
    >
  ) {
    super(optimizer);
    const o = readCall<OneCycleLROptions, 'maxLr'>('OneCycleLR', args, oneCycleNames, ['maxLr']);
    const { pctStart = 0.3, annealStrategy = 'cos', lastEpoch = -1 } = o;
    this.totalSteps = totalOf(o);
    if (!(pctStart >= 0 && pctStart <= 1))
      throw new ValueError(`Expected float between 0 and 1 pct_start, but got ${pythonText(pctStart)}`);
    this._schedulePhases = phasesOf(this.totalSteps, pctStart, o.threePhase ?? false);
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
      throw new ValueError(
        `anneal_strategy must be one of 'cos' or 'linear', instead got ${annealStrategy as string}`,
      );
    }
    this._annealFuncType = annealStrategy;
    const highest = perGroup<Num>('max_lr', optimizer, o.maxLr);
    if (lastEpoch === -1) {
      optimizer.paramGroups.forEach((group, i) => {
        const first = div(highest[i]!, o.divFactor ?? 25);
        Object.assign(group, {
          initialLr: first,
          maxLr: highest[i]!,
          minLr: div(first, o.finalDivFactor ?? 1e4),
        });
      });
    }
    this.cycleMomentum = o.cycleMomentum ?? true;
    if (this.cycleMomentum) {
      this.useBeta1 = usesBeta1(optimizer);
      const most = perGroup<Num>('max_momentum', optimizer, o.maxMomentum ?? 0.95);
      const least = perGroup<Num>('base_momentum', optimizer, o.baseMomentum ?? 0.85);
      if (lastEpoch === -1) beginMomenta(optimizer, this.useBeta1, most, least);
    }
    this.begin(lastEpoch);
  }

  /** @throws ValueError beyond the last step. */
  protected override computeLr(): Num[] {
    const step = this.lastEpoch;
    if (step > this.totalSteps) {
      throw new ValueError(
        `Tried to step ${step} times. The specified number of total steps is ${this.totalSteps}`,
      );
    }
    const phases = this._schedulePhases;
    const found = phases.findIndex(({ end_step: end }) => step <= end);
    const at = found < 0 ? phases.length - 1 : found;
    const now = phases[at]!;
    const start = at === 0 ? 0 : phases[at - 1]!.end_step;
    const part = (step - start) / (now.end_step - start);
    return this.optimizer.paramGroups.map((group) => {
      const value = (name: string): Num => group[ownName(name)] as Num;
      if (this.cycleMomentum) {
        const momentum = this.#anneal(value(now.start_momentum), value(now.end_momentum), part);
        setMomentum(group, this.useBeta1, momentum);
      }
      return this.#anneal(value(now.start_lr), value(now.end_lr), part);
    });
  }

  #anneal(start: Num, end: Num, part: number): Num {
    if (this._annealFuncType === 'linear') return add(mul(sub(end, start), part), start);
    return add(end, mul(div(sub(start, end), 2), Math.cos(Math.PI * part) + 1));
  }
}
