// Sequences of different lengths: padded, packed and back, as torch.nn.utils.rnn. `packPaddedSequence(x, [5, 3])`.
import { noGrad } from '../../autograd/grad-mode.js';
import type { DeviceLike } from '../../core/device.js';
import { type DTypeLike, int64 } from '../../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import { readOptions } from '../../core/options.js';
import { Tensor } from '../../core/tensor.js';
import { argsort, cat, full, stack, tensor } from '../../generated/functions.js';

/**
 * Sequences of different lengths without padding: the first elements of all, then the second elements of those that have one, …
 * @see PyTorch: torch.nn.utils.rnn.PackedSequence.
 */
export class PackedSequence {
  /** The elements: [sum of the lengths, …]. */
  readonly data: Tensor;
  /** How many sequences have an element at each step. */
  readonly batchSizes: Tensor;
  /** The order that sorts the sequences by falling length; null where they came in it. */
  readonly sortedIndices: Tensor | null;
  /** The order back. */
  readonly unsortedIndices: Tensor | null;

  constructor(
    data: Tensor,
    batchSizes: Tensor,
    sortedIndices: Tensor | null = null,
    unsortedIndices: Tensor | null = null,
  ) {
    this.data = data;
    this.batchSizes = batchSizes;
    this.sortedIndices = sortedIndices;
    this.unsortedIndices =
      unsortedIndices ?? (sortedIndices === null ? null : invertPermutation(sortedIndices));
  }
  /** The same with its elements on another device or of another dtype. */
  to(options: { device?: DeviceLike; dtype?: DTypeLike }): PackedSequence {
    return new PackedSequence(
      this.data.to([options.device ?? this.data.device, options.dtype ?? this.data.dtype]),
      this.batchSizes,
      this.sortedIndices,
      this.unsortedIndices,
    );
  }
}

/** The permutation that undoes another. */
export function invertPermutation(permutation: Tensor): Tensor {
  return argsort(permutation);
}

/** Lengths as plain numbers. @throws RuntimeError for lengths that are no vector of positive integers */
function lengthsOf(op: string, lengths: Tensor | readonly number[]): number[] {
  const list = lengths instanceof Tensor ? (lengths.tolist() as unknown) : lengths;
  if (!Array.isArray(list)) throw new ArgumentError(message(op, 'a list of lengths', describe(lengths)));
  return list.map((length: unknown) => {
    if (!Number.isInteger(length) || (length as number) <= 0)
      throw new RuntimeError(
        message(op, 'lengths above 0', String(length), 'Length of all samples has to be greater than 0'),
      );
    return length as number;
  });
}

export interface PackOptions {
  /** Whether the batch is the first dim. Default false. */
  batchFirst?: boolean;
  /** Whether the sequences must come in the order of falling lengths; else they are sorted. Default true. */
  enforceSorted?: boolean;
}

/**
 * Packs a padded batch [L, N, …].
 * @throws RuntimeError for lengths that do not fit, or that do not fall where they must
 * @see PyTorch: torch.nn.utils.rnn.pack_padded_sequence.
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: Tensor | readonly number[],
  options: PackOptions = {},
): PackedSequence {
  const op = 'packPaddedSequence';
  const { batchFirst = false, enforceSorted = true } = readOptions<PackOptions>(op, options, [
    'batchFirst',
    'enforceSorted',
  ]);
  let sizes = lengthsOf(op, lengths);
  let x = batchFirst ? input.transpose(0, 1) : input;
  if (x.ndim < 2 || sizes.length !== x.size(1))
    throw new RuntimeError(
      message(
        op,
        `${x.ndim < 2 ? 'a batch' : x.size(1)} lengths`,
        String(sizes.length),
        `Expected \`len(lengths)\` to be equal to batch_size, but got ${sizes.length} (batch_size=${x.ndim < 2 ? 0 : x.size(1)})`,
      ),
    );
  let sorted: Tensor | null = null;
  if (!enforceSorted) {
    const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
    sorted = tensor(order, { dtype: int64, device: input.device });
    x = x.indexSelect(1, sorted);
    sizes = order.map((i) => sizes[i]!);
  }
  if (sizes.some((size, i) => i > 0 && size > sizes[i - 1]!))
    throw new RuntimeError(
      message(
        op,
        'lengths that fall',
        `[${sizes.join(', ')}]`,
        '`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` to sort the sequences',
      ),
    );
  if (sizes[0]! > x.size(0))
    throw new RuntimeError(
      message(
        op,
        `lengths up to ${x.size(0)}`,
        String(sizes[0]),
        'Expected a length within the padded sequence',
      ),
    );
  const counts = countsOf(sizes);
  const steps = counts.map((count, t) => x.select(0, t).narrow(0, 0, count));
  return new PackedSequence(cat(steps, 0), tensor(counts, { dtype: int64 }), sorted);
}

/** How many sequences go on at each step, from falling lengths. */
function countsOf(lengths: readonly number[]): number[] {
  return Array.from({ length: lengths[0]! }, (_, t) => lengths.filter((length) => length > t).length);
}

export interface PadPackedOptions {
  batchFirst?: boolean;
  /** What stands behind the ends. Default 0. */
  paddingValue?: number;
  /** The length of the result. Default: that of the longest sequence. */
  totalLength?: number | null;
}

/**
 * A packed batch as a padded one, [L, N, …], and the lengths.
 * @throws ValueError for a totalLength that is too short
 * @see PyTorch: torch.nn.utils.rnn.pad_packed_sequence.
 */
