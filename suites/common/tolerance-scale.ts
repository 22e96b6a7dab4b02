// Scale of a recorded call's tolerances: its inputs, results and gradients.
import { type ArrayValue, greatest } from './compare.js';
import type { FixtureCase } from './manifest.js';
import { coarserDtype } from './tolerances.js';

/** An array of the recorded call by its name: `in0`, `gout0`. */
export type ReadArray = (name: string) => { readonly data: unknown };

/** What a sum may lose is relative to what went in, not to what is left. An elementwise op has no such excuse. */
export function valueScale(
  op: { readonly pointwise?: unknown },
  recorded: FixtureCase,
  read: ReadArray,
  reference: ArrayValue,
): number {
  const out = greatest(reference);
  if (op.pointwise) return out;
  return recorded.inputs.reduce(
    (most, { dtype }, k) => Math.max(most, greatestIn(read(`in${k}`), dtype)),
    out,
  );
}

/** A gradient's terms are products with the gradients that came in. */
export function gradientScale(recorded: FixtureCase, read: ReadArray, want: ArrayValue): number {
  const flowing = (recorded.outputs ?? []).flatMap((one, k) =>
    'grad' in one && one.grad ? [greatestIn(read(`gout${k}`), one.dtype)] : [],
  );
  return Math.max(greatest(want), ...flowing);
}

/** A gradient is as precise as the coarsest step on its way: with a float32 operand, a float64 input's is float32's. */
export function gradientDtype(recorded: FixtureCase, dtype: string): string {
  const outputs = (recorded.outputs ?? []).flatMap((one) => ('dtype' in one ? [one.dtype] : []));
  const all = [...outputs, ...recorded.inputs.map((one) => one.dtype)];
  return all.reduce<string>((least, one) => coarserDtype(least, one), dtype);
}

function greatestIn({ data }: { readonly data: unknown }, dtype: string): number {
  return greatest({ dtype, shape: [], data: data as ArrayValue['data'] });
}
