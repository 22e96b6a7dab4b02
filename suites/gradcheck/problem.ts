// A gradient check's problem: a function of flat arrays, and arithmetic on them.
import { unravel } from '../common/shapes.js';

export { generator } from '../common/random.js';

/** A function of several arrays, and its own opinion of its gradient. */
export interface Problem {
  readonly inputs: readonly Float64Array[];
  readonly inputShapes: readonly (readonly number[])[];
  readonly outputShapes: readonly (readonly number[])[];
  /** What the inputs are called where only some arguments are differentiated: the argument's number. Default: 0, 1, … */
  readonly labels?: readonly number[];
  /** All outputs, one after the other. Must not keep or change the inputs. */
  evaluate(inputs: readonly Float64Array[]): Float64Array;
  /** The gradients of (weights · outputs); null where none flows to an input. */
  gradients(weights: Float64Array): readonly (Float64Array | null)[];
  /** The derivatives of all outputs in this direction through all inputs; absent where there is no forward mode. */
  forward?(direction: Float64Array): Float64Array;
}

/** How many elements all inputs have. */
export function inputSize({ inputs }: Problem): number {
  return inputs.reduce((sum, one) => sum + one.length, 0);
}

/** Which array a place in their concatenation belongs to, and where in it. */
export function placeIn(flat: number, sizes: readonly number[]): [which: number, at: number] {
  let at = flat;
  let which = 0;
  while (at >= sizes[which]!) at -= sizes[which++]!;
  return [which, at];
}

/** `in2[0, 3]`: the element at a place in the concatenated inputs. */
export function inputName({ inputs, inputShapes, labels }: Problem, flat: number): string {
  const [which, at] = placeIn(
    flat,
    inputs.map((one) => one.length),
  );
  return `in${labels?.[which] ?? which}[${unravel(at, inputShapes[which]!).join(', ')}]`;
}

/** The inputs moved from their place by `t` in a direction through all of them. */
export function movedInputs({ inputs }: Problem, direction: Float64Array, t: number): Float64Array[] {
  let flat = 0;
  return inputs.map((one) => one.map((value) => value + t * direction[flat++]!));
}

/** The sum of the products. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

/** The sum of the products' magnitudes: what `dot` may lose is relative to it. */
export function dotSize(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += Math.abs(a[i]! * b[i]!);
  return sum;
}

/** Weights without symmetry: neither equal nor of one sign, so that a transposed or unsummed gradient shows. */
export function weightsOf(length: number, random: () => number): Float64Array {
  return Float64Array.from({ length }, () => signOf(random) * (0.5 + random()));
}

/** A random direction of ±1: never blind to one element, as small positive weights are. */
export function signsOf(length: number, random: () => number): Float64Array {
  return Float64Array.from({ length }, () => signOf(random));
}

function signOf(random: () => number): number {
  return random() < 0.5 ? -1 : 1;
}
