// Mutation testing of the harness: puts deliberate faults into the engine, one at a time, and asks the suites' own
// checks whether they notice. A fault that nothing notices fails the run.
import { setImmediate } from 'node:timers/promises';
import {
  type CaseResult,
  type MutantResult,
  nothingToRun,
  type Sensitivity,
  type SuiteResult,
} from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import { openFixtures } from '../common/fixtures.js';
import { type Suite, type SuiteOptions, suiteResult } from '../common/suite.js';
import { FLOOR, type Floor } from './baseline.js';
import { CHECKS, type Probe, type ProbeResult, Probes } from './checks.js';
import type { Mutant } from './mutant.js';
import { MUTANTS } from './mutants.js';
import { measureSensitivity } from './sensitivity.js';
import { timingTrials } from './timing.js';

/** The selftest. */
export const selftestSuite: Suite = { name: 'selftest', run: (options) => selftest(options) };

/** What may be tried instead of the catalogue: for tests. */
export interface SelftestSources {
  readonly mutants?: readonly Mutant[];
  /** Sizes at which the sensitivity is measured; default: all, or none with a filter. */
  readonly sizes?: readonly number[];
  readonly floor?: Floor;
}

/** Tries the mutants that the filter names. @throws CannotRunError when none is. */
export async function selftest(options: SuiteOptions, sources: SelftestSources = {}): Promise<SuiteResult> {
  const started = performance.now();
  const matches = idMatcher(options.filter);
  const chosen = (sources.mutants ?? MUTANTS).filter(({ name }) => matches(`selftest/${name}`));
  // Asked for by name only: they take minutes, and a busy machine decides nothing.
  const timed = options.filter === undefined ? undefined : await timingTrials(options, matches);
  if (chosen.length === 0 && (timed === undefined || timed.cases.length === 0))
    throw nothingToRun(`neither a mutant nor 'timing' matches the filter '${options.filter}'`);
  if (timed !== undefined && chosen.length === 0)
    return suiteResult('selftest', timed.cases, (performance.now() - started) / 1000, {
      calibration: timed.calibration,
    });
  const trial = new Trial(new Probes(await openFixtures(options.fixtures), options.seed), options);
  options.progress.begin('selftest', chosen.length);
  const tried: { mutant: MutantResult; result: CaseResult }[] = [];
  for (const mutant of chosen) {
    if (options.signal.aborted) break;
    const one = await trial.of(mutant);
    tried.push(one);
    options.progress.step(one.result.id, one.result.status !== 'pass');
  }
  const cases = [...tried.map(({ result }) => result), trial.clean(), await trial.restored()];
  const mutants = tried.map(({ mutant }) => mutant);
  const whole = options.filter === undefined && !options.signal.aborted;
  const sensitivity = whole
    ? await measureSensitivity(async () => {
        await setImmediate();
        return !options.signal.aborted;
      }, sources.sizes)
    : [];
  if (whole && !options.signal.aborted) cases.push(floorCase(mutants, sensitivity, sources.floor ?? FLOOR));
  options.progress.end();
  return suiteResult('selftest', cases, (performance.now() - started) / 1000, {
    selftest: { checks: [...CHECKS], mutants, sensitivity },
    notes: notesOn(mutants),
  });
}

function notesOn(mutants: readonly MutantResult[]): string[] {
  const killed = mutants.filter((one) => one.killed);
  const survivors = mutants.filter((one) => !one.killed).map((one) => one.name);
  const lawOnly = killed
    .filter(({ cells }) => cells.every((cell) => cell.check === 'laws' || cell.killed === 0))
    .map((one) => one.name);
  return [
    `${killed.length} of ${mutants.length} mutants killed${survivors.length > 0 ? `; survivors: ${survivors.join(', ')}` : ''}`,
    ...(lawOnly.length > 0 ? [`of what was asked, only a law noticed: ${lawOnly.join(', ')}`] : []),
  ];
}

/** What a probe said of a mutant. */
interface Finding {
  readonly probe: Probe;
  readonly said: ProbeResult;
}

/** Runs probes with and without a mutant. */
class Trial {
  readonly #probes: Probes;
  readonly #options: SuiteOptions;
  /** What every probe says of the engine as it is. */
  readonly #clean = new Map<string, ProbeResult>();
  readonly #used = new Map<string, Probe>();

  constructor(probes: Probes, options: SuiteOptions) {
    this.#probes = probes;
    this.#options = options;
  }