export function padPackedSequence(
  sequence: PackedSequence,
  options: PadPackedOptions = {},
): [Tensor, Tensor] {
  const op = 'padPackedSequence';
  const {
    batchFirst = false,
    paddingValue = 0,
    totalLength = null,
  } = readOptions<PadPackedOptions>(op, options, ['batchFirst', 'paddingValue', 'totalLength']);
  const counts = sequence.batchSizes.tolist() as number[];
  if (totalLength !== null && totalLength < counts.length)
    throw new ValueError(
      message(
        op,
        `a length of ${counts.length} or more`,
        String(totalLength),
        `Expected total_length to be at least the length of the longest sequence in input, but got total_length=${totalLength} and max sequence length being ${counts.length}`,
      ),
    );
  const { data } = sequence;
  const batch = counts[0]!;
  const rest = data.sizes.slice(1);
  const padding = (count: number): Tensor =>
    full([count, ...rest], paddingValue, { dtype: data.dtype, device: data.device });
  const steps = data
    .split(counts, 0)
    .map((step, t) => (counts[t] === batch ? step : cat([step, padding(batch - counts[t]!)], 0)));
  for (let t = counts.length; t < (totalLength ?? 0); t++) steps.push(padding(batch));
  let padded = stack(steps, batchFirst ? 1 : 0);
  let lengths = tensor(
    Array.from({ length: batch }, (_, i) => counts.filter((count) => count > i).length),
    { dtype: int64 },
  );
  if (sequence.unsortedIndices !== null) {
    padded = padded.indexSelect(batchFirst ? 0 : 1, sequence.unsortedIndices);
    lengths = lengths.indexSelect(0, sequence.unsortedIndices.to('cpu'));
  }
  return [padded, lengths];
}

export interface PadSequenceOptions {
  batchFirst?: boolean;
  /** Default 0. */
  paddingValue?: number;
  /** Default 'right'. */
  paddingSide?: 'left' | 'right';
}

/** Sequences [Lᵢ, …] as one padded batch [L, N, …]. @see PyTorch: torch.nn.utils.rnn.pad_sequence. */
export function padSequence(sequences: Iterable<Tensor>, options: PadSequenceOptions = {}): Tensor {
  const op = 'padSequence';
  const {
    batchFirst = false,
    paddingValue = 0,
    paddingSide = 'right',
  } = readOptions<PadSequenceOptions>(op, options, ['batchFirst', 'paddingValue', 'paddingSide']);
  if (paddingSide !== 'left' && paddingSide !== 'right')
    throw new RuntimeError(
      message(
        op,
        "paddingSide 'left' or 'right'",
        String(paddingSide),
        `Expected padding_side to be one of left or right, but got ${String(paddingSide)}.`,
      ),
    );
  if (typeof sequences !== 'object' || sequences === null || !(Symbol.iterator in sequences))
    throw new RuntimeError(
      message(op, 'tensors', describe(sequences), 'Expected iterable for input sequences'),
    );
  const list = [...sequences];
  const [first] = list;
  if (first === undefined)
    throw new RuntimeError(
      message(op, 'at least one sequence', 'none', 'received an empty list of sequences'),
    );
  for (const one of list)
    if (!(one instanceof Tensor) || showShape(one.sizes.slice(1)) !== showShape(first.sizes.slice(1)))
      throw new RuntimeError(
        message(
          op,
          `sequences of ${showShape(first.sizes.slice(1))}`,
          one instanceof Tensor ? showShape(one.sizes.slice(1)) : describe(one),
        ),
      );
  const longest = Math.max(...list.map((one) => one.size(0)));
  const padded = list.map((one) => {
    const missing = longest - one.size(0);
    if (missing === 0) return one;
    const filler = full([missing, ...one.sizes.slice(1)], paddingValue, {
      dtype: one.dtype,
      device: one.device,
    });
    return cat(paddingSide === 'left' ? [filler, one] : [one, filler], 0);
  });
  return stack(padded, batchFirst ? 0 : 1);
}

/** A padded batch as a list of sequences. @see PyTorch: torch.nn.utils.rnn.unpad_sequence. */
export function unpadSequence(
  padded: Tensor,
  lengths: Tensor | readonly number[],
  options: { batchFirst?: boolean } = {},
): Tensor[] {
  const { batchFirst = false } = readOptions<{ batchFirst?: boolean }>('unpadSequence', options, [
    'batchFirst',
  ]);
  const batch = batchFirst ? padded : padded.transpose(0, 1);
  return lengthsOf('unpadSequence', lengths).map((length, i) => batch.select(0, i).narrow(0, 0, length));
}

/** Packs a list of sequences [Lᵢ, …]. @see PyTorch: torch.nn.utils.rnn.pack_sequence. */
export function packSequence(
  sequences: readonly Tensor[],
  options: { enforceSorted?: boolean } = {},
): PackedSequence {
  const { enforceSorted = true } = readOptions<{ enforceSorted?: boolean }>('packSequence', options, [
    'enforceSorted',
  ]);
  return packPaddedSequence(
    padSequence(sequences),
    sequences.map((one) => one.size(0)),
    { enforceSorted },
  );
}

/** A packed batch as a list of sequences. @see PyTorch: torch.nn.utils.rnn.unpack_sequence. */
export function unpackSequence(packed: PackedSequence): Tensor[] {
  const [padded, lengths] = padPackedSequence(packed, { batchFirst: true });
  return unpadSequence(
    padded,
    noGrad(() => lengths),
    { batchFirst: true },
  );
}
