// `doctor` on timings: how exact they can be on this machine now, and what stands in the way.
import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import type { Machine, Mark } from '../../reports/schema/index.js';
import { evidence } from '../bench/decision.js';
import { HitWatch, keptPairs, throttledPeriods } from '../bench/interference.js';
import { blockLength, type Lane, race } from '../bench/race.js';
import { logRatios, median, spread } from '../bench/statistics.js';
import type { Finding } from './doctor.js';
import { timerResolution } from './machine.js';

/** Where the kernel tells what the doctor asks; a parameter, so that tests can tell it something else. */
export interface KernelFiles {
  readonly read: (path: string) => string;
}

const KERNEL: KernelFiles = {
  read: (path) => {
    try {
      return existsSync(path) ? readFileSync(path, 'latin1') : '';
    } catch {
      return '';
    }
  },
};

/** Everything about timings, the verdict on their accuracy last. */
export async function timingFindings(machine: Machine, kernel = KERNEL): Promise<Finding[]> {
  return [
    timerFinding(),
    loadFinding(machine, kernel),
    frequencyFinding(kernel),
    quotaFinding(machine, kernel),
    await accuracyFinding(),
  ];
}

function timerFinding(): Finding {
  const { stepNs, readNs } = timerResolution();
  const coarse = stepNs > 1000;
  const block = blockLength(0, { stepNs, readNs });
  return {
    topic: 'timer',
    state: coarse ? 'warning' : 'good',
    text: `smallest step ${stepNs.toFixed(0)} ns, one reading ${readNs.toFixed(0)} ns: below a thousandth of a block from ${block.toPrecision(2)} ms on`,
    ...(coarse ? { advice: 'blocks are made longer here, so that the clock does not show' } : {}),
  };
}

/** Programs that wait for a processor, by the kernel's own count where it keeps one. */
export function loadFinding(machine: Pick<Machine, 'cores'>, kernel: KernelFiles): Finding {
  const [now = 0] = loadavg();
  const waiting = Number(/^some avg10=([\d.]+)/m.exec(kernel.read('/proc/pressure/cpu'))?.[1] ?? Number.NaN);
  const pressed = Number.isFinite(waiting)
    ? `; in ${waiting.toFixed(0)} % of the last ten seconds a program waited for a processor`
    : '';
  const busy = Number.isFinite(waiting) ? waiting > 10 : now > 0.5 * machine.cores;
  return {
    topic: 'load',
    state: busy ? 'warning' : 'good',
    text: `${now.toFixed(2)} on ${machine.cores} cores${pressed}`,
    ...(busy
      ? { advice: 'other programs are running: end them, or timings in several threads scatter' }
      : {}),
  };
}

const CLOCK = '/sys/devices/system/cpu/cpu0/cpufreq';

/** Who chooses the clock rate, and between which. */
export function frequencyFinding(kernel: KernelFiles): Finding {
  const governor = kernel.read(`${CLOCK}/scaling_governor`).trim();
  const ghz = (name: string) => (Number(kernel.read(`${CLOCK}/${name}`)) / 1e6).toFixed(2);
  const guest = /^flags\s*:.*\bhypervisor\b/m.test(kernel.read('/proc/cpuinfo'));
  if (governor === '') {
    const why = guest ? 'a virtual machine, whose host chooses it' : 'the system does not tell it';
    return { topic: 'clock rate', state: 'good', text: why };
  }
  const steady = governor === 'performance';
  return {
    topic: 'clock rate',
    state: steady ? 'good' : 'warning',
    text: `governor ${governor}, ${ghz('scaling_cur_freq')} GHz now, ${ghz('scaling_min_freq')} to ${ghz('scaling_max_freq')}`,
    ...(steady ? {} : { advice: 'a steady clock: sudo cpupower frequency-set --governor performance' }),
  };
}

