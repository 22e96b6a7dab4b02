// Weight averaging: models that average their weights over training (SWA, EMA), their schedule, and batch norm after it.
//   const averaged = new AveragedModel(model, { multiAvgFn: getEmaMultiAvgFn(0.999) }); …; averaged.updateParameters(model);
import { noGrad } from '../autograd/grad-mode.js';
import { int64 } from '../core/dtype.js';
import { ArgumentError, ValueError } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';
import { pythonText } from '../format/python-text.js';
import { tensor } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { add, div, mul, type Num, numberOf, sub } from './_numbers.js';
import { type EpochOption, LRScheduler, perGroup } from './lr-scheduler/scheduler.js';
import type { Optimizer } from './optimizer.js';

/** What is averaged: anything with parameters, as `nn.Module`. */
export interface Averageable {
  parameters(): Iterable<Tensor>;
  buffers?(): Iterable<Tensor>;
  /** A copy with tensors of its own, where objects cannot be copied field by field. */
  clone?(): Averageable;
}
/** The new average of one parameter, from the average so far, the parameter and how many were averaged. */
export type AvgFn = (averaged: Tensor, current: Tensor, count: Tensor) => Tensor;
/** The same of several parameters of one dtype and device, in place. */
export type MultiAvgFn = (averaged: readonly Tensor[], current: readonly Tensor[], count: Tensor) => void;

function checkDecay(decay: number): void {
  if (decay >= 0 && decay <= 1) return;
  throw new ValueError(
    `Invalid decay value ${pythonText(decay)} provided. Please provide a value in [0,1] range.`,
  );
}

/** The exponential moving average: decay · average + (1 − decay) · current. @throws ValueError for a decay outside [0, 1] */
export function getEmaAvgFn(decay = 0.999): AvgFn {
  checkDecay(decay);
  return (averaged, current) => noGrad(() => averaged.mul(decay).add(current.mul(1 - decay)));
}
/** The same in place. @throws ValueError for a decay outside [0, 1] */
export function getEmaMultiAvgFn(decay = 0.999): MultiAvgFn {
  checkDecay(decay);
  return (averaged, current) =>
    noGrad(() => {
      averaged.forEach((t, i) => {
        if (t.dtype.isInexact) t.lerp_(current[i]!, 1 - decay);
        else t.copy_(t.mul(decay).add(current[i]!.mul(1 - decay)));
      });
    });
}
/** The mean of all: average + (current − average) / (count + 1). */
export function getSwaAvgFn(): AvgFn {
  return (averaged, current, count) => noGrad(() => averaged.add(current.sub(averaged).div(count.add(1))));
}
/** The same in place. */
export function getSwaMultiAvgFn(): MultiAvgFn {
  return (averaged, current, count) =>
    noGrad(() => {
      const weight = 1 / (numberOf(count) + 1);
      averaged.forEach((t, i) => {
        if (t.dtype.isInexact) t.lerp_(current[i]!, weight);
        else
          t.add_(
            current[i]!.sub(t)
              .div(numberOf(count) + 1)
              .to(t.dtype),
          );
      });
    });
}

export interface AveragedModelOptions<M> {
  /** How one parameter is averaged; or give `multiAvgFn`. Default: the mean of all. */
  readonly avgFn?: AvgFn | null;
  readonly multiAvgFn?: MultiAvgFn | null;
  /** Average buffers too; else they are copied. Default false. */
  readonly useBuffers?: boolean;
  /** How the model is copied. Default: by its `clone()`, else field by field with tensors cloned. */
  readonly copy?: (model: M) => M;
}

/**
 * A copy of a model whose parameters are averages, torch.optim.swa_utils.AveragedModel. The first update copies, later ones average.
 * `module` is the copy, `nAveraged` the count. Izmailov et al., 2018.
 */
export class AveragedModel<M extends Averageable = Averageable> {
  readonly module: M;
  readonly nAveraged: Tensor = tensor(0, { dtype: int64 });
  readonly useBuffers: boolean;
  readonly #avgFn: AvgFn | null;
  readonly #multiAvgFn: MultiAvgFn | null;

