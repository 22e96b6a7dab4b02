// A made-up but realistic run for the report tests: seeded, so that every report of it is the same every time.
import {
  type BenchRow,
  type CaseResult,
  RESULT_SCHEMA,
  type RunResult,
  type SuiteResult,
} from '../../reports/schema/index.js';
import { suiteResult } from '../../suites/common/suite.js';

const OPS =
  `abs acos add addmm all amax argmax asin atan2 bmm cat ceil chunk clamp cos cumprod cumsum diagonal div dot eq erf exp
expand expm1 flatten flip floor gather ge gt indexSelect logSoftmax logsumexp log log1p lt maskedFill matmul max mean min mm mul mv narrow neg
nonzero norm permute pow prod reciprocal relu reshape roll round rsqrt scatter sigmoid sign sin softmax softplus sort split sqrt squeeze stack
std sub sum tan tanh tile topk transpose tril triu unsqueeze var view where`.split(/\s+/);
const INTEGER = new Set(['argmax', 'nonzero', 'eq', 'ge', 'gt', 'lt', 'all']);
const LAYOUTS = ['contiguous', 'transposed', 'strided', 'offset', 'expanded'];
const CELLS = [
  'A/ones', 'A/linspace', 'A/randn', 'B/column', 'B/item', 'B/slices-are-views', 'C/view', 'C/view-infers', 'C/incompatible-view-is-an-error',
  'D/add', 'D/add-in-place', 'E/numpy-shares-memory', 'G/no-device-says-so', 'H/backward', 'H/printed-grad-fn', 'I/vector-jacobian', 'J/loss', 'K/training-loop',
  'L/large-loop-converges', 'M/timing-helper',
]; // biome-ignore format: a list of names

/** A generator of numbers in [0, 1) with its own seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A run in which everything held, or, with `broken`, one with every kind of shortfall. */
export function sampleRun({ broken = false, references = true } = {}): RunResult {
  const missing = { missing: 'no working Python at python3' };
  return {
    schema: RESULT_SCHEMA,
    tool: { name: 'torchstone', version: '0.1.0', commit: 'f81b495a0c3d' },
    command: 'torchstone all',
    started: '2026-03-02T09:14:05.120Z',
    finished: '2026-03-02T09:17:49.900Z',
    partial: false,
    seed: 0,
    machine: {
      cpu: 'AMD EPYC 9R14 96-Core Processor',
      cores: 2,
      memory: 24 * 2 ** 30,
      isa: 'avx512',
      threads: 2,
      node: 'v20.20.2',
      os: 'Debian GNU/Linux 12 (bookworm) (Linux 6.1.0)',
      load: 0.21,
    },
    references: references
      ? { python: { version: '3.11.7' }, numpy: { version: '2.4.6' }, torch: { version: '2.13.0' } }
      : { python: missing, numpy: missing, torch: missing },
    suites: [validate(broken), gradcheck(broken), notebook(broken), bench(broken, references)],
  };
}

function validate(broken: boolean): SuiteResult {
  const random = generator(1);
  const cases: CaseResult[] = [];
  for (const op of OPS) {
    const count = 6 + Math.floor(random() * 30);
    for (let i = 0; i < count; i++) {
      const layout = LAYOUTS[i % LAYOUTS.length] ?? 'contiguous';
      const gradients = !INTEGER.has(op) && i % 3 === 0;
      cases.push({
        id: `${op}/${i}@${i % 4 === 3 ? 'float64' : 'float32'},${layout}`,
        op,
        suite: 'validate',
        status: 'pass',
        seconds: 0.0004 + random() * 0.002,
        compared: 35 + Math.floor(random() * 2400),
        checks:
          i === 5
            ? { errors: 'pass' }
            : {
                values: 'pass',
                dtype: 'pass',
                shape: 'pass',
                ...(gradients ? { gradients: 'pass' } : {}),
                ...(i === 1 ? { text: 'pass' } : {}),
              },
      });
    }
  }
  for (const one of cases.filter((each) => each.op === 'topk').slice(0, 2)) {
    one.status = 'skip';
    one.reason = 'PyTorch leaves the order of equal values open';
    one.compared = 0;
    one.checks = { values: 'skip' };
  }
  if (broken) breakCases(cases);
  return suiteResult('validate', cases, 21.4);
}