  /** Tries one mutant on the probes that pass without it. */
  async of(mutant: Mutant): Promise<{ mutant: MutantResult; result: CaseResult }> {
    const started = performance.now();
    const probes = await this.#passing(this.#probes.of(mutant));
    const found: Finding[] = [];
    const undo = mutant.apply();
    try {
      for (const probe of probes) found.push({ probe, said: await guarded(probe) });
    } finally {
      undo();
    }
    await setImmediate();
    const cells = cellsOf(found);
    const killed = cells.some((cell) => cell.killed > 0);
    const { name, doc, families } = mutant;
    const compared = found.reduce((sum, { said }) => sum + said.compared, 0);
    return {
      mutant: { name, doc, families: [...families], killed, cells },
      result: {
        id: `selftest/${name}`,
        suite: 'selftest',
        status: killed ? 'pass' : 'fail',
        ...(killed ? {} : { message: `survived ${found.length} checks: ${doc}` }),
        seconds: (performance.now() - started) / 1000,
        compared,
        replay: `npx torchstone selftest --filter '${name}'`,
      },
    };
  }

  /** What fails without any mutant cannot show that it notices one. */
  clean(): CaseResult {
    const failing = [...this.#clean].filter(([, said]) => said.verdict === 'fail');
    return {
      id: 'selftest/clean',
      suite: 'selftest',
      status: failing.length > 0 ? 'fail' : 'pass',
      ...(failing.length > 0
        ? {
            message: `${failing.length} checks fail without any mutant:\n${failing
              .slice(0, 5)
              .map(([key, said]) => `${key}: ${said.message.split('\n')[0]}`)
              .join('\n')}`,
          }
        : {}),
      seconds: 0,
      compared: [...this.#clean.values()].reduce((sum, said) => sum + said.compared, 0),
    };
  }

  /** Every probe that was used, once more without any mutant: all must say what they said before. */
  async restored(): Promise<CaseResult> {
    const started = performance.now();
    const changed: string[] = [];
    let compared = 0;
    for (const [key, probe] of this.#used) {
      if (this.#options.signal.aborted) break;
      const said = await guarded(probe);
      compared += said.compared;
      if (said.verdict !== this.#clean.get(key)?.verdict)
        changed.push(`${key}: ${said.message.split('\n')[0]}`);
    }
    return {
      id: 'selftest/restored',
      suite: 'selftest',
      status: changed.length > 0 ? 'fail' : 'pass',
      ...(changed.length > 0
        ? { message: `a mutant was not taken out again:\n${changed.slice(0, 5).join('\n')}` }
        : {}),
      seconds: (performance.now() - started) / 1000,
      compared,
    };
  }

  async #passing(probes: readonly Probe[]): Promise<Probe[]> {
    const passing: Probe[] = [];
    for (const probe of probes) {
      const key = `${probe.check} ${probe.id}`;
      let said = this.#clean.get(key);
      if (said === undefined) {
        said = await guarded(probe);
        this.#clean.set(key, said);
      }
      if (said.verdict !== 'pass') continue;
      this.#used.set(key, probe);
      passing.push(probe);
    }
    return passing;
  }
}

/** The matrix's row: what every check that was asked made of the mutant. */
function cellsOf(found: readonly Finding[]): MutantResult['cells'] {
  return CHECKS.flatMap((check) => {
    const own = found.filter(({ probe }) => probe.check === check);
    const kills = own.filter(({ said }) => said.verdict === 'fail');
    const [first] = kills;
    const by = first ? { by: `${first.probe.id}: ${first.said.message.split('\n')[0]}` } : {};
    return own.length === 0 ? [] : [{ check, ran: own.length, killed: kills.length, ...by }];
  });
}

/** A check that breaks has noticed something. */
async function guarded(probe: Probe): Promise<ProbeResult> {
  try {
    return await probe.run();
  } catch (error) {
    const message = `throws ${error instanceof Error ? error.message : String(error)}`;
    return { verdict: 'fail', message, compared: 0 };
  }
}

/** Holds the run against the committed floor. */
function floorCase(
  mutants: readonly MutantResult[],
  sensitivity: readonly Sensitivity[],
  floor: Floor,
): CaseResult {
  const problems: string[] = [];
  const killed = mutants.filter((one) => one.killed).length;
  if (killed < floor.killed) problems.push(`${killed} mutants were killed, the floor is ${floor.killed}`);
  for (const check of Object.keys(floor.sensitivity))
    if (!sensitivity.some((one) => one.check === check)) problems.push(`${check} was not measured`);
  for (const { check, n, smallest } of sensitivity) {
    const most = floor.sensitivity[check]?.[n];
    if (most !== undefined && (smallest === null || smallest > most))
      problems.push(`${check}, ${n} elements: the smallest error seen is ${smallest}, the floor ${most}`);
  }
  return {
    id: 'selftest/floor',
    suite: 'selftest',
    status: problems.length > 0 ? 'fail' : 'pass',
    ...(problems.length > 0 ? { message: problems.join('\n') } : {}),
    seconds: 0,
    compared: mutants.length + sensitivity.length,
  };
}
