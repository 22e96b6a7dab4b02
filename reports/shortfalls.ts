// Failures of a run, one line each, worst first; where there are none, the closest calls. No layout.

import { exactRatio, significant } from './format.js';
import type { BenchRow, CaseResult, MemoryFigure, RunResult } from './schema/index.js';
import {
  benchRows,
  brokenExpectations,
  REFERENCE_TITLES,
  SUITE_TITLES,
  shortCases,
  shortRows,
} from './verdict.js';

/** One thing that fails. */
export interface Shortfall {
  readonly state: 'fail' | 'error' | 'inconclusive' | 'pass' | 'slower';
  readonly title: string;
  readonly why: string;
  /** The case, where it is one: its worst element and its replay line say more. */
  readonly case?: CaseResult;
}

/** Everything that fails. */
export function shortfalls(run: RunResult): Shortfall[] {
  const stopped = run.suites
    .filter((suite) => suite.status === 'error')
    .map(
      (suite): Shortfall => ({
        state: 'error',
        title: `${SUITE_TITLES[suite.suite]} could not run`,
        why: suite.reason ?? 'no reason given',
      }),
    );
  const memory = run.suites.flatMap((suite) => suite.memory ?? []).filter((one) => !one.held);
  return [
    ...stopped,
    ...shortCases(run).map(ofCase),
    ...furthestFirst(shortRows(run)).map(ofRow),
    ...memory.map(ofMemory),
    ...brokenExpectations(run).map(
      ({ id, problem }): Shortfall => ({
        state: 'fail',
        title: `expectation ${id}`,
        why: problem,
      }),
    ),
  ];
}

/** Where nothing fails: the required timing that is closest to it, then the slowest against a reference. */
export function closestCalls(run: RunResult, most: number): Shortfall[] {
  const raced = benchRows(run).filter((row) => row.ratio !== undefined && row.withheld === undefined);
  const required = raced.filter((row) => row.required !== undefined);
  const slower = raced.filter((row) => row.required === undefined && row.decision?.verdict === 'slower');
  return [...furthestFirst(required).slice(0, 1), ...furthestFirst(slower)].slice(0, most).map((row) => ({
    state: row.required ? 'pass' : 'slower',
    title: raceTitle(row),
    why: `${exactRatio(row.ratio!.median)}${row.required ? `, required ${exactRatio(row.required.ratio)}` : ''}`,
  }));
}

/** By the share of what they must reach, or of the reference's speed; a wrong result before all. */
function furthestFirst(rows: readonly BenchRow[]): BenchRow[] {
  const share = ({ correct, ratio, required }: BenchRow) =>
    correct === false || !ratio ? 0 : ratio.median / (required?.ratio ?? 1);
  return [...rows].sort((a, b) => share(a) - share(b));
}

function ofCase(one: CaseResult): Shortfall {
  const state = one.status === 'error' || one.status === 'inconclusive' ? one.status : 'fail';
  const [why = ''] = (one.message ?? one.reason ?? '').split('\n');
  return { state, title: one.id, why, case: one };
}

function ofRow(row: BenchRow): Shortfall {
  const got = row.ratio ? exactRatio(row.ratio.median) : 'no ratio';
  const late = `${got}, required ${exactRatio(row.required?.ratio ?? 1)}`;
  return {
    state: 'fail',
    title: raceTitle(row),
    why: row.correct === false ? 'the timed result is wrong' : late,
  };
}

function ofMemory(one: MemoryFigure): Shortfall {
  const why = `${significant(one.measured)} ${one.unit}, at most ${significant(one.limit)} ${one.unit}`;
  return { state: 'fail', title: one.label ?? one.id, why };
}

function raceTitle(row: BenchRow): string {
  return `${row.label ?? row.id} against ${REFERENCE_TITLES[row.reference]}`;
}
