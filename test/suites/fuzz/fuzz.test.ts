// Random calls: the same for a seed, of many kinds, and a planted fault is found and told.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Op, ops, rewire } from '../../../engine/registry/define.js';
import { generator } from '../../../suites/common/random.js';
import { type RegisteredOp, registeredOps } from '../../../suites/common/registry.js';
import { sizeOf } from '../../../suites/common/shapes.js';
import { tensorsOf } from '../../../suites/common/tensor-specs.js';
import { randomCalls } from '../../../suites/fuzz/generate.js';
import { fuzzSuite } from '../../../suites/fuzz/index.js';
import { openChecks } from '../../../suites/fuzz/known.js';
import { createProgress } from '../../../suites/runner/progress.js';
import { findReferences } from '../../../suites/runner/references.js';

const registered = (name: string): RegisteredOp => registeredOps().find((op) => op.name === name)!;

describe('random calls', () => {
  it('are the same for a seed, and others for another', () => {
    const op = registered('add');
    const text = (seed: number) => JSON.stringify(randomCalls(op, 20, 'add/0@fuzz', generator(seed)));
    expect(text(1)).toBe(text(1));
    expect(text(1)).not.toBe(text(2));
  });
  it('have every kind of layout, dtype, fill and size, and stay of a bearable size', () => {
    const calls = registeredOps().flatMap((op) => randomCalls(op, 20, `${op.name}/0@fuzz`, generator(3)));
    const all = calls.flatMap(tensorsOf);
    const seen = (of: (one: (typeof all)[number]) => unknown) =>
      new Set(all.map(of).map((one) => JSON.stringify(one)));
    expect(seen((one) => one.layout).size).toBeGreaterThanOrEqual(6);
    expect(seen((one) => one.dtype).size).toBeGreaterThanOrEqual(13);
    expect(seen((one) => one.fill).size).toBeGreaterThan(15);
    expect(all.some((one) => one.shape.length > 8)).toBe(true);
    expect(all.some((one) => one.shape.includes(0))).toBe(true);
    expect(all.some((one) => one.shape.some((size) => size > 8000))).toBe(true);
    expect(Math.max(...all.map((one) => sizeOf(one.shape)))).toBeLessThanOrEqual(150_000);
    expect(new Set(calls.map((one) => one.variant))).toEqual(new Set(['function', 'method', 'inplace']));
  });
});

it('the list of open ops names ops that there are, and ends', () => {
  const { ops: listed, expires } = JSON.parse(readFileSync('suites/fuzz/open.json', 'utf8')) as {
    ops: Record<string, string[]>;
    expires: string;
  };
  const unknown = Object.keys(listed).filter((name) => !ops.has(name));
  expect(unknown).toEqual([]);
  const [name, kinds] = Object.entries(listed)[0]!;
  expect(openChecks(new Date('2026-12-01'))(name)).toEqual(kinds);
  expect(openChecks(new Date(`${Number(expires.slice(0, 4)) + 1}-01-01`))(name)).toEqual([]);
});

const { python } = await findReferences();
describe.runIf(python !== undefined)('a planted fault', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'torchstone-fuzz-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  /** A glob of the very name: text would also mean every longer name that has it. */
  const fuzzing = (name: string) =>
    fuzzSuite.run({
      ...{
        filter: `?${name.slice(1)}`,
        calls: 24,
        seed: 5,
        fixtures: 'fixtures',
        python: python!,
        capsules: folder,
      },
      signal: new AbortController().signal,
      progress: createProgress({ quiet: true }),
    });
  /** The cases of an op while its implementation is changed. */
  async function broken(name: string, change: (run: Op['impl']) => Op['impl']) {
    const undo = rewire(
      ops.get(name)!,
      (run, inPlace) => (inPlace ? run : change(run as Op['impl'])) as never,
    );
    try {
      return (await fuzzing(name)).cases.filter((one) => one.op === name);
    } finally {
      undo();
    }
  }

  it('none is found where there is none', async () => {
    const { cases } = await fuzzing('signbit');
    expect(cases.filter((one) => one.op === 'signbit').map((one) => one.status)).toEqual(['pass']);
  });
  it.each<[string, string, (run: Op['impl']) => Op['impl']]>([
    [
      'values',
      'neg',
      (run) =>
        ((...args: never[]) => (run(...args) as never as { mul(x: number): unknown }).mul(1.001)) as never,
    ],
    [
      'refused here',
      'trunc',
      () =>
        (() => {
          throw new TypeError('nothing');
        }) as never,
    ],
    [
      'dtype',
      'ceil',
      (run) => ((...args: never[]) => (run(...args) as never as { double(): unknown }).double()) as never,
    ],
  ])('%s', { timeout: 60_000 }, async (kind, name, change) => {
    const [found] = await broken(name, change);
    expect(found).toMatchObject({ status: 'fail', checks: { [kind]: 'fail' } });
    expect(found!.replay).toMatch(/^npx torchstone replay .*capsule\.json$/);
    expect(found!.message).toContain(`${name}`);
  });
});
