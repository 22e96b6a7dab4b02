// The notebook suite: every cell as executable cases.

import { type CaseResult, nothingToRun, type Series, type SuiteResult } from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import { openFixtures } from '../common/fixtures.js';
import { type Suite, type SuiteOptions, suiteResult } from '../common/suite.js';
import { eachCase } from '../runner/each-case.js';
import type { Cell, CellContext } from './cell.js';
import { autograd, loss, vectorJacobian } from './cells-autograd.js';
import { arithmetic, create, index, reshape } from './cells-basics.js';
import { bridge, devices, timing } from './cells-bridge.js';
import { random } from './cells-random.js';
import { large, training } from './cells-training.js';
import { Check } from './check.js';
import { Recording } from './recording.js';

/** Every cell, in the notebook's order. */
export const CELLS: readonly Cell[] = [
  ...create,
  ...random,
  ...index,
  ...reshape,
  ...arithmetic,
  ...bridge,
  ...devices,
  ...autograd,
  ...vectorJacobian,
  ...loss,
  ...training,
  ...large,
  ...timing,
];

/** Every cell of the notebook but F, whose timings are rows of the bench. */
export const notebookSuite: Suite = { name: 'notebook', run };

async function run(options: SuiteOptions): Promise<SuiteResult> {
  const started = performance.now();
  const matches = idMatcher(options.filter);
  const cells = CELLS.filter(({ id }) => matches(`notebook/${id}`));
  if (cells.length === 0) throw nothingToRun(`no cell matches the filter '${options.filter}'`);
  const recording = new Recording(await openFixtures(options.fixtures));
  const series: Series[] = [];
  const context: CellContext = {
    seed: options.seed,
    full: options.full ?? false,
    series: (one) => void series.push(one),
  };
  const named = cells.map((cell) => ({ id: `notebook/${cell.id}`, cell }));
  const results = await eachCase('notebook', named, options, ({ cell }) => runCell(cell, recording, context));
  const notes = ['Cell F, the table of timings, is run by the bench.'];
  return suiteResult('notebook', results, (performance.now() - started) / 1000, { series, notes });
}

/** Runs one cell. Never throws for what the cell does: that is in its result. */
export async function runCell(cell: Cell, recording: Recording, context: CellContext): Promise<CaseResult> {
  const started = performance.now();
  const check = new Check(cell.id[0]!, recording);
  let thrown: unknown;
  try {
    await cell.run(check, context);
  } catch (error) {
    thrown = error ?? new Error('the cell threw nothing');
  }
  return check.result(`notebook/${cell.id}`, (performance.now() - started) / 1000, thrown);
}
