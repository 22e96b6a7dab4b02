// Test of the bench itself: this build against itself, as it is and slowed down by 3 %. Run on request, since it needs
// a quiet machine.

import type { Calibration, CaseResult } from '../../reports/schema/index.js';
import { ALL_ROWS, calibrate, TRIAL_ROWS } from '../bench/versus.js';
import type { SuiteOptions } from '../common/suite.js';

/** The slowdown: of a hundred calls counted, a hundred and three are made. */
const PLANT = 1.03;
const TRIALS = 10;
/** How many of the trials must come out right. */
const RIGHT = 9;

/** One kind of trial. */
interface Kind {
  readonly id: string;
  readonly plant: number;
  /** Whether this is what a run should say. */
  readonly right: (races: readonly Pick<Calibration, 'id' | 'verdict'>[]) => boolean;
  readonly should: string;
}

const KINDS: readonly Kind[] = [
  {
    id: 'timing/no-op',
    plant: 1,
    right: (races) => races.every(({ verdict }) => verdict === 'same' || verdict === 'inconclusive'),
    should: 'be called same or inconclusive, in every row and over all rows',
  },
  {
    id: 'timing/planted-3-percent',
    plant: PLANT,
    right: (races) =>
      races.some(({ id, verdict }) => id === ALL_ROWS && verdict === 'slower') &&
      races.every(({ verdict }) => verdict !== 'faster'),
    should: 'be called slower over all rows, and no row faster',
  },
];

/** The trials whose id matches, `trials` of each kind, and what every race of theirs came to. */
export async function timingTrials(
  options: SuiteOptions,
  matches: (id: string) => boolean,
  trials = TRIALS,
): Promise<{ cases: CaseResult[]; calibration: Calibration[] }> {
  const cases: CaseResult[] = [];
  const calibration: Calibration[] = [];
  const kinds = KINDS.filter(({ id }) => matches(`selftest/${id}`));
  if (kinds.length > 0) options.progress.begin('selftest of timings', kinds.length * trials);
  for (const { id, plant, right, should } of kinds) {
    const started = performance.now();
    let held = 0;
    let done = 0;
    for (; done < trials && !options.signal.aborted; done += 1) {
      const races = await calibrate(plant, {
        seed: options.seed + done,
        quick: false,
        signal: options.signal,
        rows: TRIAL_ROWS,
      });
      calibration.push(...races);
      const fine = races.length > 0 && right(races);
      if (fine) held += 1;
      options.progress.step(id, !fine);
    }
    const enough = done === trials && held >= Math.ceil((RIGHT * trials) / TRIALS);
    cases.push({
      id: `selftest/${id}`,
      suite: 'selftest',
      status: enough ? 'pass' : 'fail',
      ...(enough ? {} : { message: `${held} of ${done} runs came out right; each should ${should}` }),
      seconds: (performance.now() - started) / 1000,
      compared: done,
    });
  }
  if (kinds.length > 0) options.progress.end(cases.map((one) => `${one.id} ${one.status}`).join(', '));
  return { cases, calibration };
}
