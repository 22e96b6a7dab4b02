// Test data of ops is lazy: importing the engine builds none, and only the harness asks for it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type * as Define from '../../../engine/registry/define.js';
import type * as Samples from '../../../engine/registry/samples.js';
import { ROOT } from '../../support/root.js';

const calls = vi.hoisted(() => ({ tests: 0, t: 0, call: 0 }));

vi.mock('../../../engine/registry/define.js', async (original) => {
  const real = await original<typeof Define>();
  const counted = <D extends { tests?: () => Define.OpTests }>(def: D): D => {
    const { tests } = def;
    if (tests === undefined) return def;
    const counting = (): Define.OpTests => {
      calls.tests++;
      return tests();
    };
    return { ...def, tests: counting };
  };
  return {
    ...real,
    defineOp: (def: Define.OpDef) => real.defineOp(counted(def)),
    definePointwise: (def: Parameters<typeof real.definePointwise>[0]) => real.definePointwise(counted(def)),
  };
});
vi.mock('../../../engine/registry/samples.js', async (original) => {
  const real = await original<typeof Samples>();
  const t: typeof real.t = (...args) => {
    calls.t++;
    return real.t(...args);
  };
  const call: typeof real.call = (...args) => {
    calls.call++;
    return real.call(...args);
  };
  return { ...real, t, call };
});

describe('test data of ops', () => {
  it('is built on demand, not by importing the engine', async () => {
    const { ops } = await import('../../../engine/index.js');
    expect(calls).toEqual({ tests: 0, t: 0, call: 0 });
    const declared = [...ops.values()].flatMap(({ def }) => (def.tests === undefined ? [] : [def.tests]));
    expect(declared.length).toBeGreaterThan(500);
    for (const tests of declared) tests();
    expect(calls.tests).toBe(declared.length);
    expect(Math.min(calls.t, calls.call)).toBeGreaterThan(declared.length);
  });

  it('is read by nothing in the engine', () => {
    const files = readdirSync(join(ROOT, 'engine'), { recursive: true, encoding: 'utf8' });
    const reading = files
      .map((path) => path.replaceAll('\\', '/'))
      .filter((path) => path.endsWith('.ts') && !path.startsWith('ops/') && path !== 'registry/samples.ts')
      .filter((path) => /\.tests\b/.test(readFileSync(join(ROOT, 'engine', path), 'utf8')));
    expect(reading).toEqual([]);
    expect(files.length).toBeGreaterThan(100);
  });
});