  constructor(model: M, options?: AveragedModelOptions<M>) {
    const names = ['avgFn', 'multiAvgFn', 'useBuffers', 'copy'] as const;
    const { avgFn, multiAvgFn, useBuffers, copy } = readOptions<AveragedModelOptions<M>>(
      'AveragedModel',
      options,
      names,
    );
    if (avgFn != null && multiAvgFn != null)
      throw new ArgumentError('Only one of avg_fn and multi_avg_fn should be provided');
    this.#avgFn = avgFn ?? null;
    this.#multiAvgFn = multiAvgFn ?? null;
    this.useBuffers = useBuffers ?? false;
    const byItself = (one: M): M => (one.clone === undefined ? deepCopy(one) : (one.clone() as M));
    this.module = (copy ?? byItself)(model);
  }

  /** The copy's own result. */
  forward(...args: unknown[]): unknown {
    return (this.module as unknown as { forward(...args: unknown[]): unknown }).forward(...args);
  }
  parameters(): Iterable<Tensor> {
    return this.module.parameters();
  }
  *buffers(): IterableIterator<Tensor> {
    yield this.nAveraged;
    yield* this.module.buffers?.() ?? [];
  }

  /** Takes the model's parameters into the average. */
  updateParameters(model: M): void {
    noGrad(() => {
      const averaged = this.#tensorsOf(this.module);
      const current = this.#tensorsOf(model).map((t, i) => t.detach().to(averaged[i]!.device));
      if (numberOf(this.nAveraged) === 0) averaged.forEach((t, i) => void t.copy_(current[i]!));
      else this.#average(averaged, current);
      if (!this.useBuffers) {
        const from = [...(model.buffers?.() ?? [])];
        [...(this.module.buffers?.() ?? [])].forEach((t, i) => void t.copy_(from[i]!.detach()));
      }
      this.nAveraged.add_(1);
    });
  }

  #tensorsOf(model: M): Tensor[] {
    const buffers = this.useBuffers ? (model.buffers?.() ?? []) : [];
    return [...model.parameters(), ...buffers].map((t) => t.detach());
  }

  #average(averaged: readonly Tensor[], current: readonly Tensor[]): void {
    if (this.#avgFn !== null) {
      averaged.forEach((t, i) => void t.copy_(this.#avgFn!(t, current[i]!, this.nAveraged)));
      return;
    }
    const multi = this.#multiAvgFn ?? getSwaMultiAvgFn();
    const groups = new Map<string, number[]>();
    averaged.forEach((t, i) => {
      const key = `${t.dtype.name} ${String(t.device)}`;
      groups.set(key, [...(groups.get(key) ?? []), i]);
    });
    for (const group of groups.values())
      multi(
        group.map((i) => averaged[i]!),
        group.map((i) => current[i]!),
        this.nAveraged,
      );
  }
}

/** An object's copy with its class: tensors cloned, functions shared. */
function deepCopy<T>(value: T, seen = new Map<unknown, unknown>()): T {
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value) as T;
  const keep = <C>(copy: C): C => {
    seen.set(value, copy);
    return copy;
  };
  if (value instanceof Tensor) {
    const copy = keep(
      value
        .detach()
        .clone()
        .requiresGrad_(value.requiresGrad && value.isLeaf),
    );
    return copy as T;
  }
  if (Array.isArray(value)) {
    const copy = keep([] as unknown[]);
    for (const one of value) copy.push(deepCopy(one, seen));
    return copy as T;
  }
  if (value instanceof Map) {
    const copy = keep(new Map<unknown, unknown>());
    for (const [k, v] of value) copy.set(deepCopy(k, seen), deepCopy(v, seen));
    return copy as T;
  }
  if (value instanceof Set) {
    const copy = keep(new Set<unknown>());
    for (const one of value) copy.add(deepCopy(one, seen));
    return copy as T;
  }
  const copy = keep(Object.create(Object.getPrototypeOf(value)) as Record<string, unknown>);
  for (const [k, v] of Object.entries(value)) copy[k] = deepCopy(v, seen);
  return copy as T;
}

/** A module that counts running statistics, as nn.BatchNorm2d. */
interface RunningNorm {
  momentum: number | null;
  resetRunningStats(): void;
}
/** A model as `updateBn` needs it: nn.Module has all of this. */
export interface TrainedModel {
  training: boolean;
  train(mode?: boolean): unknown;
  modules(): Iterable<object>;
  forward(...args: never[]): unknown;
}

