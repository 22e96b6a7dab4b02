// Garbage collection on runtimes that have no `gc` to offer: memory must go on, and errors stay typed.
import { afterEach, describe, expect, it, vi } from 'vitest';

/** The storages of an engine whose runtime lacks what these replacements break. */
async function storagesWithout(what: 'gc' | 'flags' | 'contexts') {
  vi.resetModules();
  vi.doMock('node:v8', async (original) => ({
    ...(await original<typeof import('node:v8')>()),
    setFlagsFromString: what === 'flags' ? undefined : () => {},
  }));
  vi.doMock('node:vm', async (original) => ({
    ...(await original<typeof import('node:vm')>()),
    runInNewContext: (code: string) => {
      if (what === 'contexts') throw new TypeError('not implemented');
      throw new ReferenceError(`${code} is not defined`);
    },
  }));
  return import('../../../engine/core/storage.js');
}

describe('without a collector', () => {
  const { gc, Bun } = globalThis as { gc?: unknown; Bun?: unknown };
  afterEach(() => {
    vi.doUnmock('node:v8');
    vi.doUnmock('node:vm');
    Object.assign(globalThis, { gc, Bun });
  });

  it.each(['gc', 'flags', 'contexts'] as const)('memory goes on where %s is missing', async (what) => {
    Object.assign(globalThis, { gc: undefined, Bun: undefined });
    const { allocate, collectGarbage, emptyCache } = await storagesWithout(what);
    expect(() => collectGarbage('minor')).not.toThrow();
    expect(() => collectGarbage('major')).not.toThrow();
    for (let i = 0; i < 8; i++) expect(allocate(8 << 20).start).toBeGreaterThan(0);
    expect(() => emptyCache()).not.toThrow();
  });

  it('Bun’s own is used', async () => {
    const asked: boolean[] = [];
    Object.assign(globalThis, { gc: undefined, Bun: { gc: (force: boolean) => asked.push(force) } });
    const { collectGarbage } = await storagesWithout('gc');
    collectGarbage('major');
    expect(asked).toEqual([true]);
  });
});
