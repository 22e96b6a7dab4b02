// Known differences from PyTorch: recorded cases that are not to be matched, each with the reason and the difference itself.
// `validate` skips such a case while it differs as recorded here, and fails it once it agrees or differs otherwise.
import { idMatcher } from '../common/cases.js';
import type { FixtureCase } from '../common/manifest.js';
import { toleranceFor } from '../common/tolerances.js';
import type { Observed, ReplayOutcome } from './replay.js';

/** How the call ends on each side: 'a result', or the class of the error. */
export interface EndsOtherwise {
  readonly pytorch: string;
  readonly ours: string;
}
/** How many elements of a tensor are outside the tolerance, and both values of one of them. */
export interface ElementDiffers {
  /** 'out0', 'grad of in0'. */
  readonly what: string;
  readonly elements: number;
  readonly index: readonly number[];
  readonly pytorch: number;
  readonly ours: number;
}
/** PyTorch's result is a view, ours is a copy of the same values. */
export type CopyForView = 'a copy for a view';
export type Difference = EndsOtherwise | ElementDiffers | CopyForView;

export interface KnownDifference {
  readonly reason: string;
  readonly difference: Difference;
}
/** By glob of case ids: the difference is that of every case. */
export type KnownDifferences = Readonly<Record<string, KnownDifference>>;

const denormalDivisor =
  'PyTorch gives NaN for a divisor below the least normal number, in the vectorised part of a tensor';
const byParts = "is refused here by the op that it is made of, with that one's error class";
const lostNaN = 'PyTorch loses NaN in one operand';
const lostDigits = 'PyTorch loses the digits of a large shape near the argument';
const tinyShape = 'PyTorch loses the limit 1 at a shape near 0';
const noIdentity = 'PyTorch has no identity of it for bool; here what it is made of decides';
const negativeRange = 'PyTorch stumbles over the negative range first';

/** What PyTorch has no kernel for: bool, unless the reason says otherwise. */
function takesMore(error: string, reason = 'takes bool, which PyTorch has no kernel for'): KnownDifference {
  return { reason, difference: { pytorch: error, ours: 'a result' } };
}
/** Refused by both, with other error classes. */
function refused(reason: string, pytorch: string, ours: string): KnownDifference {
  return { reason, difference: { pytorch, ours } };
}
/** eigh of whole numbers. */
const whole = (find: (dtype: string) => [string, KnownDifference]): KnownDifferences =>
  Object.fromEntries(['int64', 'int32', 'uint8', 'bool'].map(find));

