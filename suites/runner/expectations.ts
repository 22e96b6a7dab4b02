// The expectations file: known shortcomings with a reason and an expiry date, matched exactly.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  type BenchRow,
  CannotRunError,
  type CaseResult,
  EXIT,
  type ExpectationsResult,
  type RunResult,
  SUITE_NAMES,
  type SuiteName,
} from '../../reports/schema/index.js';
import { suiteResult } from '../common/suite.js';

/** What may fail: one of a case's checks, its process, its decision, or a timing's required ratio. */
export const KINDS = [
  'values',
  'numpy',
  'dtype',
  'shape',
  'strides',
  'method',
  'text',
  'gradients',
  'gradcheck',
  'gradgradcheck',
  'forward mode',
  'errors',
  'aliasing',
  'inputs',
  'crash',
  'timeout',
  'undecided',
  'slower',
] as const;

const ExpectationSchema = z.strictObject({
  suite: z.enum(SUITE_NAMES),
  /** The whole id; for a timing followed by `/torch` or `/numpy`. */
  id: z.string().regex(/^\S+$/),
  kind: z.enum(KINDS),
  reason: z.string().min(10, 'a reason that explains'),
  added: z.iso.date(),
  expires: z.iso.date(),
});

/** The file: `{ "expectations": [...] }`. */
export const ExpectationsSchema = z.strictObject({ expectations: z.array(ExpectationSchema) });

export type Expectation = z.infer<typeof ExpectationSchema>;

/** Reads an expectations file. @throws CannotRunError that says what is wrong with it. */
export function readExpectations(path: string): Expectation[] {
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw malformed(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = ExpectationsSchema.safeParse(raw);
  if (!parsed.success) throw malformed(`${path} is no expectations file:\n${z.prettifyError(parsed.error)}`);
  const seen = new Set<string>();
  for (const { suite, id } of parsed.data.expectations) {
    if (seen.has(`${suite} ${id}`)) throw malformed(`${path} has two expectations for ${id}`);
    seen.add(`${suite} ${id}`);
  }
  return parsed.data.expectations;
}

const malformed = (text: string): CannotRunError => new CannotRunError(text, { code: EXIT.integrity });

/** Whether a run was to run what has this id. */
export type Asked = (suite: SuiteName, id: string) => boolean;

/** What is asked of the run besides the file. */
export interface Occasion {
  readonly file: string;
  /** Today as `2026-11-23`. */
  readonly today: string;
  /** Whether the run was to have this case, if there is one: an expectation that names nothing is then a mistake. */
  readonly asked: Asked;
}

/** The run with its expected shortcomings excused, and what became of every expectation. */
export function applyExpectations(
  run: RunResult,
  expectations: readonly Expectation[],
  { file, today, asked }: Occasion,
): RunResult {
  const broken: ExpectationsResult['broken'] = [];
  const ran = new Set(run.suites.filter((suite) => suite.status !== 'error').map((suite) => suite.suite));
  let met = 0;
  const judge = (suite: SuiteName, id: string, kinds: readonly string[]): Expectation | undefined => {
    const one = expectations.find((known) => known.suite === suite && known.id === id);
    if (one === undefined) return undefined;
    const problem = problemWith(one, kinds, today);
    if (problem !== undefined) broken.push({ id, problem });
    else met += 1;
    return problem === undefined ? one : undefined;
  };
  const found = new Set<string>();
  const suites = run.suites.map((suite) => {
    const cases = suite.cases.map((one) => {
      found.add(`${suite.suite} ${one.id}`);
      const excuse = judge(suite.suite, one.id, kindsOf(one));
      return excuse === undefined ? one : excused(one, excuse);
    });
    const rows = suite.rows?.map((row) => {
      const id = `${row.id}/${row.reference}`;
      found.add(`${suite.suite} ${id}`);
      const excuse = judge(suite.suite, id, row.required?.held === false ? ['slower'] : []);
      return excuse === undefined ? row : ({ ...row, expected: excuse.reason } satisfies BenchRow);
    });
    if (suite.status === 'error') return suite;
    const { memory, series, ceilings, selftest, conformance, notes, reason } = suite;
    const anew = suiteResult(suite.suite, cases, suite.seconds, {
      ...{ rows, memory, series, ceilings, selftest, conformance, notes, reason },
    });
    // A suite that was late stays failed.
    return reason !== undefined && suite.status === 'fail' ? { ...anew, status: 'fail' as const } : anew;
  });
  for (const one of expectations)
    if (ran.has(one.suite) && asked(one.suite, one.id) && !found.has(`${one.suite} ${one.id}`))
      broken.push({ id: one.id, problem: `names nothing that the ${one.suite} suite has` });
  return { ...run, suites, expectations: { file, met, broken } };
}

/** Failures in a case. */
function kindsOf(one: CaseResult): string[] {
  if (one.status === 'inconclusive') return ['undecided'];
  if (one.status === 'pass' || one.status === 'skip') return [];
  const failed = Object.entries(one.checks ?? {}).flatMap(([kind, state]) =>
    state === 'fail' ? [kind] : [],
  );
  return failed.length > 0 ? failed : ['error'];
}

function problemWith(one: Expectation, kinds: readonly string[], today: string): string | undefined {
  if (one.expires < today) return `expired on ${one.expires}: ${one.reason}`;
  if (kinds.length === 0) return `was expected to fail (${one.kind}), but holds: remove the expectation`;
  if (kinds.some((kind) => kind !== one.kind))
    return `was expected to fail in ${one.kind}, but did in ${kinds.join(', ')}`;
  return undefined;
}

function excused(one: CaseResult, { kind, reason, expires }: Expectation): CaseResult {
  return {
    ...one,
    status: 'skip',
    expected: kind,
    reason: `expected (${kind}, until ${expires}): ${reason}`,
  };
}
