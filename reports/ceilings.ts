// How far each row is from what the hardware can do: its rate, the ceiling that bounds it, its share of that. No layout.

import { significant } from './format.js';
import type { BenchRow, Ceiling, RunResult } from './schema/index.js';

/** What a ceiling bounds, for people. */
export const CEILING_TITLES: Readonly<Record<Ceiling['id'], string>> = {
  memory: 'memory bandwidth',
  cache: 'cache bandwidth',
  float32: 'float32 arithmetic',
  float64: 'float64 arithmetic',
};

/** A row that moves less than this stays in the caches of a core. */
const CACHED_BYTES = 2e6;

/** What a row reaches of what bounds it. */
export interface Reach {
  /** `31.4 GB/s` */
  readonly rate: string;
  readonly ceiling?: Ceiling;
  /** Per cent of the ceiling. */
  readonly share?: number;
}

/** The ceilings of a run. */
export function ceilingsOf(run: RunResult): Ceiling[] {
  return run.suites.flatMap((suite) => suite.ceilings ?? []);
}

/** The rate of a row and its share of the ceiling; nothing for a row that says neither bytes nor operations. */
export function reachOf(row: BenchRow, ceilings: readonly Ceiling[]): Reach | undefined {
  const ns = row.ours.medianNs;
  const work = row.flops ?? row.bytes;
  if (!work || ns <= 0) return undefined;
  const id = row.flops
    ? row.dtype === 'float64'
      ? 'float64'
      : 'float32'
    : work <= CACHED_BYTES
      ? 'cache'
      : 'memory';
  // Bytes or operations per nanosecond are GB/s and GFLOP/s.
  const value = work / ns;
  const rate = `${significant(value)} ${row.flops ? 'GFLOP/s' : 'GB/s'}`;
  const ceiling = ceilings.find((one) => one.id === id);
  return ceiling ? { rate, ceiling, share: (100 * value) / ceiling.value } : { rate };
}

/** `62 %`, `0.3 %`. */
export function shareText(share: number | undefined): string {
  if (share === undefined) return '–';
  return `${share >= 9.5 ? Math.round(share) : share.toPrecision(1)} %`;
}

/** Whether a required ratio was reached: `held`, `missed`, `no ratio`; with a ~ where the interval holds the required ratio. */
export function verdictOf(row: BenchRow | undefined): string {
  if (!row) return '';
  if (row.correct === false) return 'wrong result';
  if (row.required && row.ratio) {
    const { ratio, held } = row.required;
    const undecided = row.ratio.low < ratio && ratio <= row.ratio.high;
    return `${undecided ? '~' : ''}${held ? 'held' : 'missed'}`;
  }
  return row.ratio ? '' : 'no ratio';
}

/** A row that moves more than this for each of its `size` counts something else than elements: the side of a matrix. */
const MOST_BYTES_AN_ELEMENT = 64;

/** Operations a byte; a row that counts bytes but no operations is taken as one operation an element. Undefined where its traffic is unknown. */
export function intensityOf({ bytes, flops, size }: BenchRow): number | undefined {
  if (!bytes) return undefined;
  if (flops) return flops / bytes;
  return size && bytes <= size * MOST_BYTES_AN_ELEMENT ? size / bytes : undefined;
}