export const KNOWN_DIFFERENCES: Readonly<Record<string, KnownDifferences>> = {
  remainder: {
    'remainder/special-pairs*': {
      reason: denormalDivisor,
      difference: {
        what: 'out0',
        elements: 18,
        index: [5, 11],
        pytorch: Number.NaN,
        ours: -9.154963127126895e-41,
      },
    },
  },
  fmod: {
    'fmod/special-pairs*': {
      reason: denormalDivisor,
      difference: {
        what: 'out0',
        elements: 18,
        index: [5, 10],
        pytorch: Number.NaN,
        ours: 8.449829739878647e-42,
      },
    },
  },
  'linalg.eigh': whole((dtype) => [
    `linalg.eigh/0@${dtype}*`,
    {
      reason: 'PyTorch takes whole numbers where there are none',
      difference: { pytorch: 'a result', ours: 'RuntimeError' },
    },
  ]),
  'linalg.eigvalsh': whole((dtype) => [
    `linalg.eigvalsh/1@${dtype}*`,
    refused("PyTorch's kernel refuses whole numbers by another class", 'NotImplementedError', 'RuntimeError'),
  ]),
  'linalg.vander': { 'linalg.vander/*@bool*': takesMore('RuntimeError') },
  'linalg.cross': { 'linalg.cross/*@bool*': refused(byParts, 'NotImplementedError', 'RuntimeError') },
  cross: { 'cross/*@bool*': refused(byParts, 'NotImplementedError', 'RuntimeError') },
  tensordot: {
    'tensordot/1@bool*': {
      reason: 'bool products have no kernel here',
      difference: { pytorch: 'a result', ours: 'NotImplementedError' },
    },
  },
  trace: { 'trace/*@bool*': takesMore('NotImplementedError') },
  gelu: {
    'gelu/special@float32*': {
      reason: 'PyTorch gives NaN for ∞ in the vectorised part of a tensor',
      difference: {
        what: 'out0',
        elements: 1,
        index: [1],
        pytorch: Number.NaN,
        ours: Number.POSITIVE_INFINITY,
      },
    },
  },
  conj: {
    'conj/*@complex*': {
      reason: "PyTorch's is a view that is resolved later; this one is computed at once",
      difference: 'a copy for a view',
    },
  },
  ldexp: {
    'ldexp/mix@float64+float32*': {
      reason: 'PyTorch rounds 2^other to the dtype of other',
      difference: {
        what: 'out0',
        elements: 15,
        index: [0, 0],
        pytorch: -2.771753469788579,
        ours: -2.77175341977966,
      },
    },
    'ldexp/mix@float32+int64*': {
      reason: 'PyTorch takes 2^−n of integers for 0 in the gradient',
      difference: {
        what: 'grad of in0',
        elements: 8,
        index: [0, 2],
        pytorch: 0,
        ours: 0.26147180795669556,
      },
    },
  },
  histc: { 'histc/0@uint8*': refused(negativeRange, 'RuntimeError', 'NotImplementedError') },
  histogramdd: { 'histogramdd/1@uint8*': refused(negativeRange, 'RuntimeError', 'NotImplementedError') },
  kthvalue: { 'kthvalue/*@bool*': takesMore('NotImplementedError') },
  median: { 'median/*@bool*': takesMore('NotImplementedError') },
  nanmedian: { 'nanmedian/*@bool*': takesMore('NotImplementedError') },
  stft: { 'stft/0@bool*': refused(byParts, 'NotImplementedError', 'RuntimeError') },
  igamma: {
    'igamma/special@float32*': {
      reason: tinyShape,
      difference: { what: 'out0', elements: 1, index: [10], pytorch: 0, ours: 1 },
    },
    'igamma/special@float64*': {
      reason: `${tinyShape}, and digits where a large shape equals the argument`,
      difference: { what: 'out0', elements: 3, index: [12], pytorch: 0, ours: 1 },
    },
    'igamma/special-pairs@float32*': {
      reason: `${lostNaN}, and the limit 1 at a shape near 0`,
      difference: { what: 'out0', elements: 10, index: [0, 1], pytorch: 1, ours: Number.NaN },
    },
  },
  igammac: {
    'igammac/special-pairs*': {
      reason: lostNaN,
      difference: { what: 'out0', elements: 6, index: [0, 1], pytorch: 0, ours: Number.NaN },
    },
    'igammac/special@float64*': {
      reason: lostDigits,
      difference: {
        what: 'out0',
        elements: 1,
        index: [16],
        pytorch: 0.4858634399365465,
        ours: 0.4858634397398534,
      },
    },
  },
  i0: {
    'i0/special*': {
      reason: 'PyTorch gives NaN for ±∞',
      difference: {
        what: 'out0',
        elements: 2,
        index: [1],
        pytorch: Number.NaN,
        ours: Number.POSITIVE_INFINITY,
      },
    },
  },
  'masked.amax': { 'masked.amax/*@bool*': takesMore('NotImplementedError', noIdentity) },
  'masked.amin': { 'masked.amin/*@bool*': takesMore('NotImplementedError', noIdentity) },
  'masked.logsumexp': { 'masked.logsumexp/*@bool*': takesMore('NotImplementedError', noIdentity) },
  'masked.argmax': { 'masked.argmax/0@bool*': refused(noIdentity, 'NotImplementedError', 'RuntimeError') },
  'masked.argmin': { 'masked.argmin/0@bool*': refused(noIdentity, 'NotImplementedError', 'RuntimeError') },
  'masked.softmin': { 'masked.softmin/0@bool*': refused(noIdentity, 'NotImplementedError', 'RuntimeError') },
  gradient: {
    'gradient/*@uint8*': takesMore('RuntimeError', 'takes uint8, which PyTorch refuses'),
    'gradient/1@bool,transposed*': takesMore('RuntimeError', 'takes bool along a dim of one step'),
  },
};

