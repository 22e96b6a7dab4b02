// Noise of the machine: processor time taken by other programs before and during the bench.
import { availableParallelism, cpus, loadavg } from 'node:os';

/** Processor time in milliseconds: of the whole machine, and of this process. */
interface Reading {
  readonly busy: number;
  readonly total: number;
  readonly own: number;
}

function read(): Reading {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  const { user, system } = process.cpuUsage();
  return { busy, total: busy + idle, own: (user + system) / 1000 };
}

/** Below this share of the machine, others do not show in an interval. */
const NOTICED = 0.1;

/** Watches the machine from its making on. */
export class NoiseWatch {
  readonly #start = read();
  readonly #load = loadavg()[0] ?? 0;

  /** The share of the processors that others used since; `referenceMs` is the reference's processor time, which is no noise. */
  others(referenceMs: number): number {
    const end = read();
    const total = end.total - this.#start.total;
    const others = end.busy - this.#start.busy - (end.own - this.#start.own) - referenceMs;
    return total > 0 ? Math.max(0, others / total) : 0;
  }

  /** What a reader of the whole run must know. */
  notes(referenceMs: number): string[] {
    const found: string[] = [];
    const cores = availableParallelism();
    if (this.#load > 0.5 * cores)
      found.push(
        `Noisy: the load average was ${this.#load.toFixed(1)} on ${cores} cores before the bench began.`,
      );
    const text = noiseText(this.others(referenceMs));
    if (text)
      found.push(
        `Noisy: ${text}. Loops in several threads suffer most, on either side: trust no ratio of such a row.`,
      );
    return found;
  }
}

/** What to say of that share, if it is worth saying. */
export function noiseText(share: number): string | undefined {
  return share > NOTICED
    ? `other programs used ${Math.round(100 * share)} % of the processors meanwhile`
    : undefined;
}
