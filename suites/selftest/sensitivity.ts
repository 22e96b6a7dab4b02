// The smallest error that each check still sees: one element × (1 + ε) for growing sizes, judged by the suites with
// their own tolerances.

import type { Sensitivity } from '../../reports/schema/index.js';
import { compareArrays } from '../common/compare.js';
import { toleranceFor } from '../common/tolerances.js';
import { checkProblem } from '../gradcheck/check.js';
import { generator, type Problem } from '../gradcheck/problem.js';

export const SIZES = [10, 100, 1000, 10_000] as const;

const SMALLEST = -17;
/** What a check sees depends on its random directions: seen is what it sees for each of these. */
const SEEDS = [1, 2, 3, 4, 5];

/** The smallest 10^k that `sees`, if 1 is seen. A judge that sees an error sees every larger one. */
export function smallestSeen(sees: (epsilon: number) => boolean): number | null {
  if (!sees(1)) return null;
  let low = SMALLEST;
  let high = 0;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sees(powerOfTen(middle))) high = middle;
    else low = middle;
  }
  return powerOfTen(high);
}

/** 10^k to the bit, as it is written: `10 ** -5` is not. */
function powerOfTen(exponent: number): number {
  return Number(`1e${exponent}`);
}

/** How small an error every check sees at every size. `breathe` is called between measurements. */
export async function measureSensitivity(
  breathe: () => Promise<boolean>,
  sizes: readonly number[] = SIZES,
): Promise<Sensitivity[]> {
  const found: Sensitivity[] = [];
  for (const { check, sees } of JUDGES)
    for (const n of sizes) {
      if (!(await breathe())) return found;
      found.push({ check, n, smallest: smallestSeen(sees(n)) });
    }
  return found;
}

interface Judge {
  readonly check: string;
  sees(n: number): (epsilon: number) => boolean;
}

const JUDGES: readonly Judge[] = [
  ...(['float32', 'float64'] as const).flatMap((dtype) =>
    (['values', 'gradients'] as const).map((role) => ({
      check: `validate ${role}, ${dtype}`,
      sees: validateSees(dtype, role),
    })),
  ),
  { check: 'gradcheck, full', sees: gradcheckSees(Number.POSITIVE_INFINITY, SEEDS.slice(0, 1)) },
  { check: 'gradcheck, directional', sees: gradcheckSees(0, SEEDS) },
];

/** Values of either sign between ½ and 1½. */
function sampleValues(n: number): Float64Array {
  const random = generator(n);
  return Float64Array.from({ length: n }, () => (random() < 0.5 ? -1 : 1) * (0.5 + random()));
}

function validateSees(dtype: 'float32' | 'float64', role: 'values' | 'gradients') {
  return (n: number) => {
    const make = (values: Float64Array) => ({
      dtype,
      shape: [n],
      data: dtype === 'float32' ? Float32Array.from(values) : values,
    });
    const right = sampleValues(n);
    return (epsilon: number) => {
      const wrong = right.slice();
      wrong[n >> 1]! *= 1 + epsilon;
      return !compareArrays(make(wrong), make(right), toleranceFor(dtype, role)).ok;
    };
  };
}

/** f(x) = Σ w·(x + x²/2 + x³/6), a loss of n numbers, with one element of its gradient wrong. */
function gradcheckSees(budget: number, seeds: readonly number[]) {
  return (n: number) => (epsilon: number) =>
    seeds.every((seed) => checkProblem(lossOf(n, epsilon), 1, { budget, seed }).verdict === 'fail');
}

function lossOf(n: number, epsilon: number): Problem {
  const inputs = [sampleValues(n)];
  const weights = sampleValues(n + 1);
  return {
    inputs,
    inputShapes: [[n]],
    outputShapes: [[]],
    evaluate: ([x]) => {
      let sum = 0;
      for (let i = 0; i < n; i += 1) sum += weights[i]! * x![i]! * (1 + x![i]! * (0.5 + x![i]! / 6));
      return Float64Array.of(sum);
    },
    gradients: ([g]) => {
      const found = inputs[0]!.map((x, i) => g! * weights[i]! * (1 + x + (x * x) / 2));
      found[n >> 1]! *= 1 + epsilon;
      return [found];
    },
  };
}
