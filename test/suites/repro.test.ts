// Replays of single cases from the fixture tree and from a repro bundle, and the search for the smallest failing call.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayOf, type EngineTensor } from '../../suites/common/bind.js';
import { casesOf } from '../../suites/common/cases.js';
import { compareArrays } from '../../suites/common/compare.js';
import { type Fixtures, openFixtures } from '../../suites/common/fixtures.js';
import type { FixtureCase } from '../../suites/common/manifest.js';
import { type RegisteredOp, registeredOps } from '../../suites/common/registry.js';
import { tensorsOf } from '../../suites/common/tensor-specs.js';
import { arraysOf, capsuleName, capsuleOf, readCapsule } from '../../suites/repro/capsule.js';
import { account } from '../../suites/repro/detail.js';
import { minimise } from '../../suites/repro/minimise.js';
import { truthOf } from '../../suites/repro/truth.js';
import { findReferences } from '../../suites/runner/references.js';
import { type Observed, replayCase } from '../../suites/validate/replay.js';
import { ROOT } from '../support/root.js';

const folder = mkdtempSync(join(tmpdir(), 'torchstone-capsule-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { python } = await findReferences();

let fixtures: Fixtures;
let recorded: FixtureCase;
const softmax = registeredOps().find((one) => one.name === 'softmax')!;
/** Wrong where the last dim has four elements or more: in its last one. */
const broken: RegisteredOp = {
  ...softmax,
  op: {
    ...softmax.op,
    impl: (...args: unknown[]) => {
      const out = (softmax.op.impl as (...args: unknown[]) => EngineTensor)(...args);
      const last = out.shape.at(-1) ?? 0;
      return last < 4 ? out : out.clone().setAt(['...', -1], 0.5);
    },
  },
};

beforeAll(async () => {
  fixtures = await openFixtures(join(ROOT, 'fixtures'));
  recorded = fixtures.casesOf('softmax').find((one) => one.id.startsWith('softmax/0@float32,contiguous'))!;
});

describe('a capsule', () => {
  it('replays as the fixture tree does', () => {
    const file = join(folder, capsuleName(recorded.id));
    writeFileSync(file, JSON.stringify(capsuleOf(recorded, fixtures)));
    const capsule = readCapsule(file);
    expect(replayCase(softmax, capsule.case, arraysOf(capsule))).toEqual(
      replayCase(softmax, recorded, fixtures),
    );
    expect(replayCase(broken, capsule.case, arraysOf(capsule)).problems).not.toEqual([]);
  });

  it('that was cut off is refused with the code of a damaged file', () => {
    const file = join(folder, 'cut.json');
    writeFileSync(file, JSON.stringify(capsuleOf(recorded, fixtures)).slice(0, 200));
    expect(() => readCapsule(file)).toThrow(expect.objectContaining({ code: 5 }));
  });
});

describe('the account of a replay', () => {
  it('shows the inputs, the worst element beside its truth, the map of errors and the pattern', () => {
    const seen: Observed[] = [];
    const outcome = replayCase(broken, recorded, fixtures, (one) => seen.push(one));
    const text = account(recorded, fixtures, outcome, seen);
    expect(text).toContain('softmax/0@float32,contiguous: fails');
    expect(text).toContain('torch.softmax(in0, 1)');
    expect(text).toMatch(/in0: float32 \[3,5\], strides \[5,1\]/);
    expect(text).toMatch(/\[\d,4\] got 0.5, want 0.\d+\n/);
    // Three rows of the result, and none of those that differ within the tolerance.
    expect(text.match(/^ {2}····×$/gm)).toHaveLength(3);
    expect(text).toContain('only where dim 1 is 4');
  });
});

describe('the truth in float64', () => {
  it('is said to be whose it is', async () => {
    const seen: Observed[] = [];
    const outcome = replayCase(broken, recorded, fixtures, (one) => seen.push(one));
    const text = account(recorded, fixtures, outcome, seen, await truthOf(recorded, fixtures, undefined));
    expect(text).toMatch(/\[\d,4\] got 0.5, want 0.\d+, this engine in float64 0.\d+/);
  });
  it.skipIf(python === undefined)("is PyTorch's where there is one, to float64's digits", async () => {
    const [theirs, ours] = [
      await truthOf(recorded, fixtures, python),
      await truthOf(recorded, fixtures, undefined),
    ];
    expect(theirs!.by).toBe('PyTorch');
    const numbers = (truth: typeof theirs) =>
      Array.from({ length: 15 }, (_, i) => Number(truth!.outputs[0]!.data[i]));
    const own = numbers(ours);
    const apart = numbers(theirs).map((value, i) => Math.abs(value - own[i]!));
    expect(Math.max(...apart)).toBeLessThan(1e-15);
  });
});

it('a map of a large array has a sign a block, × where any of it differs', () => {
  const value = (data: Float32Array) => ({ dtype: 'float32', shape: [100, 200], data });
  const [got, want] = [value(new Float32Array(20_000)), value(new Float32Array(20_000))];
  got.data[57 * 200 + 130] = 1;
  const comparison = compareArrays(got, want, { rtol: 0, atol: 1e-6, signedZero: 'any' });
  const outcome = { problems: ['out0'], compared: 1, checks: {}, ended: 'a result' };
  const text = account(recorded, fixtures, outcome, [{ what: 'out0', got, want, comparison }]);
  const rows = text.split('\n').filter((line) => /^ {2}[·×]+$/.test(line));
  expect(rows).toHaveLength(20);
  expect(rows[Math.floor(57 / 5)]!.trim().indexOf('×')).toBe(Math.floor(130 / 4));
  expect(text.match(/×/g)!.length).toBe(2);
  expect(text).toContain('one sign for 5 × 4 elements');
});

describe.skipIf(python === undefined)('minimise', () => {
  it('finds the smallest call that fails, and leaves one that holds alone', {
    timeout: 120_000,
  }, async () => {
    const declared = casesOf(softmax).find((one) => one.id === recorded.id)!;
    const found = await minimise(broken, declared, python!, () => {});
    const [tensor] = tensorsOf({ args: found.recorded.args, kwargs: found.recorded.kwargs });
    expect(tensor!.shape.at(-1)).toBe(4);
    expect(tensor!.shape.reduce((product, size) => product * size, 1)).toBe(4);
    expect(found.threads).toBe(1);
    expect(tensor!.shape).toEqual([4]);
    await expect(minimise(softmax, declared, python!, () => {})).rejects.toThrow('nothing to make smaller');
  });

  it('makes the values plain, of a fault that hangs on one of them', { timeout: 120_000 }, async () => {
    const fussy: RegisteredOp = {
      ...softmax,
      op: {
        ...softmax.op,
        impl: (...args: unknown[]) => {
          const out = (softmax.op.impl as (...args: unknown[]) => EngineTensor)(...args);
          const { data } = arrayOf(args[0] as EngineTensor);
          return Array.from(data as ArrayLike<number>).some((value) => value < -2.5) ? out.mul(2) : out;
        },
      },
    };
    const declared = casesOf(softmax).find((one) => one.id === recorded.id)!;
    const found = await minimise(fussy, declared, python!, () => {});
    const values = Array.from(found.fixtures.array('softmax', `${found.recorded.id}/in0`).data, Number);
    expect(values.filter((value) => value !== 0)).toEqual([-3]);
  });
});
