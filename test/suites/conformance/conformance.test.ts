// The conformance suite: it reads what was recorded, notices what is broken, and holds its baseline.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import { ops } from '../../../engine/registry/define.js';
import '../../../engine/index.js';
import type { CaseResult } from '../../../reports/schema/index.js';
import type { SuiteOptions } from '../../../suites/common/suite.js';
import { numbersIn } from '../../../suites/conformance/arrays.js';
import { floorOf, readFloors } from '../../../suites/conformance/baseline.js';
import { bind, fromWire, opFor } from '../../../suites/conformance/call.js';
import { INAPPLICABLE } from '../../../suites/conformance/inapplicable.js';
import { conform } from '../../../suites/conformance/index.js';
import { judge } from '../../../suites/conformance/judge.js';
import { pack, unpack } from '../../../suites/conformance/recorded.js';
import { type CallFrame, chosen } from '../../../suites/conformance/source.js';
import { silentProgress } from '../../../suites/runner/progress.js';
import type { Family } from '../../../suites/selftest/command.js';
import { replaced, type Undo } from '../../../suites/selftest/mutant.js';
import { ROOT } from '../../support/root.js';

const options = (more: Partial<SuiteOptions> = {}): SuiteOptions => ({
  seed: 0,
  signal: new AbortController().signal,
  progress: silentProgress(),
  fixtures: join(ROOT, 'fixtures'),
  ...more,
});
const short = (cases: readonly CaseResult[]) => cases.filter((one) => one.status === 'fail');

describe('a broken kernel', () => {
  let undo: Undo | undefined;
  afterEach(() => undo?.());

  // The kernel does nothing: what it was to write stays as it was.
  const broken: readonly (readonly [Family, string])[] = [
    ['pointwise', 'mul'],
    ['reduce', 'sum'],
    ['scan', 'cumsum'],
    ['gemm', 'mm'],
    ['sort', 'sort'],
    ['indexGet', 'gather'],
  ];
  it.each(broken)('%s fails %s, naming entry, sample and element', async (family, entry) => {
    undo = replaced(addon, family, () => () => {});
    const result = await conform(options({ filter: entry, dtypes: ['float32'] }));
    undo();
    undo = undefined;
    expect(result.status).toBe('fail');
    const [first] = short(result.cases);
    expect(first?.id).toBe(`${entry}@float32`);
    expect(first?.message).toMatch(/sample \d+: torch\./);
    expect(first?.message).toMatch(/element \[[\d, ]*\] is \S+, want \S+|throws/);
    expect(first?.replay).toMatch(
      new RegExp(`^npx torchstone conformance --filter '${entry}' --sample \\d+ --dtype float32$`),
    );
    const again = await conform(options({ filter: entry, dtypes: ['float32'] }));
    expect(short(again.cases)).toEqual([]);
  });

  it('fails a whole run where the floor has the entry', async () => {
    const floor = readFloors().recorded!;
    expect(floor.columns.forward).toContain('mul');
    undo = replaced(addon, 'pointwise', () => () => {});
    const result = await conform(options({ filter: 'mul' }));
    expect(short(result.cases)[0]?.message).toMatch(/^no longer passes forward/);
  });
});

describe('the floor', () => {
  it('is what the recorded run reaches, and falling below it fails', async () => {
    const result = await conform(options());
    expect(short(result.cases).map((one) => `${one.id}: ${one.message?.slice(0, 300)}`)).toEqual([]);
    expect(result.status).toBe('pass');
    const [reached, floor] = [floorOf(result.cases), readFloors().recorded!];
    expect(reached.compared).toBeGreaterThanOrEqual(floor.compared);
    for (const column of ['forward', 'backward', 'double', 'forward mode', 'errors'] as const)
      expect(floor.columns[column].filter((entry) => !reached.columns[column].includes(entry))).toEqual([]);
  }, 300_000);

  it('knows every entry that cannot apply by a reason', () => {
    for (const reason of Object.values(INAPPLICABLE)) expect(reason.length).toBeGreaterThan(20);
  });
});

describe('the command', () => {
  const run = (...words: string[]) =>
    spawnSync(
      'npx',
      ['tsx', 'suites/cli/bin.ts', 'conformance', ...words, '--out', '/tmp/torchstone-conformance'],
      {
        cwd: ROOT,
        encoding: 'utf8',
      },
    );
  it('replays one call, and refuses a filter that names nothing', () => {
    const one = run('--filter', 'mul', '--dtype', 'float32', '--sample', '0');
    expect(one.stdout).toContain('✓ mul@float32: forward 1/1, backward 1/1, double 1/1, forward mode 1/1');
    expect(one.status).toBe(0);
    expect(run('--filter', 'no such entry').status).toBe(6);
  }, 60_000);
});

