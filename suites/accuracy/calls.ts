// Calls on which float32 accuracy is measured: every pointwise op over its domain, and the reductions and products that
// add many terms.
import type { ArgSpec, Fill, Sample } from 'torchstone';
import { call, t } from 'torchstone/internals';
import { uniformStream } from '../bench/inputs.js';
import { pointwiseSamples } from '../common/pointwise-cases.js';
import type { RegisteredOp } from '../common/registry.js';
import { mapTensors, tensorsOf } from '../common/tensor-specs.js';

/** One call, in words a reader finds it by. */
export interface AccuracyCall {
  readonly op: RegisteredOp;
  readonly family: 'pointwise' | 'reduction' | 'row' | 'product';
  /** Which inputs. */
  readonly domain: string;
  readonly sample: Sample;
}

/** Points of each half of a pointwise op's domain. */
const POINTS = 2048;
const WIDE_POWER = 24;

/** Their float64 results are no truth for float32 ones: what they return depends on the dtype. */
const OF_THE_DTYPE = new Set(['nextafter']);

/** Every call that is measured. */
export function accuracyCalls(ops: readonly RegisteredOp[]): AccuracyCall[] {
  return [...ops.flatMap(pointwiseCalls), ...sumCalls(ops)];
}

/** Half of the points as the op's samples are drawn, half over many magnitudes: where the result is out of range they are left out. */
function pointwiseCalls(op: RegisteredOp): AccuracyCall[] {
  if (op.pointwise?.usual !== 'float32' || OF_THE_DTYPE.has(op.name)) return [];
  const found = pointwiseSamples(op).find((one) => one.label === 'shape-1031');
  // Called as a function: a sample of a method has its arguments in another order.
  if (!found?.variants.includes('function')) return [];
  if (tensorsOf(found.sample).some((one) => one.dtype?.startsWith('complex'))) return [];
  const drawn = (change: (fill: Fill | undefined, k: number) => Fill | undefined): Sample =>
    mapTensors(found.sample, ({ fill, ...one }, k) => {
      const other = (one.dtype ?? 'float32') === 'float32' ? change(fill, k) : fill;
      return { ...one, shape: [POINTS], ...(other === undefined ? {} : { fill: other }) };
    });
  const fill = op.pointwise.fill;
  const usual = typeof fill === 'string' ? fill : 'normal';
  const wide = `±2^−${WIDE_POWER} to ±2^${WIDE_POWER}`;
  return [
    { op, family: 'pointwise', domain: usual, sample: drawn((one) => one) },
    { op, family: 'pointwise', domain: wide, sample: drawn((_, k) => ({ values: magnitudes(k) })) },
  ];
}

/** Numbers of either sign, their logarithms evenly spread. */
function magnitudes(seed: number): number[] {
  const random = uniformStream(seed + 1);
  return Array.from({ length: POINTS }, () => {
    const sign = random() < 0.5 ? -1 : 1;
    return Math.fround(sign * 2 ** (WIDE_POWER * (2 * random() - 1)));
  });
}

// Positive terms: where terms cancel, the error says more of the inputs than of the sum.
const ROWS = t([64, 4096], { fill: 'positive' });
const NORMAL_ROWS = t([64, 1024]);
const LEFT = t([64, 1024], { fill: 'positive' });
const RIGHT = t([1024, 64], { fill: 'positive' });

type Spec = readonly [op: string, family: AccuracyCall['family'], domain: string, args: readonly ArgSpec[]];

const SUMS: readonly Spec[] = [
  ['sum', 'reduction', '64 rows of 4,096, positive', [ROWS, 1]],
  ['mean', 'reduction', '64 rows of 4,096, positive', [ROWS, 1]],
  ['prod', 'reduction', '512 rows of 32, positive', [t([512, 32], { fill: 'positive' }), 1]],
  ['var', 'reduction', '64 rows of 1,024, normal', [NORMAL_ROWS, 1]],
  ['std', 'reduction', '64 rows of 1,024, normal', [NORMAL_ROWS, 1]],
  ['norm', 'reduction', '64 rows of 1,024, normal', [NORMAL_ROWS, 2, 1]],
  ['logsumexp', 'reduction', '64 rows of 1,024, normal', [NORMAL_ROWS, 1]],
  ['cumsum', 'reduction', '64 rows of 4,096, positive', [ROWS, 1]],
  ['cumprod', 'reduction', '64 rows of 64, probability', [t([64, 64], { fill: 'probability' }), 1]],
  ['softmax', 'row', '64 rows of 1,024, normal', [NORMAL_ROWS, 1]],
  ['logSoftmax', 'row', '64 rows of 1,024, normal', [NORMAL_ROWS, 1]],
  ['layerNorm', 'row', '64 rows of 1,024, normal', [NORMAL_ROWS, [1024]]],
  ['matmul', 'product', '64 × 1,024 · 1,024 × 64, positive', [LEFT, RIGHT]],
  ['bmm', 'product', '4 of 32 × 256 · 256 × 32, positive', [t([4, 32, 256], { fill: 'positive' }), t([4, 256, 32], { fill: 'positive' })]],
  ['conv2d', 'product', '16 × 16 × 16, 16 filters of 3 × 3, positive', [t([1, 16, 16, 16], { fill: 'positive' }), t([16, 16, 3, 3], { fill: 'positive' })]],
]; // biome-ignore format: a table

function sumCalls(ops: readonly RegisteredOp[]): AccuracyCall[] {
  return SUMS.flatMap(([name, family, domain, args]) => {
    const op = ops.find((one) => one.name === name);
    return op === undefined ? [] : [{ op, family, domain, sample: call(args) }];
  });
}
