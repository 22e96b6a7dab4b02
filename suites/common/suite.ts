// The interface that every suite implements, and how a suite's cases become its result.
import {
  type CaseResult,
  countCases,
  rowHolds,
  type SuiteName,
  type SuiteResult,
} from '../../reports/schema/index.js';
import type { Progress } from '../runner/progress.js';

/** What a suite is asked to do. */
export interface SuiteOptions {
  /** Substring or glob of case ids. A filter that matches nothing is a `CannotRunError`. */
  filter?: string;
  seed: number;
  /** Aborted on Ctrl-C: return what is finished so far, at the next case boundary. */
  signal: AbortSignal;
  progress: Progress;
  /** The notebook's full sizes. */
  full?: boolean;
  /** Fewer cases or rounds, for a quick answer. */
  quick?: boolean;
  /** Absolute path of the fixture folder. */
  fixtures: string;
  /** The reference interpreter; absent when there is none. */
  python?: string;
  /** Bench only: whom to race. Default NumPy and PyTorch. */
  vs?: readonly ('numpy' | 'torch')[];
  /** Peers, and bench against them: which ones, all where none is named. */
  peers?: readonly string[];
  /** Bench only: another build to race: `git:REV`, `addon:PATH`, or `baseline`, what was saved for this machine. */
  build?: string;
  /** Bench only: save this build and its times as this machine's baseline. */
  saveBaseline?: boolean;
  /** Bench only: which rows. Default `all`: notebook and sweep; `cpu` is the table of required ratios. */
  rows?: 'notebook' | 'sweep' | 'cpu' | 'cuda' | 'all';
  /** Validate only: measure the accuracy of float32 results, too. */
  accuracy?: boolean;
  /** Conformance only: ask PyTorch. */
  live?: boolean;
  /** Conformance only: the dtypes of the samples; `errors` stands for the calls that must fail. */
  dtypes?: readonly string[];
  /** Conformance only: the number of one sample. */
  sample?: number;
  /** Show every call that fails. */
  verbose?: boolean;
  /** Fuzz only: how many calls. */
  calls?: number;
  /** Only every `count`-th case, from `index` on (0-based). */
  shard?: Shard;
  /** Validate only: one case of each op. */
  eachOp?: boolean;
  /** Stop after so many cases that failed. */
  maxFailures?: number;
  /** Where capsules of failing cases go. */
  capsules?: string;
  /** The file that says which case is in hand, for whoever finds this process dead. */
  journal?: string;
  /** Cases that a process before this one finished. */
  done?: readonly string[];
}

/** One part of a run that is split. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** One suite: a name and a way to run it. It never prints; it reports through `progress` and its result. */
export interface Suite {
  readonly name: SuiteName;
  run(options: SuiteOptions): Promise<SuiteResult>;
}

/**
 * Builds a suite's result from its cases. Fails unless something ran and nothing failed: a suite that compared
 * nothing, or left a case undecided, has proven nothing.
 */
export function suiteResult(
  suite: SuiteName,
  cases: CaseResult[],
  seconds: number,
  extra: Pick<
    SuiteResult,
    | 'rows'
    | 'memory'
    | 'series'
    | 'ceilings'
    | 'calibration'
    | 'fits'
    | 'blocks'
    | 'selftest'
    | 'conformance'
    | 'peers'
    | 'accuracy'
    | 'notes'
    | 'reason'
  > = {},
): SuiteResult {
  const counts = countCases(cases);
  const compared = cases.reduce((sum, one) => sum + one.compared, 0);
  const required = (extra.rows ?? []).every(rowHolds);
  const memory = (extra.memory ?? []).every((one) => one.held);
  const short = counts.failed + counts.errors + counts.inconclusive > 0 || !required || !memory;
  const timed = (extra.rows ?? []).length + (extra.peers?.timings ?? []).length > 0;
  const ran = counts.passed > 0 || timed || (extra.memory ?? []).length > 0;
  const status = short ? 'fail' : ran ? 'pass' : 'skip';
  return { suite, status, counts, compared, seconds, cases, ...extra };
}
