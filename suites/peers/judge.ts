// Judges a peer's answer by the comparison, tolerances and scales of `validate`. dtypes are not compared: few peers
// have PyTorch's.

import type { PeerTally } from '../../reports/schema/index.js';
import { type ArrayValue, type Comparison, compareArrays } from '../common/compare.js';
import type { Fixtures } from '../common/fixtures.js';
import { gradientDtype, gradientScale, valueScale } from '../common/tolerance-scale.js';
import { toleranceFor } from '../common/tolerances.js';
import type { PeerCase } from './calls.js';
import type { Answer } from './protocol.js';

/** What became of one call, or of its gradients. */
export interface Judgement {
  readonly outcome: keyof PeerTally;
  readonly message?: string;
  readonly compared: number;
  /** Wrong in nothing but the sign of a zero. */
  readonly zeroSign: boolean;
}

const NOTHING = { compared: 0, zeroSign: false } as const;

/** A call's values. */
export function judgeValues(one: PeerCase, fixtures: Fixtures, answer: Answer): Judgement {
  if ('crashed' in answer)
    return { outcome: 'crashed', message: answer.crashed, compared: 0, zeroSign: false };
  const { id, op, outputs = [] } = one.recorded;
  const without = shortfall(answer);
  if (without) return without;
  const read = (name: string) => fixtures.array(op, `${id}/${name}`);
  return together(
    outputs.flatMap((output, k) => {
      const want = fixtures.maybeArray(op, `${id}/out${k}`);
      if (!('dtype' in output) || want === undefined) return [];
      const { dtype, shape } = output;
      const reference = { dtype, shape, data: want.data as ArrayValue['data'] };
      const tolerance = toleranceFor(dtype, 'values', one.registered.tolerance);
      const scale = valueScale(one.registered, one.recorded, read, reference);
      return [compared(answer.values?.[k], reference, { tolerance, scale, what: `out${k}` })];
    }),
  );
}

/** A call's gradients. */
export function judgeGradients(
  one: PeerCase,
  fixtures: Fixtures,
  leaves: readonly number[],
  answer: Answer,
): Judgement {
  const without = shortfall(answer);
  if (without) return without;
  const { id, op, inputs, gradients } = one.recorded;
  const read = (name: string) => fixtures.array(op, `${id}/${name}`);
  return together(
    leaves.flatMap((k, at) => {
      // PyTorch gives None where nothing flows: what stands for it elsewhere is not compared.
      if (!gradients[k]) return [];
      const { dtype, shape } = inputs[k]!;
      const reference = { dtype, shape, data: read(`gin${k}`).data as ArrayValue['data'] };
      const allowed = gradientDtype(one.recorded, dtype);
      const tolerance = toleranceFor(allowed, 'gradients', one.registered.tolerance);
      const scale = gradientScale(one.recorded, read, reference);
      const got = answer.values?.[at];
      return [compared(got, reference, { tolerance, scale, what: `grad of in${k}` })];
    }),
  );
}

function shortfall(answer: Answer): Judgement | undefined {
  const { unsupported, threw, crashed } = answer;
  if (crashed !== undefined) return { outcome: 'crashed', message: crashed, ...NOTHING };
  if (unsupported !== undefined) return { outcome: 'unsupported', message: unsupported, ...NOTHING };
  if (threw !== undefined) return { outcome: 'threw', message: threw, ...NOTHING };
  return undefined;
}

interface Held {
  readonly tolerance: ReturnType<typeof toleranceFor>;
  readonly scale: number;
  readonly what: string;
}

function compared(
  got: ArrayValue | null | undefined,
  want: ArrayValue,
  { tolerance, scale, what }: Held,
): Comparison | string {
  if (got === undefined || got === null) return `${what}: there is none`;
  return compareArrays(numbers(got), numbers(want), tolerance, { what, scale, ignoreDtype: true });
}

/** int64 as numbers, for engines without it; those of the fixtures are far below 2⁵³. */
function numbers(value: ArrayValue): ArrayValue {
  return value.data instanceof BigInt64Array
    ? { ...value, data: Float64Array.from(value.data, Number) }
    : value;
}

function together(parts: readonly (Comparison | string)[]): Judgement {
  const short = parts.find((part) => typeof part === 'string' || !part.ok);
  const sum = parts.reduce((total, part) => total + (typeof part === 'string' ? 0 : part.compared), 0);
  if (short === undefined) return { outcome: 'passed', compared: sum, zeroSign: false };
  const message = (typeof short === 'string' ? short : short.message).split('\n').slice(0, 2).join(' ');
  const zeroSign = parts.every(
    (part) =>
      typeof part !== 'string' && (part.ok || (part.mismatched > 0 && part.mismatched === part.signedZero)),
  );
  return { outcome: 'wrong', message, compared: sum, zeroSign };
}
