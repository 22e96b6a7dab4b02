// Detects interference (preemption, steal, throttling, clock drop, garbage collection) during a timed batch, and
// decides which batches are discarded.
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { BenchRow, Blocks, Mark, Timing } from '../../reports/schema/index.js';
import { MIN_PAIRS } from './statistics.js';

/** What the system has counted up to one moment. */
export interface Reading {
  /** By `performance.now()`. */
  readonly at: number;
  /** Times the kernel gave this process's processor to another program. */
  readonly preempted: number;
  /** Ticks that the host gave to other guests, on any processor. */
  readonly stolen: number;
  /** Periods in which the control group ran into its quota. */
  readonly throttled: number;
  /** The slowest processor's clock rate in kHz, where the system tells; else 0. */
  readonly khz: number;
}

/** A clock rate this far below the best of the run is a lower one. */
const SLOWED = 0.95;
const QUOTA_FILES = ['/sys/fs/cgroup/cpu.stat', '/sys/fs/cgroup/cpu/cpu.stat'];
const PROCESSORS = '/sys/devices/system/cpu';

/** Reads a small file of the kernel again and again; '' where there is none. */
class KernelFile {
  readonly #descriptor: number | undefined;
  readonly #buffer = Buffer.alloc(1024);

  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, 'r');
    } catch {
      // Not this kernel's: it counts nothing.
    }
  }

  read(): string {
    if (this.#descriptor === undefined) return '';
    try {
      return this.#buffer.toString('latin1', 0, readSync(this.#descriptor, this.#buffer, 0, 1024, 0));
    } catch {
      return '';
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}

/** Steal is the eighth figure of the first line. */
export function stolenTicks(stat: string): number {
  return Number(/^cpu\s+(?:\d+\s+){7}(\d+)/.exec(stat)?.[1] ?? 0);
}

/** Periods in which a quota held the group back. */
export function throttledPeriods(stat: string): number {
  return Number(/^nr_throttled (\d+)/m.exec(stat)?.[1] ?? 0);
}

/** What stood between two readings; `bestKhz` is the highest clock rate seen. */
export function marksBetween(before: Reading, after: Reading, bestKhz = 0): Mark[] {
  const marks: Mark[] = [];
  if (after.preempted > before.preempted) marks.push('preempted');
  if (after.stolen > before.stolen) marks.push('stolen');
  if (after.throttled > before.throttled) marks.push('throttled');
  if (after.khz > 0 && after.khz < SLOWED * bestKhz) marks.push('slowed');
  return marks;
}

/** Watches this process and its machine while blocks are timed. */
export class HitWatch {
  readonly #stat = new KernelFile('/proc/stat');
  readonly #quotas = QUOTA_FILES.map((path) => new KernelFile(path));
  readonly #clocks: KernelFile[];
  readonly #collections: { readonly from: number; readonly to: number }[] = [];
  readonly #observer: PerformanceObserver;
  #bestKhz = 0;

  constructor() {
    this.#clocks = clockFiles().map((path) => new KernelFile(path));
    this.#observer = new PerformanceObserver((list) => this.#keep(list.getEntries()));
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** To be called between blocks, never inside: it costs some microseconds. */
  read(): Reading {
    const rates = this.#clocks.map((file) => Number(file.read())).filter((khz) => khz > 0);
    const khz = rates.length > 0 ? Math.min(...rates) : 0;
    this.#bestKhz = Math.max(this.#bestKhz, khz);
    return {
      at: performance.now(),
      preempted: process.resourceUsage().involuntaryContextSwitches,
      stolen: stolenTicks(this.#stat.read()),
      throttled: this.#quotas.reduce((sum, file) => sum + throttledPeriods(file.read()), 0),
      khz,
    };
  }

  /**
   * The marks of blocks, each between two readings; `own`: they ran in this process, so that its collections hit them. Node tells
   * of a collection a turn later, hence the wait.
   */
  async marks(
    blocks: readonly (readonly [before: Reading, after: Reading])[],
    own = true,
  ): Promise<Mark[][]> {
    await turn();
    await turn();
    this.#keep(this.#observer.takeRecords());
    return blocks.map(([before, after]) => {
      const collected = own && this.#collections.some(({ from, to }) => from < after.at && to > before.at);
      return [...(collected ? (['collection'] as const) : []), ...marksBetween(before, after, this.#bestKhz)];
    });
  }

  close(): void {
    this.#observer.disconnect();
    for (const file of [this.#stat, ...this.#quotas, ...this.#clocks]) file.close();
  }

  #keep(entries: readonly { readonly startTime: number; readonly duration: number }[]): void {
    for (const { startTime, duration } of entries)
      this.#collections.push({ from: startTime, to: startTime + duration });
  }
}

function clockFiles(): string[] {
  try {
    return readdirSync(PROCESSORS)
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => `${PROCESSORS}/${name}/cpufreq/scaling_cur_freq`)
      .filter((path) => readFileSync(path, 'latin1') !== '');
  } catch {
    return [];
  }
}

/**
 * The rule: a pair of blocks is left out when other programs, other guests, a quota or a lower clock rate hit either of its blocks,
 * whichever side that was. A collection is never a reason: collecting is part of what code costs. Where fewer than a quarter of the
 * pairs (or than `least`) would be left, all stay: then the machine is never quiet, and the interval says so.
 */
export function keptPairs(
  ours: readonly (readonly Mark[])[],
  theirs: readonly (readonly Mark[])[],
  least: number,
): number[] {
  const pairs = Array.from({ length: Math.min(ours.length, theirs.length) }, (_, i) => i);
  const hit = (marks: readonly Mark[]) => marks.some((mark) => mark !== 'collection');
  const quiet = pairs.filter((i) => !hit(ours[i]!) && !hit(theirs[i]!));
  return quiet.length >= Math.max(least, pairs.length / 4) ? quiet : pairs;
}

/** The samples of two sides that the rule leaves, in pairs. */
export function quietSamples(ours: Timing, theirs: Timing): { ours: number[]; theirs: number[] } {
  const kept = keptPairs(marksOf(ours), marksOf(theirs), MIN_PAIRS);
  return { ours: kept.map((i) => ours.samples[i]!), theirs: kept.map((i) => theirs.samples[i]!) };
}

function marksOf({ samples, marks = [] }: Timing): readonly Mark[][] {
  const found: Mark[][] = samples.map(() => []);
  for (const { sample, by } of marks) found[sample] = by;
  return found;
}

/** The blocks of a run's rows, counted. A series that several rows share counts once. */
export function countBlocks(rows: readonly BenchRow[]): Blocks {
  const seen = new Set<readonly number[]>();
  const blocks: Blocks = { all: 0, marked: {}, leftOut: 0 };
  for (const { ours, theirs } of rows) {
    for (const timing of theirs ? [ours, theirs] : [ours]) {
      if (seen.has(timing.samples)) continue;
      seen.add(timing.samples);
      blocks.all += timing.samples.length;
      for (const mark of (timing.marks ?? []).flatMap(({ by }) => by))
        blocks.marked[mark] = (blocks.marked[mark] ?? 0) + 1;
    }
    if (theirs) {
      const pairs = Math.min(ours.samples.length, theirs.samples.length);
      blocks.leftOut += 2 * (pairs - quietSamples(ours, theirs).ours.length);
    }
  }
  return blocks;
}

const MARK_TEXTS: Readonly<Record<Mark, string>> = {
  collection: 'a garbage collection',
  preempted: 'another program on the processor',
  stolen: 'another guest of the host',
  throttled: 'a quota',
  slowed: 'a lower clock rate',
};

/** The counts as a sentence; none where nothing was hit. */
export function blocksNote({ all, marked, leftOut }: Blocks): string[] {
  const parts = Object.entries(marked).map(([mark, n]) => `${n} by ${MARK_TEXTS[mark as Mark]}`);
  if (parts.length === 0) return [];
  return [`Of ${all} timed blocks some were hit: ${parts.join(', ')}; ratios leave ${leftOut} blocks out.`];
}
