// Runs the suites' checks on the cases that a mutant names.

import type { CaseResult } from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import type { Fixtures } from '../common/fixtures.js';
import { registeredOps } from '../common/registry.js';
import { type SelectedCase, selectCases } from '../common/select.js';
import { checkCase, isCandidate } from '../gradcheck/suite.js';
import { CELLS, runCell } from '../notebook/index.js';
import { Recording } from '../notebook/recording.js';
import { validateCase } from '../validate/index.js';
import { LAWS } from './invariants.js';
import type { Mutant } from './mutant.js';

/** The checks, in the matrix's order of columns. */
export const CHECKS = ['validate', 'gradcheck', 'notebook', 'laws'] as const;
export type CheckName = (typeof CHECKS)[number];

/** One case of one check. */
export interface Probe {
  readonly check: CheckName;
  readonly id: string;
  run(): Promise<ProbeResult>;
}

/** What it said: whether it noticed something, its words, and how many elements it compared. */
export interface ProbeResult {
  readonly verdict: 'pass' | 'fail' | 'other';
  readonly message: string;
  readonly compared: number;
}

const MOST_VALIDATE = 200;
const MOST_GRADCHECK = 3;

/** Finds and runs the probes of a mutant. */
export class Probes {
  readonly #fixtures: Fixtures;
  readonly #seed: number;
  readonly #recording: Recording;
  readonly #selected: readonly SelectedCase[];

  constructor(fixtures: Fixtures, seed: number) {
    this.#fixtures = fixtures;
    this.#seed = seed;
    this.#recording = new Recording(fixtures);
    this.#selected = selectCases(registeredOps(), fixtures, undefined);
  }

  /** The probes that may notice this mutant. */
  of(mutant: Mutant): Probe[] {
    return [
      ...this.#validate(mutant.cases),
      ...(mutant.gradients ? this.#gradcheck(mutant.cases) : []),
      ...this.#notebook(mutant.cells ?? []),
      ...laws(mutant.laws ?? []),
    ];
  }

  #validate(globs: readonly string[]): Probe[] {
    const found = unique(globs.flatMap((glob) => this.#matching(glob)));
    return spread(found, MOST_VALIDATE).map((one) => ({
      check: 'validate',
      id: one.id,
      run: async () => verdictOf(validateCase(one, this.#fixtures)),
    }));
  }

  /** A few cases for every glob: a gradient check costs a hundred replays. */
  #gradcheck(globs: readonly string[]): Probe[] {
    const options = { seed: this.#seed };
    const found = unique(
      globs.flatMap((glob) =>
        spread(
          this.#matching(glob).filter((one) => isCandidate(one, false)),
          MOST_GRADCHECK,
        ),
      ),
    );
    return found.map((one) => ({
      check: 'gradcheck',
      id: one.id,
      run: async () => verdictOf(checkCase(one, this.#fixtures, options)),
    }));
  }

  #notebook(globs: readonly string[]): Probe[] {
    const context = { seed: this.#seed, full: false, series: () => {} };
    return CELLS.filter(({ id }) => globs.some((glob) => idMatcher(glob)(`notebook/${id}`))).map((cell) => ({
      check: 'notebook',
      id: `notebook/${cell.id}`,
      run: async () => verdictOf(await runCell(cell, this.#recording, context)),
    }));
  }

  #matching(glob: string): SelectedCase[] {
    const matches = idMatcher(glob);
    return this.#selected.filter((one) => matches(one.id));
  }
}

function laws(names: readonly string[]): Probe[] {
  return names.map((name) => {
    const law = LAWS.find((one) => one.name === name);
    if (law === undefined) throw new Error(`there is no law ${name}`);
    return { check: 'laws', id: `law/${name}`, run: async () => verdictOfLaw(law) };
  });
}

function verdictOfLaw(law: (typeof LAWS)[number]): ProbeResult {
  let message: string | undefined;
  try {
    message = law.check();
  } catch (error) {
    message = `throws ${error instanceof Error ? error.message : String(error)}`;
  }
  return { verdict: message === undefined ? 'pass' : 'fail', message: message ?? '', compared: 1 };
}

/** An undecided case has noticed nothing: only a failure counts. */
function verdictOf(result: CaseResult): ProbeResult {
  const verdict = result.status === 'pass' || result.status === 'fail' ? result.status : 'other';
  return { verdict, message: result.message ?? result.reason ?? '', compared: result.compared };
}

function unique(cases: readonly SelectedCase[]): SelectedCase[] {
  return [...new Map(cases.map((one) => [one.id, one])).values()];
}

/** At most `most` of a list, evenly spaced. */
function spread<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]!);
}
