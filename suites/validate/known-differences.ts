// Known differences from PyTorch: recorded cases that are not to be matched. They are skipped, and fail once they agree.
import { idMatcher } from '../common/cases.js';

/** Globs of case ids, each with the reason. */
export type KnownDifferences = Readonly<Record<string, string>>;

const KNOWN: Readonly<Record<string, KnownDifferences>> = {
  remainder: {
    'remainder/special-pairs*':
      'PyTorch gives NaN for a divisor below the least normal number, in the vectorised part of a tensor',
  },
  fmod: {
    'fmod/special-pairs*':
      'PyTorch gives NaN for a divisor below the least normal number, in the vectorised part of a tensor',
  },
  'linalg.eigh': {
    'linalg.eigh/0@int64*': 'PyTorch takes whole numbers where there are none',
    'linalg.eigh/0@int32*': 'PyTorch takes whole numbers where there are none',
    'linalg.eigh/0@uint8*': 'PyTorch takes whole numbers where there are none',
    'linalg.eigh/0@bool*': 'PyTorch takes whole numbers where there are none',
  },
  'linalg.eigvalsh': {
    'linalg.eigvalsh/1@int64*': "PyTorch's kernel refuses whole numbers by another class",
    'linalg.eigvalsh/1@int32*': "PyTorch's kernel refuses whole numbers by another class",
    'linalg.eigvalsh/1@uint8*': "PyTorch's kernel refuses whole numbers by another class",
    'linalg.eigvalsh/1@bool*': "PyTorch's kernel refuses whole numbers by another class",
  },
  'linalg.vander': {
    'linalg.vander/*@bool*': 'takes bool, which PyTorch has no kernel for',
  },
  'linalg.cross': {
    'linalg.cross/*@bool*': "is refused here by the op that it is made of, with that one's error class",
  },
  cross: {
    'cross/*@bool*': "is refused here by the op that it is made of, with that one's error class",
  },
  tensordot: {
    'tensordot/1@bool*': 'bool products have no kernel here',
  },
  trace: {
    'trace/*@bool*': 'takes bool, which PyTorch has no kernel for',
  },
  gelu: {
    'gelu/special@float32*': 'PyTorch gives NaN for ∞ in the vectorised part of a tensor',
  },
  conj: {
    'conj/*@complex*': "PyTorch's is a view that is resolved later; this one is computed at once",
  },
  ldexp: {
    'ldexp/mix@float64+float32*': 'PyTorch rounds 2^other to the dtype of other',
    'ldexp/mix@float32+int64*': 'PyTorch takes 2^−n of integers for 0 in the gradient',
  },
  searchsorted: {
    'searchsorted/0@bool*': 'takes bool, which PyTorch has no kernel for',
  },
  bucketize: {
    'bucketize/0@bool*': 'takes bool, which PyTorch has no kernel for',
  },
  isin: {
    'isin/*@bool*': 'takes bool, which PyTorch has no kernel for',
  },
  histc: {
    'histc/0@uint8*': 'PyTorch stumbles over the negative range first',
  },
  histogramdd: {
    'histogramdd/1@uint8*': 'PyTorch stumbles over the negative range first',
  },
  kthvalue: {
    'kthvalue/*@bool*': 'takes bool, which PyTorch has no kernel for',
  },
  median: {
    'median/*@bool*': 'takes bool, which PyTorch has no kernel for',
  },
  nanmedian: {
    'nanmedian/*@bool*': 'takes bool, which PyTorch has no kernel for',
  },
  stft: {
    'stft/0@bool*': "is refused here by the op that it is made of, with that one's error class",
  },
  igamma: {
    'igamma/special*': 'PyTorch loses NaN in one operand, and the digits of a shape near 0',
  },
  igammac: {
    'igammac/special-pairs*': 'PyTorch loses NaN in one operand, and the digits of a shape near 0',
    'igammac/special@float64*': 'PyTorch loses NaN in one operand, and the digits of a shape near 0',
  },
  i0: {
    'i0/special*': 'PyTorch gives NaN for ±∞',
  },
  'masked.amax': {
    'masked.amax/*@bool*': 'PyTorch has no identity of it for bool; here what it is made of decides',
  },
  'masked.amin': {
    'masked.amin/*@bool*': 'PyTorch has no identity of it for bool; here what it is made of decides',
  },
  'masked.logsumexp': {
    'masked.logsumexp/*@bool*': 'PyTorch has no identity of it for bool; here what it is made of decides',
  },
  'masked.argmax': {
    'masked.argmax/0@bool*': 'PyTorch has no identity of it for bool; here what it is made of decides',
  },
  'masked.argmin': {
    'masked.argmin/0@bool*': 'PyTorch has no identity of it for bool; here what it is made of decides',
  },
  'masked.softmin': {
    'masked.softmin/0@bool*': 'PyTorch has no identity of it for bool; here what it is made of decides',
  },
  gradient: {
    'gradient/*@uint8*': 'takes uint8, which PyTorch refuses',
    'gradient/1@bool,transposed*': 'takes bool along a dim of one step',
  },
};

/** The known differences of an op. */
export function differencesOf(op: string): KnownDifferences {
  return KNOWN[op] ?? {};
}

/** The reason why this case is not PyTorch's; undefined where it has to be. */
export function excuseFor(id: string, differences: KnownDifferences): string | undefined {
  return Object.entries(differences).find(([glob]) => idMatcher(glob)(id))?.[1];
}