describe('binding', () => {
  const scope = { tensors: [], results: new Map(), outputs: [] };
  it('finds an op by its path, its aliases, and its in-place form by the underscore', () => {
    expect(opFor(['torch.nope', 'torch.mul'])?.name).toBe('mul');
    expect(opFor(['torch.Tensor.mul_', 'torch.mul_', 'torch.mul'])?.name).toBe('mul');
    expect(opFor(['torch.no_such_function'])).toBeNull();
  });
  it('reads every form of a Python value', () => {
    const read = (value: Parameters<typeof fromWire>[0]) => fromWire(value, scope);
    expect(read({ float: '-inf' })).toBe(Number.NEGATIVE_INFINITY);
    expect(read({ int: '9223372036854775807' })).toBe(9223372036854775807n);
    expect(read({ slice: [1, null, 2] })).toBe('1::2');
    expect(read({ tuple: [{ ellipsis: true }, null, true] })).toEqual(['...', null, true]);
    expect(String(read({ dtype: 'float64' }))).toBe('torch.float64');
    expect(() => read({ unknown: 'a Module' })).toThrow(/no form for the argument/);
  });
  it('puts arguments where the declaration has them', () => {
    const params = [
      { name: 'input', kind: 'any' },
      { name: 'size', kind: 'size' },
      { name: 'dtype', kind: 'dtype', keyword: true, default: null },
    ] as const;
    expect(bind(params, ['x', 2, 3], {})).toEqual(['x', [2, 3]]);
    expect(bind(params, ['x', [2, 3]], { dtype: 'float32', device: 'cpu' })).toEqual([
      'x',
      [2, 3],
      'float32',
    ]);
    expect(() => bind(params, ['x', [2]], { bias: 1 })).toThrow(/no parameter is named bias/);
  });
});

describe('judging', () => {
  const numbers = (dtype: string, ...values: number[]) => ({
    dtype,
    shape: [values.length],
    complex: false,
    data: Float64Array.from(values),
  });
  it("holds float32 to assert_close's tolerance and names the first element outside", () => {
    const want = numbers('float32', 1, 2, 3);
    expect(judge(numbers('float32', 1.00001, 2, 3), want, null).problem).toBe('');
    expect(judge(numbers('float32', 1, 2.1, 3), want, null).problem).toBe(
      'element [1] is 2.1, want 2 (1 of 3 differ)',
    );
    expect(judge(numbers('float64', 1, 2, 3), want, null).problem).toMatch(/dtype is float64/);
    expect(judge(numbers('float32', Number.NaN, 2, 3), want, null).problem).toMatch(/element \[0\] is NaN/);
  });
  it('accepts what is closer to the float64 result, and counts it', () => {
    const [want, truth] = [numbers('float32', 100.1), numbers('float64', 100)];
    expect(judge(numbers('float32', 100.05), want, truth)).toMatchObject({ problem: '', closer: true });
    expect(judge(numbers('float32', 99.8), want, truth).problem).toContain('in float64 100');
  });
});

describe('what is recorded', () => {
  it('comes back as it was packed', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
    const frame = {
      header: { kind: 'sample', entry: 'x', sample: 3, bytes: 32 },
      bytes,
    } as unknown as CallFrame;
    const back = unpack(pack({ float32: [frame], float64: [frame] }));
    expect(back.float64![0]!.header.sample).toBe(3);
    for (const dtype of ['float32', 'float64']) expect([...back[dtype]![0]!.bytes]).toEqual([...bytes]);
  });
  it('is chosen by name with its variants, else by glob or text', () => {
    const names = ['add', 'addmm', 'pad/circular', 'pad/reflect'];
    expect([...chosen(['add'], names)]).toEqual(['add']);
    expect([...chosen(['pad'], names)]).toEqual(['pad/circular', 'pad/reflect']);
    expect([...chosen(['dd'], names)]).toEqual(['add', 'addmm']);
  });
  it('reads strided tensors in row-major order', () => {
    const op = ops.get('tensor')!;
    const x = op.impl([
      [1, 2],
      [3, 4],
    ]) as import('../../../engine/core/tensor.js').Tensor;
    expect([...numbersIn(x.t()).data].map(Number)).toEqual([1, 3, 2, 4]);
  });
});
