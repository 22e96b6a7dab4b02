// Type of a bench row before it runs.
import type { ArrayValue } from '../common/compare.js';
import type { BenchInputs } from './inputs.js';
import type { Backend } from './worker.js';

/** What the reference is told to prepare: see suites/reference/workloads.py. */
export type Workload = Readonly<Record<string, unknown>>;

/** A row made ready: our step, its result, and the same work for each reference. */
export interface Prepared {
  readonly step: () => unknown;
  readonly reference: Partial<Record<Backend, Workload>>;
  /** The result to compare, and what the references compute it with where that is not the timed workload. */
  readonly output?: () => ArrayValue;
  readonly check?: Partial<Record<Backend, Workload>>;
  /** Our time until the call returned, and until the result was there. */
  readonly launch?: () => { launchNs: number; completionNs: number };
}

/** One row of the bench. */
export interface RowPlan {
  /** Without the reference's name, which the results append. */
  readonly id: string;
  readonly kind: 'notebook' | 'sweep' | 'cpu';
  readonly group: string;
  readonly label: string;
  readonly size?: number;
  readonly dtype: string;
  /** Memory traffic and arithmetic of one call, where they are known. */
  readonly bytes?: number;
  readonly flops?: number;
  readonly note?: string;
  /** The least ratio against PyTorch. */
  readonly required?: number;
  /** Allowed difference of results, relative and absolute; 0 where inputs make every order of summation exact. */
  readonly tolerance: number;
  /** How long the reference may prepare, where that takes long: a compilation. */
  readonly timeoutMs?: number;
  /** Why the row cannot be run: it is skipped with this reason. */
  readonly unavailable?: string;
  prepare(inputs: BenchInputs): Prepared;
}
