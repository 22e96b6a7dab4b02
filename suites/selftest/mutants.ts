// The catalogue of mutants.
import type { Mutant } from './mutant.js';
import { GRADIENT_MUTANTS } from './mutants-gradient.js';
import { KERNEL_MUTANTS } from './mutants-kernels.js';
import { OP_MUTANTS } from './mutants-ops.js';
import { POINTWISE_MUTANTS } from './mutants-pointwise.js';

/** Every mutant, in the matrix's order of rows. */
export const MUTANTS: readonly Mutant[] = [
  ...GRADIENT_MUTANTS,
  ...POINTWISE_MUTANTS,
  ...KERNEL_MUTANTS,
  ...OP_MUTANTS,
];
