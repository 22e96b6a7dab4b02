// Adaptive softmax: a softmax over many classes, the rare ones in clusters. Grave et al. 2016.
import { message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { cat, nn, where, zeros } from '../../generated/functions.js';
import type { Factory } from '../_factory.js';
import { ModuleList, Sequential } from '../containers.js';
import { Module } from '../module.js';
import {
  anything,
  type FactoryOptions,
  factory,
  flag,
  float,
  int,
  type Rest,
  signature,
} from '../signature.js';
import { Linear } from './linear.js';

const { logSoftmax } = nn.functional;

export interface AdaptiveSoftmaxOptions extends FactoryOptions {
  /** By how much each cluster's projection is smaller. Default 4. */
  divValue?: number;
  /** Default false. */
  headBias?: boolean;
}
interface AdaptiveSoftmaxArgs extends Factory {
  readonly inFeatures: number;
  readonly nClasses: number;
  readonly cutoffs: unknown;
  readonly divValue: number;
  readonly headBias: boolean;
}
const ADAPTIVE = signature<AdaptiveSoftmaxArgs>('AdaptiveLogSoftmaxWithLoss', [
  int('in_features'),
  int('n_classes'),
  anything('cutoffs'),
  float('div_value', 4),
  flag('head_bias', false),
  ...factory,
]);

/** The log probability of each target, and the mean of their negatives. */
export interface AdaptiveSoftmaxResult {
  readonly output: Tensor;
  readonly loss: Tensor;
}

/**
 * Log probabilities of the targets among many classes, of which the first are the frequent ones.
 * @throws ValueError for cutoffs that do not rise within the classes
 * @see PyTorch: torch.nn.AdaptiveLogSoftmaxWithLoss.
 */
export class AdaptiveLogSoftmaxWithLoss extends Module<
  [input: Tensor, target: Tensor],
  AdaptiveSoftmaxResult
> {
  inFeatures: number;
  nClasses: number;
  cutoffs: readonly number[];
  divValue: number;
  headBias: boolean;
  shortlistSize: number;
  nClusters: number;
  headSize: number;
  head: Linear;
  tail: ModuleList;

  constructor(
    inFeatures: number,
    nClasses: number,
    cutoffs: readonly number[],
    ...rest: Rest<AdaptiveSoftmaxOptions, ['divValue', 'headBias', 'device', 'dtype']>
  ) {
    super();
    const o = ADAPTIVE([inFeatures, nClasses, cutoffs, ...rest]);
    const cuts = checkedCutoffs(o.cutoffs, o.nClasses);
    this.inFeatures = o.inFeatures;
    this.nClasses = o.nClasses;
    this.cutoffs = [...cuts, o.nClasses];
    this.divValue = o.divValue;
    this.headBias = o.headBias;
    this.shortlistSize = cuts[0]!;
    this.nClusters = cuts.length;
    this.headSize = this.shortlistSize + this.nClusters;
    const made = { device: o.device, dtype: o.dtype };
    this.head = new Linear(o.inFeatures, this.headSize, { bias: o.headBias, ...made });
    this.tail = new ModuleList();
    for (let i = 0; i < this.nClusters; i++) {
      const hidden = Math.floor(o.inFeatures / o.divValue ** (i + 1));
      const classes = this.cutoffs[i + 1]! - this.cutoffs[i]!;
      this.tail.append(
        new Sequential(
          new Linear(o.inFeatures, hidden, { bias: false, ...made }),
          new Linear(hidden, classes, { bias: false, ...made }),
        ),
      );
    }
  }
  /** Draws new initial values. */
  resetParameters(): void {
    for (const m of this.modules()) if (m instanceof Linear) m.resetParameters();
  }
  override forward(input: Tensor, target: Tensor): AdaptiveSoftmaxResult {
    this._check(input, target);
    const batched = target.ndim === 1;
    const x = batched ? input : input.unsqueeze(0);
    const t = batched ? target : target.unsqueeze(0);
    const outside = t.lt(0).logicalOr(t.ge(this.nClasses));
    if (outside.any().item() === true)
      throw new RuntimeError(
        message(
          this.name_(),
          `targets within [0, ${this.nClasses - 1}]`,
          `${t.min().item()} to ${t.max().item()}`,
          `Target values should be in [0, ${this.nClasses - 1}], but values in range [${t.min().item()}, ${t.max().item()}] were found. `,
        ),
      );
    const head = logSoftmax(this.head.call(x), 1);
    // Where each target's own class, or its cluster, stands in the head.
    let place = t;
    let local: Tensor | null = null;
    for (let i = 0; i < this.nClusters; i++) {
      const inside = t.ge(this.cutoffs[i]!).logicalAnd(t.lt(this.cutoffs[i + 1]!));
      const rows = inside.nonzero().squeeze(1);
      if (rows.numel() === 0) continue;
      place = place.maskedFill(inside, this.shortlistSize + i);
      const logits = this.tail.at(i).call(x.indexSelect(0, rows)) as Tensor;
      const relative = t.indexSelect(0, rows).sub(this.cutoffs[i]!);
      const found = logSoftmax(logits, 1).gather(1, relative.unsqueeze(1)).squeeze(1);
      const base: Tensor = local ?? zeros([t.size(0)], { dtype: head.dtype, device: head.device });
      local = base.indexCopy(0, rows, found);
    }
    const first = head.gather(1, place.unsqueeze(1)).squeeze(1);
    const output = local === null ? first : first.add(local);
    const loss = output.neg().mean();
    return { output: batched ? output : output.squeeze(0), loss };
  }
  /** @internal */
  _check(input: Tensor, target: Tensor): void {
    const fail = (required: string, got: string, hint: string): never => {
      throw new RuntimeError(message(this.name_(), required, got, hint));
    };
    if (target.ndim > 1)
      fail(
        'a target of 0 or 1 dims',
        String(target.ndim),
        '0D or 1D target tensor expected, multi-target not supported',
      );
    if (target.ndim === 1 && input.size(0) !== target.size(0))
      fail(
        'one batch size',
        `${input.size(0)} and ${target.size(0)}`,
        'Input and target should have the same size in the batch dimension.',
      );
    if (input.ndim !== target.ndim + 1)
      fail(
        `an input of ${target.ndim + 1} dims`,
        showShape(input.sizes),
        `${target.ndim}D target tensor expects ${target.ndim + 1}D input tensors, but found inputs with size torch.Size(${showShape(input.sizes)})`,
      );
  }
  /** @internal */
  _full(input: Tensor, headOutput: Tensor): Tensor {
    const head = logSoftmax(headOutput, 1);
    const parts = [head.narrow(1, 0, this.shortlistSize)];
    for (let i = 0; i < this.nClusters; i++) {
      const cluster = logSoftmax(this.tail.at(i).call(input) as Tensor, 1);
      parts.push(cluster.add(head.narrow(1, this.shortlistSize + i, 1)));
    }
    return cat(parts, 1);
  }
  /** Log probabilities of all classes: [N, nClasses]. */
  logProb(input: Tensor): Tensor {
    return this._full(input, this.head.call(input));
  }
  /** The most probable class of each row. */
  predict(input: Tensor): Tensor {
    const head = this.head.call(input);
    const best = head.argmax(1);
    const rare = best.ge(this.shortlistSize);
    return rare.any().item() === true ? where(rare, this._full(input, head).argmax(1), best) : best;
  }
}

function checkedCutoffs(value: unknown, classes: number): readonly number[] {
  const list = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (list.length === 0)
    throw new ValueError(
      message(
        'AdaptiveLogSoftmaxWithLoss',
        'cutoffs',
        'none',
        'cutoffs should be a sequence of length larger than 0',
      ),
    );
  const rising = list.every(
    (cut, i) =>
      Number.isInteger(cut) &&
      (cut as number) > (i === 0 ? 0 : (list[i - 1] as number)) &&
      (cut as number) <= classes - 1,
  );
  if (rising) return list as readonly number[];
  throw new ValueError(
    message(
      'AdaptiveLogSoftmaxWithLoss',
      'cutoffs that rise within the classes',
      `[${list.join(', ')}]`,
      'cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1',
    ),
  );
}
