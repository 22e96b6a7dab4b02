// The fixture loader on good and damaged trees, and the cases that the registry's declarations expand into.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serializeNpz } from '../../../engine/io/npz.js';
import { call, t } from '../../../engine/registry/samples.js';
import { CannotRunError } from '../../../reports/schema/index.js';
import { type CaseSource, casesOf, coverageProblems, idMatcher } from '../../../suites/common/cases.js';
import { FixtureError, openFixtures } from '../../../suites/common/fixtures.js';
import { tensorsOf } from '../../../suites/common/tensor-specs.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchstone-fixtures-'));
  writeTree();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const recorded = {
  id: 'neg/0@float32,contiguous',
  op: 'neg',
  torch: 'torch.neg',
  variant: 'function',
  args: [{ tensor: { shape: [2] } }],
  kwargs: {},
  inputs: [{ dtype: 'float32', shape: [2], strides: [1], offset: 0, grad: true }],
  outputs: [{ dtype: 'float32', shape: [2], strides: [1], isView: false, text: 'tensor([-1., -2.])' }],
  gradients: [true],
  seed: '0123456789abcdef',
};

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** A whole tree of one op; `cases` replaces what is recorded, `manifest` what the manifest says. */
function writeTree(cases: unknown = [recorded], manifest: Record<string, unknown> = {}): void {
  const array = { data: Float32Array.of(1, 2), shape: [2], dtype: 'float32' };
  const files = new Map<string, Uint8Array>([
    ['ops/neg.json', Buffer.from(JSON.stringify(cases))],
    ['ops/neg.npz', serializeNpz(new Map([['neg/0@float32,contiguous/in0', array]]))],
  ]);
  for (const [path, bytes] of files) write(path, bytes);
  const listed = [...files].map(([path, bytes]) => ({
    path,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }));
  const base = {
    schema: 1,
    generator: 'test',
    python: '3',
    numpy: '2.4.6',
    torch: '2.13.0',
    seed: 'x',
    files: listed,
  };
  write('manifest.json', JSON.stringify({ ...base, ...manifest }));
}

async function refusal(): Promise<FixtureError> {
  const error = await openFixtures(folder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FixtureError);
  expect(error).toBeInstanceOf(CannotRunError);
  return error as FixtureError;
}

describe('openFixtures', () => {
  test('reads a whole tree', async () => {
    const fixtures = await openFixtures(folder);
    expect(fixtures.ops).toEqual(['neg']);
    expect(fixtures.summary).toContain('2 files');
    expect(fixtures.casesOf('neg')[0]?.id).toBe(recorded.id);
    expect([...fixtures.array('neg', `${recorded.id}/in0`).data]).toEqual([1, 2]);
  });
  test('a missing file', async () => {
    rmSync(join(folder, 'ops/neg.npz'));
    expect(await refusal()).toMatchObject({
      file: 'ops/neg.npz',
      message: expect.stringContaining('is missing'),
    });
  });
  test('an edited file of the same size', async () => {
    write('ops/neg.json', JSON.stringify([recorded]).replace('neg/0', 'neg/1'));
    expect(await refusal()).toMatchObject({
      file: 'ops/neg.json',
      message: expect.stringContaining('sha256'),
    });
  });
  test('a truncated file', async () => {
    write('ops/neg.npz', Buffer.of(1, 2, 3));
    expect(await refusal()).toMatchObject({
      file: 'ops/neg.npz',
      message: expect.stringContaining('has 3 bytes'),
    });
  });
  test('a file that nobody listed', async () => {
    write('ops/add.json', '[]');
    expect(await refusal()).toMatchObject({
      file: 'ops/add.json',
      message: expect.stringContaining('not in the manifest'),
    });
  });
  test('no manifest, a broken one, one of another version, one that leads outside', async () => {
    write('manifest.json', '{');
    expect((await refusal()).message).toContain('is not JSON');
    writeTree([recorded], { schema: 2 });
    expect((await refusal()).message).toContain('has schema 2, this version reads 1');
    writeTree([recorded], { files: [{ path: '../x', bytes: 0, sha256: '0'.repeat(64) }] });
    expect((await refusal()).message).toContain('malformed');
    writeTree([recorded], { surplus: 1 });
    expect((await refusal()).message).toContain('surplus');
    rmSync(join(folder, 'manifest.json'));
    expect((await refusal()).message).toContain('is missing from');
  });
  test.each([
    ['no cases', [], 'malformed'],
    ['an unknown field', [{ ...recorded, extra: 1 }], 'extra'],
    ['neither outputs nor an error', [{ ...recorded, outputs: undefined }], 'needs outputs or an error'],
    [
      'gradients for other inputs',
      [{ ...recorded, gradients: [true, true] }],
      'one gradient entry for every input',
    ],
    ['the same id twice', [recorded, recorded], 'two cases named neg/0'],
    ['a case of another op', [{ ...recorded, op: 'add' }], 'a case of another op'],
  ])('cases with %s', async (_, cases, text) => {
    writeTree(cases);
    const fixtures = await openFixtures(folder);
    expect(() => fixtures.casesOf('neg')).toThrow(text);
  });
  test('an array that is not there, and an op that is not', async () => {
    const fixtures = await openFixtures(folder);
    expect(() => fixtures.array('neg', 'neg/9/in0')).toThrow('ops/neg.npz: has no array neg/9/in0');
    expect(() => fixtures.casesOf('add')).toThrow('ops/add.json: is missing');
  });
});

