// The committed floor of the selftest: fewer mutants, fewer kills or blunter checks than these fail it. Raise it when the
// selftest gains; lowering it is a decision for review. Data only.

export const FLOOR = {
  /** Mutants that must be killed. */
  killed: 20,
  /** The greatest "smallest error still seen" that is allowed, by check and number of elements. */
  sensitivity: {} as Readonly<Record<string, Readonly<Record<number, number>>>>,
};
