// What stands in the way of a pass, one line each, worst first; and, where nothing does, what came closest. No layout.
import type { BenchRow, CaseResult, MemoryFigure, RunResult } from '../suites/results.js';
import { exactRatio, significant } from './format.js';
import {
  benchRows,
  brokenExpectations,
  REFERENCE_TITLES,
  SUITE_TITLES,
  shortCases,
  shortRows,
} from './verdict.js';

/** One thing that falls short. */
export interface Shortfall {
  readonly state: 'fail' | 'error' | 'inconclusive';
  readonly title: string;
  readonly why: string;
  /** The case, where it is one: its worst element and its replay line say more. */
  readonly case?: CaseResult;
}

/** Everything that falls short. */
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
    ...shortRows(run).map(ofRow),
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

/** Where nothing falls short: the required timings that are closest to it, then the slowest against a reference. */
export function closestCalls(run: RunResult, most: number): Shortfall[] {
  const raced = benchRows(run).filter((row) => row.ratio !== undefined && row.withheld === undefined);
  const share = (row: BenchRow) => row.ratio!.median / (row.required?.ratio ?? 1);
  const required = raced.filter((row) => row.required !== undefined);
  const others = raced.filter((row) => row.required === undefined && row.decision?.verdict === 'slower');
  const sorted = (rows: BenchRow[]) => rows.sort((a, b) => share(a) - share(b));
  return [...sorted(required).slice(0, 1), ...sorted(others)].slice(0, most).map((row) => ({
    state: 'inconclusive',
    title: raceTitle(row),
    why: `${exactRatio(row.ratio!.median)}${row.required ? `, required ${exactRatio(row.required.ratio)}` : ''}`,
  }));
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
