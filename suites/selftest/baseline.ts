// The committed baseline of mutation testing: fewer kills, or a check that sees less, fails it.

/** What a run of all mutants must reach. */
export interface Floor {
  /** Mutants that must be killed. */
  readonly killed: number;
  /** The smallest error that a check must still see, by the number of elements of which one is wrong. */
  readonly sensitivity: Readonly<Record<string, Readonly<Record<number, number>>>>;
}

const everywhere = (smallest: number) => ({ 10: smallest, 100: smallest, 1000: smallest, 10000: smallest });

export const FLOOR: Floor = {
  killed: 56,
  sensitivity: {
    'validate values, float32': everywhere(1e-5),
    'validate gradients, float32': everywhere(1e-5),
    'validate values, float64': everywhere(1e-12),
    'validate gradients, float64': everywhere(1e-11),
    'gradcheck, full': everywhere(1e-5),
    'gradcheck, directional': { 10: 1e-5, 100: 1e-5, 1000: 1e-4, 10000: 1e-4 },
  },
};
