// Type of a notebook cell's case.
import type { Series } from '../../reports/schema/index.js';
import type { Check } from './check.js';

/** What a case may need of the run. */
export interface CellContext {
  readonly seed: number;
  /** The notebook's own sizes. */
  readonly full: boolean;
  /** Keeps a series for the report's charts. */
  series(series: Series): void;
}

/** One executable statement of the notebook. Its id begins with the cell's letter. */
export interface Cell {
  readonly id: string;
  run(check: Check, context: CellContext): void | Promise<void>;
}