/** The known differences of an op. */
export function differencesOf(op: string): KnownDifferences {
  return KNOWN_DIFFERENCES[op] ?? {};
}

/** The known difference of this case; undefined where it has to be PyTorch's. */
export function knownDifference(id: string, differences: KnownDifferences): KnownDifference | undefined {
  return Object.entries(differences).find(([glob]) => idMatcher(glob)(id))?.[1];
}

/** What a replay of the case showed. */
export interface Replayed {
  readonly recorded: FixtureCase;
  readonly outcome: ReplayOutcome;
  readonly observed: readonly Observed[];
}

/** What is not as recorded in a case that differs; undefined where the difference is exactly the known one. */
export function changed(difference: Difference, seen: Replayed): string | undefined {
  const { outcome, recorded, observed } = seen;
  const failed = Object.keys(outcome.checks).filter((check) => outcome.checks[check] === 'fail');
  const may = checksOf(difference);
  const others = failed.filter((check) => !may.includes(check));
  if (others.length > 0) return `it also fails in ${others.join(', ')}`;
  if (difference === 'a copy for a view')
    return failed.includes('aliasing') ? undefined : 'the result shares memory as it does in PyTorch';
  if ('what' in difference) return changedElement(difference, observed);
  const ends = { pytorch: recorded.error?.class ?? 'a result', ours: outcome.ended };
  if (ends.pytorch === difference.pytorch && ends.ours === difference.ours) return undefined;
  return `known: PyTorch ${difference.pytorch}, ours ${difference.ours}; now: PyTorch ${ends.pytorch}, ours ${ends.ours}`;
}

/** The checks that fail with such a difference. */
function checksOf(difference: Difference): readonly string[] {
  if (difference === 'a copy for a view') return ['aliasing', 'strides'];
  if ('what' in difference) return difference.what.startsWith('grad') ? ['gradients'] : ['values'];
  return ['values', 'errors'];
}

function changedElement(known: ElementDiffers, observed: readonly Observed[]): string | undefined {
  const one = observed.find(({ what }) => what === known.what);
  if (one === undefined) return `${known.what} was not compared`;
  if (known.index.length !== one.want.shape.length) return `${known.what} has shape [${one.want.shape}]`;
  const at = known.index.reduce((flat, i, dim) => flat * one.want.shape[dim]! + i, 0);
  const { rtol } = toleranceFor(one.want.dtype, known.what.startsWith('grad') ? 'gradients' : 'values');
  const now = {
    elements: one.comparison.mismatched,
    pytorch: Number(one.want.data[at]),
    ours: Number(one.got.data[at]),
  };
  const same =
    now.elements === known.elements &&
    isNear(now.pytorch, known.pytorch, rtol) &&
    isNear(now.ours, known.ours, rtol);
  if (same) return undefined;
  const show = ({ elements, pytorch, ours }: typeof now) =>
    `${elements} elements, PyTorch ${pytorch}, ours ${ours}`;
  return `${known.what}[${known.index}]: known: ${show(known)}; now: ${show(now)}`;
}

/** Near by proportion alone: the values may be denormal. */
function isNear(got: number, want: number, rtol: number): boolean {
  if (!Number.isFinite(want)) return Object.is(got, want);
  return Math.abs(got - want) <= rtol * Math.abs(want);
}
