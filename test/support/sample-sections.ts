// The made-up run of sample-run.ts with what only some runs have: accuracy, V-curves, ceilings, fits, blocks over time, peers, history.
import type {
  BenchRow,
  CaseResult,
  HistoryLine,
  PeerEngine,
  RunResult,
  SuiteResult,
} from '../../reports/schema/index.js';
import { sampleRun } from './sample-run.js';

const errors = (max: number, median: number, notFinite = 0) => ({ max, median, notFinite });
const tally = (passed: number, wrong = 0, unsupported = 0) => ({
  passed,
  wrong,
  unsupported,
  threw: 0,
  crashed: 0,
});

export const ACCURACY: NonNullable<SuiteResult['accuracy']> = {
  dtype: 'float32',
  rows: [
    {
      op: 'exp',
      family: 'pointwise',
      domain: 'normal',
      points: 2048,
      left: 0,
      ours: errors(0.8066, 0.2593),
      torch: errors(0.5372, 0.2585),
      numpy: errors(1.899, 0.4038),
      truthApart: 1.9e-9,
      worst: { of: [1.0833213329315186], got: 2.95, want: 2.9500001 },
    },
    { op: 'neg', family: 'pointwise', domain: 'normal', points: 2048, left: 0, ours: errors(0, 0), torch: errors(0, 0) },
    { op: 'digamma', family: 'pointwise', domain: '±2^−24 to ±2^24', points: 1999, left: 49, ours: errors(0.4998, 0.25), torch: errors(181.3, 0.42, 6) },
    { op: 'tanhshrink', family: 'pointwise', domain: 'normal', points: 2048, left: 0, ours: errors(9, 1), torch: errors(1, 1), truthApart: 32 },
    { op: 'matmul', family: 'product', domain: '64 × 1,024', points: 4096, left: 0, ours: errors(9.375, 1.679), torch: errors(3.628, 0.6394), numpy: errors(5.042, 0.8328) },
  ],
}; // biome-ignore format: a table

const engine = (name: string, title: string, more: Partial<PeerEngine>): PeerEngine => ({
  name,
  title,
  package: name,
  version: '1.2.3',
  dtypes: ['float32'],
  differentiates: false,
  values: tally(0),
  gradients: tally(0),
  float32: tally(0),
  zeroSign: 0,
  compared: 100,
  ops: [],
  ...more,
});

/** Nine runs, the last of which is this one; one of them on another machine. */
function historyLines(): HistoryLine[] {
  return Array.from({ length: 9 }, (_, i) => ({
    started: `2026-02-${20 + i}T08:00:00.000Z`,
    commit: `commit${i}`,
    command: 'torchstone all',
    machine: i === 2 ? 'another' : 'this one',
    exitCode: i === 4 ? 1 : 0,
    suites: {
      validate: { passed: 1600 + 10 * i, short: i === 4 ? 2 : 0, skipped: 2, compared: 2e6, seconds: 20 },
    },
    means: { torch: { ratio: 1 + i / 10, rows: 30 } },
    required: { held: i, all: 9 },
    rows: { K: 9000 - 500 * i },
  }));
}

/** The run with every section. */
export function wholeRun({ broken = false } = {}): RunResult {
  const run = sampleRun({ broken });
  const suites = run.suites.map((suite): SuiteResult => {
    switch (suite.suite) {
      case 'validate':
        return { ...suite, accuracy: ACCURACY };
      case 'gradcheck':
        return { ...suite, cases: suite.cases.map(withCurve) };
      case 'bench':
        return withBench(suite);
      default:
        return suite;
    }
  });
  return { ...run, suites, history: { file: 'reports/out/history.jsonl', lines: historyLines(), unread: 1 } };
}

function withCurve(one: CaseResult): CaseResult {
  if (!['tanh', 'exp', 'sin'].includes(one.op ?? '')) return one;
  const wrong = one.status === 'fail';
  const points = Array.from({ length: 12 }, (_, i): [number, number] => [
    2 ** (-7 - 3 * i),
    wrong ? 0.56 : 4 ** (-7 - 3 * i) + 2 ** -52 / 2 ** (-7 - 3 * i),
  ]);
  const curve = {
    what: 'd out0[2, 1] / d in0[2, 1]',
    analytic: 1.0834,
    numeric: wrong ? 0.52155 : 1.0834,
    uncertainty: 1e-12,
    allowed: 1e-6,
    points,
  };
  return { ...one, curve };
}

function withBench(suite: SuiteResult): SuiteResult {
  const rows = (suite.rows ?? []).map((row): BenchRow => {
    if (row.id === 'T4/torch') return { ...row, bytes: 3 * 4 * 1e6 };
    if (row.id !== 'K/torch') return row;
    const atMs = row.ours.samples.map((_, i) => 10 * i);
    return { ...row, ours: { ...row.ours, atMs, marks: [{ sample: 3, by: ['collection'] }] } };
  });
  return {
    ...suite,
    rows,
    ceilings: [
      { id: 'memory', unit: 'GB/s', value: 20, how: 'copy of 100 MB' },
      { id: 'float32', unit: 'GFLOP/s', value: 300, how: 'a fused chain' },
    ],
    fits: [
      {
        group: 'add',
        dtype: 'float32',
        side: 'ours',
        sizes: 6,
        from: 100,
        to: 1e7,
        callNs: 300,
        slopeNs: 0.09,
        power: 1,
        off: 0.02,
      },
    ],
    blocks: { all: 2880, marked: { collection: 12, stolen: 3 }, leftOut: 7 },
    peers: {
      calls: 980,
      ops: 60,
      engines: [
        engine('torchstone', 'Torchstone', {
          values: tally(980),
          differentiates: true,
          gradients: tally(400),
        }),
        engine('tfjs', 'TensorFlow.js', {
          values: tally(412, 168, 400),
          ops: [{ op: 'exp', values: tally(3, 1), first: 'exp/0: off by 3 ULP' }],
        }),
        engine('gone', 'Gone', { missing: 'not installed: npm install gone' }),
      ],
      timings: [
        {
          id: 'matmul/256',
          group: 'matmul',
          label: 'matmul 256',
          dtype: 'float32',
          ours: { medianNs: 1e5, samples: [1e5] },
          engines: [
            {
              name: 'tfjs',
              theirs: { medianNs: 1.2e6, samples: [1.2e6] },
              ratio: { median: 12, low: 11, high: 13 },
            },
          ],
        },
      ],
    },
  };
}
