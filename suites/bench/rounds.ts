// Repetition of required rows: which are measured again, and how the rounds of a row are pooled.
import type { BenchRow, Timing } from '../../reports/schema/index.js';
import { quietSamples } from './interference.js';
import { median, pairedRatio } from './statistics.js';

/** How often a narrow row is measured in all. */
export const ROUNDS = 3;
/** A ratio this near to its limit is narrow. */
const NEAR = 0.05;

/**
 * Whether a row is measured again: its interval holds the required ratio, or its ratio is near to it, from either side. What held
 * narrowly is asked again as what missed narrowly is.
 */
export function isNarrow({ required, ratio, withheld }: BenchRow): boolean {
  if (required === undefined || ratio === undefined || withheld !== undefined) return false;
  const limit = required.ratio;
  const near = Math.abs(Math.log(ratio.median / limit)) <= Math.log1p(NEAR);
  return near || (ratio.low <= limit && limit <= ratio.high);
}

/** The rounds of one row as one: all blocks of all rounds, and each round's ratio. */
export function pooledRounds(rounds: readonly BenchRow[]): BenchRow {
  const whole = rounds.filter((row) => row.ratio !== undefined && row.theirs !== undefined);
  const first = rounds[0]!;
  if (whole.length < 2) return first;
  const quiet = whole.map((row) => quietSamples(row.ours, row.theirs!));
  const ratio = pairedRatio(
    quiet.flatMap((one) => one.ours),
    quiet.flatMap((one) => one.theirs),
  )!;
  const each = whole.map((row) => row.ratio!);
  const told = `measured ${whole.length} times: ${each.map((one) => `${one.median.toPrecision(3)}×`).join(', ')}`;
  return {
    ...first,
    ours: joined(whole.map((row) => row.ours)),
    theirs: joined(whole.map((row) => row.theirs!)),
    ratio,
    rounds: each,
    ...(first.required
      ? { required: { ...first.required, held: ratio.median >= first.required.ratio } }
      : {}),
    note: first.note ? `${first.note}; ${told}` : told,
  };
}

/** The blocks of several rounds, one after another; what lies between two rounds is not told. */
function joined(rounds: readonly Timing[]): Timing {
  const samples = rounds.flatMap((one) => one.samples);
  const marks: NonNullable<Timing['marks']> = [];
  const atMs: number[] = [];
  let from = 0;
  for (const one of rounds) {
    const before = atMs.at(-1) ?? 0;
    atMs.push(...(one.atMs ?? []).map((ms) => before + ms));
    marks.push(...(one.marks ?? []).map(({ sample, by }) => ({ sample: from + sample, by })));
    from += one.samples.length;
  }
  const [{ calls } = {}] = rounds;
  return {
    medianNs: median(samples),
    samples,
    ...(atMs.length === samples.length ? { atMs } : {}),
    ...(calls === undefined ? {} : { calls }),
    ...(marks.length > 0 ? { marks } : {}),
  };
}
