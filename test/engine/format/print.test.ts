// Printing: every text that PyTorch recorded in fixtures/print (suites/reference/make_print.py), and the options.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Element, Printable, PrintOptions } from '../../../engine/format/print.js';
import { formatSize, formatTensor, getPrintOptions, setPrintOptions } from '../../../engine/format/print.js';
import { formatExponent, formatFixed } from '../../../engine/format/print-number.js';
import { ROOT } from '../../support/root.js';

interface RecordedOptions {
  readonly precision?: number;
  readonly threshold?: number | 'inf';
  readonly edgeitems?: number;
  readonly linewidth?: number;
  readonly profile?: 'default' | 'short' | 'full';
  readonly sci_mode?: boolean | null;
}
interface Recorded {
  readonly id: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly (number | string | boolean)[];
  readonly requiresGrad: boolean;
  readonly gradFn?: string;
  readonly device?: string;
  readonly options?: RecordedOptions;
  readonly text: string;
}

const file = join(ROOT, 'fixtures', 'print', 'print.json');
const cases = JSON.parse(readFileSync(file, 'utf8')) as Recorded[];

function toNumber(value: number | string | boolean): number {
  if (value === 'inf') return Number.POSITIVE_INFINITY;
  return value === '-inf' ? Number.NEGATIVE_INFINITY : Number(value);
}

function element(recorded: Recorded, k: number): Element {
  const value = recorded.values[k]!;
  if (recorded.dtype.startsWith('complex')) {
    return [toNumber(recorded.values[2 * k]!), toNumber(recorded.values[2 * k + 1]!)];
  }
  if (recorded.dtype === 'bool') return value === true;
  return recorded.dtype === 'int64' ? BigInt(value) : toNumber(value);
}

function printable(recorded: Recorded): Printable {
  const at = (index: readonly number[]): Element => {
    expect(index).toHaveLength(recorded.shape.length);
    const k = index.reduce((sum, i, d) => sum * recorded.shape[d]! + i, 0);
    return element(recorded, k);
  };
  const { shape, dtype, requiresGrad, gradFn, device } = recorded;
  return { shape, dtype, at, requiresGrad, gradFn, device };
}

function vector(values: readonly number[], dtype = 'float32'): Printable {
  return { shape: [values.length], dtype, at: ([i]) => values[i!]!, requiresGrad: false };
}

function toOptions(recorded: RecordedOptions): PrintOptions {
  const { sci_mode, threshold, ...rest } = recorded;
  return {
    ...rest,
    sciMode: sci_mode,
    threshold: threshold === 'inf' ? Number.POSITIVE_INFINITY : threshold,
  };
}

afterEach(() => setPrintOptions({ profile: 'default' }));

describe('what PyTorch printed', () => {
  it('is recorded in plenty', () => {
    expect(cases.length).toBeGreaterThan(200);
  });
  it.each(cases.map((recorded) => [recorded.id, recorded] as const))('%s', (_, recorded) => {
    if (recorded.options) setPrintOptions(toOptions(recorded.options));
    expect(formatTensor(printable(recorded))).toBe(recorded.text);
  });
});

describe('reading', () => {
  it('touches only the elements it shows', () => {
    const seen: number[] = [];
    const at = ([i]: readonly number[]): number => seen.push(i!) && i!;
    formatTensor({ shape: [1e9], dtype: 'float32', at, requiresGrad: false });
    expect(seen).toEqual([0, 1, 2, 1e9 - 3, 1e9 - 2, 1e9 - 1]);
  });
  it('refuses an element of the wrong kind', () => {
    const t = { shape: [], requiresGrad: false } as const;
    expect(() => formatTensor({ ...t, dtype: 'float32', at: () => [1, 2] })).toThrow(
      'required a real element',
    );
    expect(() => formatTensor({ ...t, dtype: 'complex64', at: () => 1 })).toThrow(
      'required a complex element',
    );
  });
});

describe('the default dtype', () => {
  it('goes unsaid, and its complex partner too', () => {
    expect(formatTensor(vector([1], 'float64'), 'float64')).toBe('tensor([1.])');
    expect(formatTensor(vector([1]), 'float64')).toBe('tensor([1.], dtype=torch.float32)');
    const one: Printable = { shape: [], dtype: 'complex128', at: () => [1, 0], requiresGrad: false };
    expect(formatTensor(one, 'float64')).toBe('tensor(1.+0.j)');
  });
});

describe('setPrintOptions', () => {
  it('keeps what is left out, except sciMode', () => {
    setPrintOptions({ precision: 2, sciMode: true });
    setPrintOptions({ linewidth: 40 });
    expect(getPrintOptions()).toEqual({
      precision: 2,
      threshold: 1000,
      edgeitems: 3,
      linewidth: 40,
      sciMode: null,
    });
  });
  it('takes back what getPrintOptions gave', () => {
    setPrintOptions({ precision: 2, sciMode: false });
    const saved = getPrintOptions();
    setPrintOptions({ profile: 'full' });
    setPrintOptions(saved);
    expect(getPrintOptions()).toEqual(saved);
  });
  const impossible: readonly (readonly [string, object])[] = [
    ['precision', { precision: 101 }],
    ['precision', { precision: 1.5 }],
    ['edgeitems', { edgeitems: -1 }],
    ['linewidth', { linewidth: Number.NaN }],
    ['threshold', { threshold: Number.NaN }],
    ['profile', { profile: 'toString' }],
  ];
  it.each(impossible)('refuses an impossible %s and changes nothing: %j', (name, options) => {
    const before = getPrintOptions();
    expect(() => setPrintOptions(options)).toThrow(name);
    expect(getPrintOptions()).toEqual(before);
  });
});

describe('numbers', () => {
  it('rounds halves to even, as Python does', () => {
    expect([0.5, 1.5, 2.5, -3.5].map((x) => formatFixed(x, 0))).toEqual(['0', '2', '2', '-4']);
    expect([0.03125, 0.09375].map((x) => formatFixed(x, 4))).toEqual(['0.0312', '0.0938']);
    expect([9.5, 8.5, 85, 95].map((x) => formatExponent(x, 0))).toEqual(['1e+01', '8e+00', '8e+01', '1e+02']);
  });
});

it('formatSize', () => {
  expect(formatSize([3, 2])).toBe('torch.Size([3, 2])');
  expect(formatSize([])).toBe('torch.Size([])');
});