function breakCases(cases: CaseResult[]): void {
  const softmax = cases.find((one) => one.op === 'softmax');
  if (softmax) {
    softmax.status = 'fail';
    softmax.message =
      'values: 3 of 391 elements outside the tolerance; errors only at index % 16 == 15: a vector tail?';
    softmax.checks = { values: 'fail', dtype: 'pass', shape: 'pass', gradients: 'pass' };
    softmax.worst = {
      what: 'out0',
      index: [3, 15],
      got: 0.0731226503849029,
      want: 0.0731220617890358,
      abs: 5.885958671e-7,
      rel: 8.0495e-6,
      ulp: 79,
      tolerance: 'rtol 1.3e-6, atol 1e-7',
    };
    softmax.replay = `npx torchstone validate --filter '${softmax.id}'`;
  }
  const log = cases.find((one) => one.op === 'log');
  if (log) {
    log.status = 'error';
    log.message = '<b>TypeError</b>: cannot read "strides" & co. of undefined';
    log.replay = `npx torchstone validate --filter '${log.id}'`;
  }
}

function gradcheck(broken: boolean): SuiteResult {
  const random = generator(2);
  const cases = OPS.filter((op) => !INTEGER.has(op)).map(
    (op): CaseResult => ({
      id: `gradcheck/${op}/0`,
      op,
      suite: 'gradcheck',
      status: 'pass',
      seconds: 0.01 + random() * 0.1,
      compared: 40 + Math.floor(random() * 600),
      checks: { gradcheck: 'pass' },
    }),
  );
  const [, tanh, power] = [
    cases[0],
    cases.find((one) => one.op === 'tanh'),
    cases.find((one) => one.op === 'pow'),
  ];
  if (broken && tanh) {
    tanh.status = 'fail';
    tanh.message = 'analytic gradient disagrees with central differences in 12 of 12 entries';
    tanh.checks = { gradcheck: 'fail' };
    tanh.worst = {
      what: 'd out / d input ',
      index: [2, 1],
      got: 1.0834,
      want: 0.52155,
      abs: 0.5618,
      rel: 1.077,
      tolerance: '±3.1e-9',
    };
    tanh.replay = "npx torchstone gradcheck --filter 'tanh'";
  }
  if (broken && power) {
    power.status = 'inconclusive';
    power.reason = 'central differences are less certain (±4e-4) than the tolerance at 1 of 20 entries';
    power.checks = { gradcheck: 'inconclusive' };
  }
  return suiteResult('gradcheck', cases, 14.8);
}

function notebook(broken: boolean): SuiteResult {
  const cases = CELLS.map(
    (id, i): CaseResult => ({
      id: `notebook/${id}`,
      suite: 'notebook',
      status: 'pass',
      seconds: 0.002,
      compared: 6 + i,
    }),
  );
  const last = cases.at(-2);
  if (broken && last) {
    last.status = 'fail';
    last.message = 'w did not converge: 2.61 after 200 epochs, expected 3 ± 0.01';
  }
  const path = (target: number, rate: number): [number, number][] =>
    Array.from({ length: 60 }, (_, i) => [i, target * (1 - Math.exp(-i * rate)) + 0]);
  return suiteResult('notebook', cases, 9.3, {
    series: [
      { id: 'K/w', label: 'K: w on its way to 3', x: 'step', y: 'w', points: path(3, 0.09) },
      { id: 'K/b', label: 'K: b on its way to −2', x: 'step', y: 'b', points: path(-2, 0.12) },
    ],
    notes: ['T2 and T3 ran at 2000×2000 and T4 at 1000×1000; `--full` runs the notebook’s own 10000×10000'],
  });
}

interface Raced {
  id: string;
  label: string;
  group: string;
  size?: number;
  ns: number;
  numpy: number;
  torch: number;
}

