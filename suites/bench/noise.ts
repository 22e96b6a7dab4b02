// Owns how noisy the machine was: what other programs took of the processors before and while the bench ran. It only looks.
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

  /** What a reader must know; `referenceMs` is the processor time of the reference, which is none of the noise. */
  notes(referenceMs: number): string[] {
    const found: string[] = [];
    const cores = availableParallelism();
    if (this.#load > 0.5 * cores)
      found.push(
        `Noisy: the load average was ${this.#load.toFixed(1)} on ${cores} cores before the bench began.`,
      );
    const end = read();
    const total = end.total - this.#start.total;
    const others = end.busy - this.#start.busy - (end.own - this.#start.own) - referenceMs;
    const share = total > 0 ? others / total : 0;
    if (share > NOTICED)
      found.push(
        `Noisy: other programs used ${Math.round(100 * share)} % of the processors while the rows ran; intervals are wide, and loops in several threads suffer most.`,
      );
    return found;
  }
}
