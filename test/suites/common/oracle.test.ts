// The fixture writer in Python: fills, layouts, determinism, refusals, drift. Skipped without an oracle, since the
// fixtures are committed.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openNpz } from '../../../engine/io/npz.js';
import { openFixtures } from '../../../suites/common/fixtures.js';
import { packageRoot } from '../../../suites/runner/machine.js';
import { findReferences } from '../../../suites/runner/references.js';

const { python, references } = await findReferences();
const reason = references.torch.missing ?? references.numpy.missing;
const folder = mkdtempSync(join(tmpdir(), 'torchstone-oracle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = (name: string) => join(packageRoot(), 'suites', 'reference', name);
const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };

type Tensor = Record<string, unknown>;
const clone = (name: string, tensor: Tensor) => ({
  id: `clone/${name}`,
  op: 'clone',
  torch: 'torch.clone',
  variant: 'function',
  args: [{ tensor }],
  kwargs: {},
  checkGrad: false,
});

/** Writes fixtures for the cases; returns the folder, the exit code and what was refused. */
function write(name: string, cases: unknown[]): { out: string; status: number | null; stderr: string } {
  const file = join(folder, `${name}.json`);
  const out = join(folder, name);
  writeFileSync(file, JSON.stringify(cases));
  const { status, stderr } = spawnSync(python!, [script('make_fixtures.py'), file, out], {
    encoding: 'utf8',
    env,
  });
  return { out, status, stderr };
}

const arraysOf = (out: string, op = 'clone') => openNpz(readFileSync(join(out, 'ops', `${op}.npz`)));
const casesOf = (out: string, op: string) =>
  JSON.parse(readFileSync(join(out, 'ops', `${op}.json`), 'utf8')) as Record<string, never>[];

describe.skipIf(reason !== undefined)(
  `the fixture writer${reason ? ` (skipped: ${reason})` : ''}`,
  { timeout: 60_000 },
  () => {
    const fills = [
      'normal',
      'uniform',
      'positive',
      'unit',
      'probability',
      'above1',
      'large',
      'special',
      'distinct',
    ];
    const more = ['ties', 'nonzero', 'zeros', 'ones', 'arange', { low: 3, high: 5 }];
    const layouts = ['contiguous', 'transposed', 'strided', 'offset', 'expanded'];
    const cases = [
      ...fills.map((fill) => clone(`${fill}`, { shape: [10, 20], fill })),
      ...more.map((fill) => clone(typeof fill === 'string' ? fill : 'whole', { shape: [10, 20], fill })),
      ...layouts.map((layout) => clone(layout, { shape: [3, 5], fill: 'arange', layout })),
      clone('literal', { shape: [2, 3], fill: { values: [1, 'nan', 'inf', '-inf', '-0', 2] } }),
      clone('whole-special', { shape: [6], fill: 'special', dtype: 'int8' }),
    ];
    const first = reason === undefined ? write('first', cases) : undefined;
    const data = (name: string, role = 'out0') =>
      Array.from(arraysOf(first!.out).read(`clone/${name}/${role}`).data as Float32Array);

    it('draws every fill from its range', () => {
      expect(first?.status, first?.stderr).toBe(0);
      const within = (name: string, low: number, high: number) => {
        const values = data(name);
        expect(
          values.every((x) => x >= low && x <= high),
          name,
        ).toBe(true);
        // The range is used, not only kept.
        expect(Math.max(...values) - Math.min(...values), name).toBeGreaterThan(0.9 * (high - low) - 1e-6);
      };
      within('uniform', -2, 2);
      within('positive', 0.1, 3);
      within('unit', -0.95, 0.95);
      within('probability', 0.05, 0.95);
      within('above1', 1.05, 4);
      within('large', -50, 50);
      within('ties', -2, 2);
      within('whole', 3, 4);
      const mean = data('normal').reduce((sum, x) => sum + x, 0) / 200;
      expect(Math.abs(mean)).toBeLessThan(0.3);
      expect(data('nonzero').every((x) => Math.abs(x) >= 0.2 && Math.abs(x) < 2)).toBe(true);
      expect(data('arange').slice(0, 4)).toEqual([0, 1, 2, 3]);
    });

    it('draws distinct values with gaps, none of them zero', () => {
      const sorted = data('distinct').sort((a, b) => a - b);
      const gaps = sorted.slice(1).map((x, i) => x - sorted[i]!);
      expect(Math.min(...gaps)).toBeGreaterThan(0.0499);
      expect(sorted.includes(0)).toBe(false);
      expect(data('distinct')).not.toEqual(sorted);
    });

    it('cycles through special values', () => {
      const values = data('special');
      const has = (test: (x: number) => boolean) => expect(values.some(test)).toBe(true);
      has(Number.isNaN);
      has((x) => x === Number.POSITIVE_INFINITY);
      has((x) => x === Number.NEGATIVE_INFINITY);
      has((x) => Object.is(x, -0));
      has((x) => x !== 0 && Math.abs(x) < 1.2e-38);
      expect(data('whole-special')).toEqual([0, 1, -1, -128, 127, 7]);
      expect(data('literal')).toEqual([
        1,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        -0,
        2,
      ]);
    });

    it('lays every layout out as described, gaps poisoned', () => {
      const counting = Array.from({ length: 15 }, (_, i) => i);
      const input = (name: string) => {
        const found = casesOf(first!.out, 'clone').find((one) => one.id === `clone/${name}`)!;
        const [{ strides, offset }] = found.inputs as [{ strides: number[]; offset: number }];
        return { strides, offset, base: data(name, 'in0') };
      };
      for (const name of ['contiguous', 'transposed', 'strided', 'offset']) {
        const { strides, offset, base } = input(name);
        const seen = counting.map(
          (i) => base[offset + Math.floor(i / 5) * strides[0]! + (i % 5) * strides[1]!],
        );
        expect(seen, name).toEqual(counting);
        expect(data(name), name).toEqual(counting);
      }
      expect(input('transposed').strides).toEqual([1, 3]);
      expect(input('strided').strides).toEqual([10, 2]);
      expect(input('strided').base.filter(Number.isNaN).length).toBe(15);
      expect(input('offset').offset).toBe(3);
      expect(input('offset').base.slice(0, 3).every(Number.isNaN)).toBe(true);
      expect(input('expanded').strides).toEqual([0, 1]);
      expect(input('expanded').base).toEqual([0, 1, 2, 3, 4]);
    });

    it('writes the same bytes again', () => {
      const second = write('second', cases);
      for (const name of ['clone.npz', 'clone.json'])
        expect(
          readFileSync(join(second.out, 'ops', name)).equals(readFileSync(join(first!.out, 'ops', name))),
        ).toBe(true);
    });

    it('records gradients with a grad output that is not uniform, and tells none from zero', () => {
      const call = (id: string, torch: string, args: unknown[]) => ({
        id,
        op: 'g',
        torch,
        variant: 'function',
        args,
        kwargs: {},
        checkGrad: true,
      });
      const t = (shape: number[]) => ({ tensor: { shape } });
      const { out, status, stderr } = write('gradients', [
        call('g/mul', 'torch.mul', [t([2, 3]), t([2, 3])]),
        call('g/unused', 'torch.zeros_like', [t([3])]),
        call('g/zero', 'torch.sign', [t([3])]),
      ]);
      expect(status, stderr).toBe(0);
      const arrays = arraysOf(out, 'g');
      const read = (name: string) => Array.from(arrays.read(name).data as Float32Array);
      const gout = read('g/mul/gout0');
      expect(new Set(gout).size).toBe(6);
      const right = read('g/mul/in1');
      read('g/mul/gin0').forEach((x, i) => void expect(x).toBeCloseTo(gout[i]! * right[i]!, 5));
      const [mul, unused, zero] = ['g/mul', 'g/unused', 'g/zero'].map(
        (id) => casesOf(out, 'g').find((one) => one.id === id)!,
      );
      expect(mul!.gradients).toEqual([true, true]);
      expect(unused!.gradients).toEqual([false]);
      expect(arrays.has('g/unused/gin0')).toBe(false);
      expect(zero!.gradients).toEqual([true]);
      expect(read('g/zero/gin0')).toEqual([0, 0, 0]);
    });

    it('refuses what cannot be trusted, and says why', () => {
      const t = { tensor: { shape: [7] } };
      const base = { op: 'r', variant: 'function', kwargs: {}, checkGrad: false };
      const { out, status, stderr } = write('refused', [
        { ...base, id: 'r/disagree', torch: 'torch.fmod', numpy: 'numpy.mod', args: [t, 2] },
        {
          ...base,
          id: 'r/excused',
          torch: 'torch.fmod',
          numpy: 'numpy.mod',
          args: [t, 2],
          numpyDiffers: 'sign of the divisor',
        },
        { ...base, id: 'r/raises', torch: 'torch.reshape', args: [t, [2, 2]] },
        { ...base, id: 'r/accepted', torch: 'torch.exp', args: [t], error: 'RuntimeError' },
        { ...base, id: 'r/other-class', torch: 'torch.reshape', args: [t, [2, 2]], error: 'IndexError' },
        { ...base, id: 'r/error', torch: 'torch.reshape', args: [t, [2, 2]], error: 'RuntimeError' },
        { ...base, id: 'r/error', torch: 'torch.exp', args: [t] },
      ]);
      expect(status).toBe(3);
      expect(stderr).toMatch(/refused r\/disagree: NumPy and PyTorch disagree: \d of 7 differ/);
      expect(stderr).toMatch(/refused r\/raises: PyTorch raised RuntimeError: shape '\[2, 2\]' is invalid/);
      expect(stderr).toMatch(/refused r\/accepted: PyTorch accepts it/);
      expect(stderr).toMatch(
        /refused r\/other-class: PyTorch raised RuntimeError, the case expects IndexError/,
      );
      expect(stderr).toMatch(/refused r\/error: two cases have this id/);
      expect(casesOf(out, 'r').map((one) => one.id)).toEqual(['r/error', 'r/excused']);
      expect(casesOf(out, 'r')[0]!.error).toMatchObject({ class: 'RuntimeError' });
    });

    it('writes a manifest that opens, and sees drift in ULP', async () => {
      execFileSync(python!, [script('manifest.py'), first!.out], { env });
      const opened = await openFixtures(first!.out);
      expect(opened.ops).toEqual(['clone']);
      expect(opened.casesOf('clone')).toHaveLength(cases.length);
      const drift = (a: string, b: string) =>
        spawnSync(python!, [script('drift.py'), a, b], { encoding: 'utf8', env });
      expect(drift(first!.out, join(folder, 'second')).status, 'the same tree, but for the manifest').toBe(1);
      execFileSync(python!, [script('manifest.py'), join(folder, 'second')], { env });
      expect(drift(first!.out, join(folder, 'second'))).toMatchObject({ status: 0, stdout: 'no drift\n' });
      const nudge = `
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
import npz, pathlib
path = pathlib.Path(sys.argv[2])
arrays = dict(np.load(path))
one = arrays["clone/uniform/out0"]
one.flat[3] = np.nextafter(np.nextafter(one.flat[3], np.float32(9)), np.float32(9))
npz.write_npz(path, arrays)`;
      const path = join(folder, 'second', 'ops', 'clone.npz');
      execFileSync(python!, ['-c', nudge, join(packageRoot(), 'suites', 'reference'), path], { env });
      const found = drift(first!.out, join(folder, 'second'));
      expect(found.status).toBe(1);
      expect(found.stdout).toContain(
        'ops/clone.npz: clone/uniform/out0: 1 of 200 elements differ, at most 2 ULP',
      );
      await expect(openFixtures(join(folder, 'second'))).rejects.toThrow(/clone\.npz/);
    });
  },
);
