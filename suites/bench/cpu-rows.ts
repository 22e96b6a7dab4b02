// Rows of `--suite cpu`: every required ratio of the CPU backend, in the order of its table.

import { chainRows } from './cpu-chain.js';
import { convRows } from './cpu-conv.js';
import { matmulRows } from './cpu-matmul.js';
import { notebookFigures, overheadRows } from './cpu-notebook.js';
import { cpuSweepRows } from './cpu-sweep.js';
import type { RowPlan } from './plan.js';

/** How large a run is. */
export type Mode = 'quick' | 'usual' | 'full';

/** All rows of a run, in the order of the table. */
export function cpuRows(mode: Mode): RowPlan[] {
  return [
    ...notebookFigures(mode),
    ...matmulRows(mode),
    ...overheadRows(),
    ...chainRows(mode),
    ...convRows(mode),
    ...cpuSweepRows(mode),
  ];
}