const add: CaseSource = {
  name: 'add',
  torch: 'torch.add',
  numpy: 'numpy.add',
  params: [
    { name: 'input', kind: 'tensor' },
    { name: 'other', kind: 'tensorOrScalar' },
    { name: 'alpha', kind: 'scalar', default: 1, keyword: true },
  ],
  variants: ['function', 'method', 'inplace'],
  samples: [call([t([3, 5]), t([5])], { alpha: 2.5 })],
  errors: [{ args: [t([3, 2]), t([4])], error: 'RuntimeError' }],
  pointwise: { dtypes: ['float64', 'int64', 'bool'] },
};

describe('cases', () => {
  const cases = casesOf(add);
  const ids = cases.map((one) => one.id);
  test('have unique ids without spaces, in the agreed form', () => {
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^add\/[\w.-]+@[\w+]+,\w+(,method|,inplace)?$/);
  });
  test('cover shapes, layouts, dtypes, mixtures, scalars, special values, variants and errors', () => {
    for (const id of [
      'add/0@float32,contiguous',
      'add/0@float32,contiguous,method',
      'add/0@float32,transposed',
      'add/0@float64,contiguous',
      'add/shape-scalar@float32,contiguous',
      'add/shape-0@float32,contiguous',
      'add/shape-1031@float32,contiguous',
      'add/layout@float32,expanded',
      'add/bcast-2x1x5-3x1@float32,contiguous',
      'add/mix@int64+float32,contiguous',
      'add/mix-scalar@int64+float64,contiguous',
      'add/scalar-2.5@int64,contiguous',
      'add/special-pairs@float32,contiguous',
      'add/layout@float32,strided,inplace',
      'add/bcast-3-5x3@float32,contiguous,inplace',
      'add/error-0@float32,contiguous',
    ])
      expect(ids).toContain(id);
  });
  test('say what is compared and what may fail', () => {
    const one = (id: string) => cases.find((made) => made.id === id)!;
    expect(one('add/0@float32,contiguous')).toMatchObject({
      checkGrad: true,
      numpy: 'numpy.add',
      params: ['input', 'other', 'alpha'],
    });
    expect(one('add/special@float32,contiguous')).toMatchObject({
      checkGrad: false,
      noGrad: expect.any(String),
    });
    expect(one('add/dtype@int64,contiguous')).toMatchObject({ checkGrad: false, mayFail: true });
    expect(one('add/error-0@float32,contiguous')).toMatchObject({ checkGrad: false, error: 'RuntimeError' });
    expect(one('add/mix@int64+float32,contiguous')).not.toHaveProperty('numpy');
  });
  test('draw from the declared domain', () => {
    const log = casesOf({ ...add, samples: [], errors: [], pointwise: { dtypes: [], fill: 'positive' } });
    // Complex numbers of all quadrants have no sign to restrict.
    const real = log.filter((one) => !one.id.includes('/quadrants'));
    const fills = real.flatMap((one) => tensorsOf(one)).map((one) => one.fill);
    expect(new Set(fills)).toEqual(new Set(['positive', 'special']));
  });
  test('an op without a case, or without a gradient, is a problem', () => {
    const bare = { ...add, samples: [], errors: [], pointwise: undefined };
    expect(coverageProblems([bare])[0]).toContain('add: has no case');
    const dry = { ...bare, samples: [call([t([3], { dtype: 'int64' }), 1])] };
    expect(coverageProblems([dry])[0]).toContain('none of its cases has a gradient');
    expect(coverageProblems([{ ...dry, notDifferentiable: 'integers only' }])).toEqual([]);
    expect(coverageProblems([{ ...dry, notDifferentiable: '' }])[0]).toContain('needs a reason');
    expect(coverageProblems([add])).toEqual([]);
  });
});

test.each([
  [undefined, true],
  ['add/0', true],
  ['add/1', false],
  ['add/*,contiguous', true],
  ['*/0@float??,*', true],
  ['dd/*', false],
  ['add/0@float32,contiguous+', false],
])('the filter %s', (filter, held) => {
  expect(idMatcher(filter)('add/0@float32,contiguous')).toBe(held);
});