/** How much of the processors this process may use, and how often it was held back. */
export function quotaFinding({ cores }: Pick<Machine, 'cores'>, kernel: KernelFiles): Finding {
  const [second = 'max', per = '100000'] = kernel.read('/sys/fs/cgroup/cpu.max').trim().split(/\s+/);
  const first = kernel.read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us').trim();
  const period = kernel.read('/sys/fs/cgroup/cpu/cpu.cfs_period_us').trim();
  const allowed =
    Number(second || 'max') > 0
      ? Number(second) / Number(per)
      : Number(first) > 0
        ? Number(first) / Number(period)
        : Number.POSITIVE_INFINITY;
  const held =
    throttledPeriods(kernel.read('/sys/fs/cgroup/cpu.stat')) +
    throttledPeriods(kernel.read('/sys/fs/cgroup/cpu/cpu.stat'));
  const limited = allowed < cores;
  const text = Number.isFinite(allowed)
    ? `${allowed.toFixed(2)} of ${cores} processors, held back ${held} times so far`
    : 'none: every processor may be used';
  return {
    topic: 'quota',
    state: limited ? 'warning' : 'good',
    text,
    ...(limited
      ? { advice: 'raise the quota of the container or the control group, or use fewer threads' }
      : {}),
  };
}

const PAIRS = 60;
const BLOCK_MS = 0.5;
/** What a race should tell apart. */
const WANTED = 0.02;

/** Races a fixed loop against itself: what comes out beside 1, and within which interval, is what any race here must be expected to show. */
async function accuracyFinding(): Promise<Finding> {
  const side = (name: string) => ({ name, block: fixedWork });
  for (let turn = 0; turn < 20; turn += 1) fixedWork(2000);
  const watch = new HitWatch();
  const before = watch.read();
  const lanes = await race([side('a'), side('b')], {
    budgetMs: 1000,
    maxRounds: PAIRS,
    blockMs: BLOCK_MS,
    together: true,
  });
  const stolen = watch.read().stolen - before.stolen;
  watch.close();
  return accuracyOf(lanes[0]!, lanes[1]!, stolen);
}

/** What a race of the same with the same says. */
export function accuracyOf(a: Lane, b: Lane, stolen: number): Finding {
  const kept = keptPairs(a.marks, b.marks, 6);
  const at = (lane: Lane) => kept.map((i) => lane.samples[i]!);
  const found = evidence(logRatios(at(a), at(b)));
  const one = 100 * spread([...a.samples, ...b.samples]);
  const half = found === undefined ? Number.POSITIVE_INFINITY : Math.abs(found.centre) + found.half;
  const marks = [...a.marks, ...b.marks];
  const share = (mark: Mark) =>
    Math.round((100 * marks.filter((by) => by.includes(mark)).length) / marks.length);
  const reasons = [
    [share('preempted'), 'lost their processor to another program'],
    [share('throttled'), 'met a quota'],
    [share('slowed'), 'met a lower clock rate'],
    [share('stolen'), 'met another guest of the host'],
  ].flatMap(([percent, what]) => (Number(percent) > 0 ? [`${percent} % of the blocks ${what}`] : []));
  const noisy = half > WANTED;
  const why = reasons.length > 0 ? `; ${reasons.join(', ')}` : '';
  const host = stolen > 0 ? `; the host took ${stolen} ticks` : '';
  return {
    topic: 'accuracy',
    state: noisy ? 'warning' : 'good',
    text: `one block of ${(median(a.samples) * a.iterations * 1e-6).toPrecision(2)} ms scatters by ±${one.toFixed(1)} % now, a race of ${a.samples.length} pairs tells differences from ${(100 * Math.expm1(half)).toFixed(1)} % on${why}${host}`,
    ...(noisy ? { advice: 'quiet the machine before believing differences of a few per cent' } : {}),
  };
}

function fixedWork(calls: number): number {
  const start = process.hrtime.bigint();
  let sum = 0;
  for (let i = 1; i < 100 * calls; i += 1) sum += 1 / i;
  const spent = Number(process.hrtime.bigint() - start);
  // The sum is used, so that the loop cannot be removed.
  return sum > 0 ? spent : 0;
}
