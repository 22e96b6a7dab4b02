// Cosine schedules: half a wave, and waves that start again.
//   new CosineAnnealingLR(optimizer, { TMax: 100 })
import { ValueError } from '../../core/errors.js';
import { type Call, readCall } from '../_arguments.js';
import { add, div, mul, type Num, sub } from '../_numbers.js';
import { power } from '../_power.js';
import type { Optimizer } from '../optimizer.js';
import { type EpochOption, LRScheduler, setValue, valuesOf } from './scheduler.js';

export interface CosineAnnealingLROptions extends EpochOption {
  /** Epochs from the highest to the lowest rate: T_max. */
  readonly TMax?: number;
  /** The lowest rate. Default 0. */
  readonly etaMin?: number;
}

/** Half a cosine wave from the initial rate to `etaMin` and back, torch.optim.lr_scheduler.CosineAnnealingLR. Loshchilov and Hutter, 2017. */
export class CosineAnnealingLR extends LRScheduler {
  TMax: number;
  etaMin: number;
  constructor(
    optimizer: Optimizer,
    ...args: Call<[TMax: number, etaMin: number, lastEpoch: number], CosineAnnealingLROptions>
  ) {
    super(optimizer);
    const names = ['TMax', 'etaMin', 'lastEpoch'] as const;
    const options = readCall<CosineAnnealingLROptions, 'TMax'>('CosineAnnealingLR', args, names, ['TMax']);
    this.TMax = options.TMax;
    this.etaMin = options.etaMin ?? 0;
    this.begin(options.lastEpoch ?? -1);
  }
  protected override computeLr(): Num[] {
    const { lastEpoch, TMax, etaMin } = this;
    const values = valuesOf(this.optimizer, 'lr');
    if (this._isInitial) return values;
    if (this._stepCount === 1 && lastEpoch > 0) return this.closedFormLr();
    if ((lastEpoch - 1 - TMax) % (2 * TMax) === 0) {
      const up = 1 - Math.cos(Math.PI / TMax);
      return values.map((lr, i) => add(lr, div(mul(sub(this.baseLrs[i]!, etaMin), up), 2)));
    }
    const ratio =
      (1 + Math.cos((Math.PI * lastEpoch) / TMax)) / (1 + Math.cos((Math.PI * (lastEpoch - 1)) / TMax));
    return values.map((lr) => add(mul(ratio, sub(lr, etaMin)), etaMin));
  }
  protected override closedFormLr(): Num[] {
    const height = 1 + Math.cos((Math.PI * this.lastEpoch) / this.TMax);
    return this.baseLrs.map((lr) => add(this.etaMin, div(mul(sub(lr, this.etaMin), height), 2)));
  }
}

export interface CosineAnnealingWarmRestartsOptions extends EpochOption {
  /** Epochs of the first wave: T_0. */
  readonly T0?: number;
  /** How much longer each wave is than the one before: T_mult. Default 1. */
  readonly TMult?: number;
  /** The lowest rate. Default 0. */
  readonly etaMin?: number;
}

/** Cosine waves from the initial rate to `etaMin` that start again, torch.optim.lr_scheduler.CosineAnnealingWarmRestarts. Loshchilov and Hutter, 2017. */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  T0: number;
  TI: number;
  TMult: number;
  etaMin: number;
  TCur: number;
  constructor(
    optimizer: Optimizer,
    ...args: Call<
      [T0: number, TMult: number, etaMin: number, lastEpoch: number],
      CosineAnnealingWarmRestartsOptions
    >
  ) {
    super(optimizer);
    const names = ['T0', 'TMult', 'etaMin', 'lastEpoch'] as const;
    const op = 'CosineAnnealingWarmRestarts';
    const options = readCall<CosineAnnealingWarmRestartsOptions, 'T0'>(op, args, names, ['T0']);
    const { T0, TMult = 1, etaMin = 0, lastEpoch = -1 } = options;
    if (T0 <= 0 || !Number.isInteger(T0))
      throw new ValueError(`Expected positive integer T_0, but got ${T0}`);
    if (TMult < 1 || !Number.isInteger(TMult))
      throw new ValueError(`Expected integer T_mult >= 1, but got ${TMult}`);
    this.T0 = T0;
    this.TI = T0;
    this.TMult = TMult;
    this.etaMin = etaMin;
    this.TCur = lastEpoch;
    this.begin(lastEpoch);
  }
  protected override computeLr(): Num[] {
    const height = 1 + Math.cos((Math.PI * this.TCur) / this.TI);
    return this.baseLrs.map((lr) => add(this.etaMin, div(mul(sub(lr, this.etaMin), height), 2)));
  }

  /** One epoch further, or to an epoch, which may be a fraction. @throws ValueError for a negative one */
  override step(epoch?: number): void {
    const to = epoch ?? (this.lastEpoch < 0 ? 0 : undefined);
    if (to === undefined) this.#advance();
    else this.#goTo(to);
    this.lastEpoch = to === undefined ? this.lastEpoch + 1 : Math.floor(to);
    const values = this.computeLr();
    this.optimizer.paramGroups.forEach((group, i) => {
      setValue(group, 'lr', values[i]!);
    });
    this._lastLr = valuesOf(this.optimizer, 'lr');
  }

  #advance(): void {
    this.TCur++;
    if (this.TCur < this.TI) return;
    this.TCur %= this.TI;
    this.TI *= this.TMult;
  }
  #goTo(epoch: number): void {
    const { T0, TMult } = this;
    if (epoch < 0) throw new ValueError(`Expected non-negative epoch, but got ${epoch}`);
    if (epoch < T0) {
      this.TI = T0;
      this.TCur = epoch;
    } else if (TMult === 1) {
      this.TCur = epoch % T0;
    } else {
      const waves = Math.trunc(Math.log((epoch / T0) * (TMult - 1) + 1) / Math.log(TMult));
      this.TCur = epoch - (T0 * (power(TMult, waves) - 1)) / (TMult - 1);
      this.TI = T0 * power(TMult, waves);
    }
  }
}
