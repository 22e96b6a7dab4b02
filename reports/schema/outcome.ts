// Outcomes of a run: exit codes, names of suites, and the error of a run that could not start.

/** What the exit code of a command says; `docs/guide/ci.md` is the long form. */
export const EXIT = {
  held: 0,
  wrong: 1,
  usage: 2,
  slower: 3,
  undecided: 4,
  integrity: 5,
  nothing: 6,
  expectation: 7,
  interrupted: 130,
} as const;

/** The suites, in the order in which a run of several executes them. */
export const SUITE_NAMES = [
  'validate',
  'gradcheck',
  'conformance',
  'notebook',
  'bench',
  'selftest',
  'peers',
  'fuzz',
] as const;

/** The suites of a run of everything: the engine is on trial there, neither the harness nor other engines. */
export const FULL_RUN = SUITE_NAMES.filter(
  (name) => name !== 'selftest' && name !== 'peers' && name !== 'fuzz',
);

export type SuiteName = (typeof SUITE_NAMES)[number];

/** The run could not take place: a bad user function (2), a missing or edited fixture (5), a filter without a match (6). */
export class CannotRunError extends Error {
  override readonly name = 'CannotRunError';
  /** The exit code. */
  readonly code: number;

  constructor(message: string, options: ErrorOptions & { readonly code?: number } = {}) {
    super(message, options);
    this.code = options.code ?? EXIT.usage;
  }
}

/** Nothing is left to run: a filter without a match, a suite without cases. */
export function nothingToRun(message: string): CannotRunError {
  return new CannotRunError(message, { code: EXIT.nothing });
}