/** Batch norm of any number of dims, and no other norm. */
function isBatchNorm(module: object): boolean {
  for (let at = Object.getPrototypeOf(module); at !== null; at = Object.getPrototypeOf(at))
    if (/^_?(Sync)?BatchNorm/.test(at.constructor?.name ?? '')) return 'resetRunningStats' in module;
  return false;
}

/**
 * Computes the running statistics of a model's batch norms anew, over one pass of the data, torch.optim.swa_utils.update_bn.
 * A batch is the input, or a list that begins with it.
 */
export function updateBn(
  loader: Iterable<Tensor | readonly [Tensor, ...unknown[]]>,
  model: TrainedModel,
  device?: Parameters<Tensor['to']>[0],
): void {
  const norms = [...model.modules()].filter(isBatchNorm) as RunningNorm[];
  if (norms.length === 0) return;
  const momenta = norms.map((norm) => norm.momentum);
  const wasTraining = model.training;
  noGrad(() => {
    for (const norm of norms) {
      norm.resetRunningStats();
      norm.momentum = null;
    }
    model.train();
    for (const batch of loader) {
      const input = batch instanceof Tensor ? batch : batch[0];
      (model.forward as (x: Tensor) => unknown)(device === undefined ? input : input.to(device));
    }
    norms.forEach((norm, i) => {
      norm.momentum = momenta[i]!;
    });
    model.train(wasTraining);
  });
}

export interface SWALROptions extends EpochOption {
  /** The rate that the schedule ends with, or one a group. */
  readonly swaLr?: Num | readonly Num[];
  /** Epochs until then. Default 10. */
  readonly annealEpochs?: number;
  /** Default 'cos'. */
  readonly annealStrategy?: 'cos' | 'linear';
}

/** The rate from where it is to a constant, torch.optim.swa_utils.SWALR. @throws ValueError for unknown strategies */
export class SWALR extends LRScheduler {
  annealEpochs: number;
  /** @internal */
  _annealStrategy: string;

  constructor(
    optimizer: Optimizer,
    ...args: Call<
      [
        swaLr: Num | readonly Num[],
        annealEpochs: number,
        annealStrategy: 'cos' | 'linear',
        lastEpoch: number,
      ],
      SWALROptions
    >
  ) {
    super(optimizer);
    const names = ['swaLr', 'annealEpochs', 'annealStrategy', 'lastEpoch'] as const;
    const options = readCall<SWALROptions, 'swaLr'>('SWALR', args, names, ['swaLr']);
    const { annealEpochs = 10, annealStrategy = 'cos' } = options;
    perGroup<Num>('swa_lr', optimizer, options.swaLr).forEach((lr, i) => {
      optimizer.paramGroups[i]!.swaLr = lr;
    });
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
      throw new ValueError(
        `anneal_strategy must be one of 'cos' or 'linear', instead got ${annealStrategy as string}`,
      );
    }
    this._annealStrategy = annealStrategy;
    if (!Number.isInteger(annealEpochs) || annealEpochs < 0)
      throw new ValueError(`anneal_epochs must be equal or greater than 0, got ${annealEpochs}`);
    this.annealEpochs = annealEpochs;
    this.begin(options.lastEpoch ?? -1);
  }

  protected override computeLr(): Num[] {
    const counted = this._stepCount - 1;
    const step = this.annealEpochs === 0 ? Math.max(1, counted) : counted;
    const before = this.#annealed(step - 1);
    const now = this.#annealed(step);
    return this.optimizer.paramGroups.map((group) => {
      const target = group.swaLr as Num;
      const first = before === 1 ? target : div(sub(group.lr, mul(before, target)), 1 - before);
      return add(mul(target, now), mul(first, 1 - now));
    });
  }

  /** How much of the way is done. */
  #annealed(step: number): number {
    const part = Math.max(0, Math.min(1, step / Math.max(1, this.annealEpochs)));
    return this._annealStrategy === 'cos' ? (1 - Math.cos(Math.PI * part)) / 2 : part;
  }
}