const RACES: readonly Raced[] = [
  {
    id: 'T1',
    label: 'T1: 100 × (randn 100×100 twice, matmul)',
    group: 'notebook',
    size: 100,
    ns: 14.1e6,
    numpy: 2.9,
    torch: 1.31,
  },
  {
    id: 'T2',
    label: 'T2: randn 2000×2000 twice, add',
    group: 'notebook',
    size: 2000,
    ns: 81e6,
    numpy: 3.2,
    torch: 1.05,
  },
  {
    id: 'T3',
    label: 'T3: randn 2000×2000 twice, add in place',
    group: 'notebook',
    size: 2001,
    ns: 74e6,
    numpy: 3.3,
    torch: 0.99,
  },
  {
    id: 'T4',
    label: 'T4: matmul 1000×1000',
    group: 'notebook',
    size: 1000,
    ns: 19.2e6,
    numpy: 0.92,
    torch: 0.9,
  },
  { id: 'K', label: 'K: one training step', group: 'notebook', ns: 9.1e3, numpy: 4.4, torch: 7.9 },
  {
    id: 'add-3x2',
    label: 'addition of two 3×2 tensors',
    group: 'small calls',
    ns: 260,
    numpy: 1.5,
    torch: 4.1,
  },
];

function bench(broken: boolean, references: boolean): SuiteResult {
  const random = generator(3);
  const sizes = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7];
  const sweep = ['add', 'exp', 'sum', 'softmax'].flatMap((op, k) =>
    sizes.map((size): Raced => {
      const slope = [0.09, 0.5, 0.05, 0.9][k] ?? 1;
      const numpy = (op === 'exp' ? 5 : 1.3) * (1 + 1500 / (300 + size * slope)) * (0.8 + random() * 0.4);
      const torch = (0.8 + random() * 0.5) * (1 + 2600 / (300 + size * slope));
      return {
        id: `${op}/${size}`,
        label: `${op}, ${size.toLocaleString('en-US')} elements`,
        group: op,
        size,
        ns: 300 + size * slope,
        numpy,
        torch,
      };
    }),
  );
  const rows = [...RACES, ...sweep].flatMap((race) => [
    raced(race, 'numpy', random, references),
    raced(race, 'torch', random, references),
  ]);
  const small = rows.find((row) => row.id === 'add-3x2/torch');
  if (small?.ratio) small.required = { ratio: 3, held: small.ratio.low >= 3 };
  for (const row of rows.filter((one) => one.id.startsWith('T4')))
    Object.assign(row, { flops: 2e9, launchNs: row.ours.medianNs, completionNs: row.ours.medianNs });
  if (broken) breakRows(rows);
  return suiteResult('bench', [], 171, {
    rows,
    memory: [
      {
        id: 'K-loop',
        label: '20,000 training steps, growth',
        measured: 3.2,
        limit: 64,
        unit: 'MB',
        held: true,
      },
      {
        id: 'add-loop',
        label: '200 additions of 40 MB tensors, peak',
        measured: broken ? 812 : 412,
        limit: 600,
        unit: 'MB',
        held: !broken,
      },
    ],
  });
}

function breakRows(rows: BenchRow[]): void {
  const small = rows.find((row) => row.id === 'add-3x2/torch');
  if (small) {
    small.ratio = { median: 2.41, low: 2.3, high: 2.5 };
    small.required = { ratio: 3, held: false };
  }
  const wrong = rows.find((row) => row.id === 'softmax/10000/torch');
  if (wrong) {
    wrong.correct = false;
    wrong.withheld = 'the timed result differs from PyTorch’s';
    delete wrong.ratio;
  }
}

function raced(race: Raced, reference: 'numpy' | 'torch', random: () => number, live: boolean): BenchRow {
  const factor = race[reference];
  const samples = (center: number) =>
    Array.from({ length: 24 }, () => Math.round(center * (0.97 + random() * 0.06)));
  const spread = 1 + 0.01 + random() * 0.06;
  return {
    id: `${race.id}/${reference}`,
    group: race.group,
    label: race.label,
    ...(race.size === undefined ? {} : { size: race.size, bytes: race.size * 12 }),
    dtype: 'float32',
    ours: { medianNs: race.ns, samples: samples(race.ns) },
    reference,
    ...(live
      ? {
          theirs: { medianNs: race.ns * factor, samples: samples(race.ns * factor) },
          ratio: { median: factor, low: factor / spread, high: factor * spread },
          correct: true,
        }
      : { correct: 'unchecked' as const }),
  };
}
