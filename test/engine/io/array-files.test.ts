// .npy and .npz files of tensors: round trips by ranges, members refused alone, and old files that survive a failed save.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { range, saveFile } from '../../../engine/io/_file.js';
import { zip64 } from '../../../engine/io/_zip-writer.js';
import { type NpySource, parseNpy, serializeNpy } from '../../../engine/io/npy.js';
import { parseNpz, serializeNpz } from '../../../engine/io/npz.js';
import { below, generator } from '../../support/random.js';

const { loadNpy, loadNpz, NpyError, RuntimeError, saveNpy, saveNpz } = torch;
const folder = mkdtempSync(join(tmpdir(), 'torchstone-arrays-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const usual = { bytes: range.bytes, from: zip64.from, entries: zip64.entries };
afterEach(() => {
  range.bytes = usual.bytes;
  zip64.from = usual.from;
  zip64.entries = usual.entries;
});
const at = (name: string): string => join(folder, name);

/** One tensor of each dtype, whose bytes are all different. */
const SAMPLES = samples();
function samples(): [string, torch.Tensor][] {
  const base = torch.arange(-6, 6).reshape(3, 4);
  const names = [
    'uint8',
    'int8',
    'int16',
    'int32',
    'int64',
    'float16',
    'bfloat16',
    'float32',
    'float64',
  ] as const;
  const complex = (['complex64', 'complex128'] as const).map(
    (name) => [name, torch.complex(base.to('float64'), base.to('float64').mul(0.37)).to(name)] as const,
  );
  return [
    ['bool', base.remainder(2).to('bool')],
    ...names.map((name) => [name, base.mul(21).to(name)] as [string, torch.Tensor]),
    ...complex.map(([name, x]) => [name, x] as [string, torch.Tensor]),
  ];
}

describe('npy files of tensors', () => {
  it.each(SAMPLES)('%s comes back, whole and in small ranges, in any order of memory', (name, x) => {
    for (const bytes of [usual.bytes, 16, 48]) {
      range.bytes = bytes;
      for (const y of [x, x.t(), x.at('1:', '::2'), x.at(0, 0), x.at(':0')]) {
        saveNpy(at('x.npy'), y);
        const back = loadNpy(at('x.npy'));
        expect(back.dtype.name).toBe(name);
        expect(back.shape).toEqual(y.shape);
        expect(back.tolist()).toEqual(y.tolist());
      }
    }
    saveNpy(at('x.npy'), x);
    const { data, shape, dtype } = x.numpy();
    expect(new Uint8Array(readFileSync(at('x.npy')))).toEqual(
      serializeNpy({ data, shape, dtype } as unknown as NpySource),
    );
  });

  it('reads big-endian and column-major files in ranges', () => {
    range.bytes = 16;
    const head = (descr: string, order: string): Buffer => {
      const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (2, 3), }\n`;
      return Buffer.concat([
        Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length, 0]),
        Buffer.from(text),
      ]);
    };
    const values = Buffer.alloc(48);
    for (let i = 0; i < 6; i++) values.writeDoubleBE(i, 8 * i);
    writeFileSync(at('be.npy'), Buffer.concat([head('>f8', 'False'), values]));
    expect(loadNpy(at('be.npy')).tolist()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    writeFileSync(at('fortran.npy'), Buffer.concat([head('>f8', 'True'), values]));
    expect(loadNpy(at('fortran.npy')).tolist()).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
    expect(loadNpy(at('fortran.npy')).isContiguous()).toBe(true);
    writeFileSync(at('bool.npy'), Buffer.concat([head('|b1', 'False'), Buffer.from([1, 0, 1, 0, 0, 2])]));
    expect(() => loadNpy(at('bool.npy'))).toThrow('required bool bytes 0 or 1, got 2 at element 5');
  });

  it('takes paths and file URLs, and says what is none', () => {
    const x = torch.ones([2]);
    const url = pathToFileURL(at('url.npy'));
    saveNpy(url, x);
    expect(loadNpy(url).tolist()).toEqual([1, 1]);
    expect(() => loadNpy(3 as never)).toThrow('loadNpy: required a path, got 3');
    expect(() => loadNpy('')).toThrow('required a path, got ""');
    expect(() => loadNpy('a\0b')).toThrow(torch.ValueError);
    expect(() => loadNpy(new URL('https://x.org/a'))).toThrow('required a file: URL');
    expect(() => loadNpy(folder)).toThrow('required a regular file, got a directory');
    expect(() => loadNpy(at('absent.npy'))).toThrow('ENOENT');
    if (process.platform === 'linux') {
      execFileSync('mkfifo', [at('pipe')]);
      expect(() => loadNpy(at('pipe'))).toThrow('required a regular file, got a device or pipe');
    }
  });

  it('refuses what is no tensor, and tensors without data', () => {
    expect(() => saveNpy(at('x.npy'), [1, 2] as never)).toThrow(torch.ArgumentError);
    expect(() => saveNpy(at('x.npy'), [1, 2] as never)).toThrow(
      'saveNpy: required a Tensor, got an array of 2. Make one with tensor(…)',
    );
    expect(() => saveNpy(at('x.npy'), undefined as never)).toThrow('got undefined');
    expect(() => saveNpy(at('x.npy'), torch.ones([2], { device: 'meta' }))).toThrow('one on meta');
    const gone = torch.ones([4000]);
    gone.dispose();
    expect(() => saveNpy(at('x.npy'), gone)).toThrow('disposed');
  });

  it('leaves dispose() able to give the memory back', () => {
    const live = (): number => torch.memoryStats().liveBytes;
    torch.emptyCache();
    const before = live();
    const x = torch.ones([100_000]);
    saveNpy(at('big.npy'), x);
    const back = loadNpy(at('big.npy'));
    expect(live() - before).toBeGreaterThanOrEqual(800_000);
    x.dispose();
    back.dispose();
    expect(live()).toBe(before);
    expect(() => x.storage.window(0, 4)).toThrow('disposed');
  });

  it('reads |V2 as bfloat16 where that is said, and else says how', () => {
    const x = torch.tensor([1.5, -2, 0.25], { dtype: 'bfloat16' });
    saveNpy(at('b.npy'), x);
    const bytes = readFileSync(at('b.npy'));
    bytes.write('|', bytes.indexOf('<V2'));
    writeFileSync(at('v.npy'), bytes);
    expect(() => loadNpy(at('v.npy'))).toThrow(
      "got '|V2'. If they are bfloat16, read them with { dtype: 'bfloat16' }",
    );
    expect(loadNpy(at('v.npy'), { dtype: 'bfloat16' }).tolist()).toEqual([1.5, -2, 0.25]);
    expect(loadNpy(at('v.npy'), { dtype: torch.bfloat16 }).dtype).toBe(torch.bfloat16);
    expect(() => loadNpy(at('v.npy'), { dtype: 'float16' as never })).toThrow(
      "required dtype 'bfloat16', got 'float16'",
    );
    expect(() => loadNpy(at('v.npy'), { type: 1 } as never)).toThrow("got 'type'");
    // A file that names its dtype keeps it.
    saveNpy(at('f.npy'), torch.ones([2]));
    expect(loadNpy(at('f.npy'), { dtype: 'bfloat16' }).dtype).toBe(torch.float32);
  });

  it('is refused for a dtype that tensors lack, with a hint', () => {
    writeFileSync(at('u.npy'), serializeNpy({ data: Uint16Array.of(1, 2), shape: [2], dtype: 'uint16' }));
    expect(() => loadNpy(at('u.npy'))).toThrow(NpyError);
    expect(() => loadNpy(at('u.npy'))).toThrow("got uint16. Convert it in NumPy: a.astype('int32')");
  });
});

describe('a save that fails', () => {
  const old = (name: string): Buffer => {
    writeFileSync(at(name), 'old');
    return readFileSync(at(name));
  };
  const left = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.tmp'));

  it('leaves the old file, also while it writes, and nothing beside it', () => {
    const before = old('kept');
    const fail = (): void =>
      saveFile('save', at('kept'), (out) => {
        out.write(Buffer.from('new, but only half'));
        expect(left()).toHaveLength(1);
        expect(readFileSync(at('kept'))).toEqual(before);
        throw new RuntimeError('no space left');
      });
    expect(fail).toThrow('no space left');
    expect(readFileSync(at('kept'))).toEqual(before);
    expect(left()).toEqual([]);
  });

  it('leaves the old file where a tensor cannot be written', () => {
    const before = old('kept.npz');
    const bad = { a: torch.ones([2]), b: torch.ones([2], { device: 'meta' }) };
    expect(() => saveNpz(at('kept.npz'), bad)).toThrow("a Tensor for 'b'");
    expect(readFileSync(at('kept.npz'))).toEqual(before);
    expect(left()).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('names a full device, and writes to devices directly', () => {
    expect(() => saveNpy('/dev/full', torch.ones([2]))).toThrow('ENOSPC');
    expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
    expect(() => saveNpy(at(''), torch.ones([2]))).toThrow('required a file, got a directory');
    expect(() => saveNpy(at('absent/x.npy'), torch.ones([2]))).toThrow('ENOENT');
  });

  it('is otherwise one that keeps the mode and the link', () => {
    mkdirSync(at('real'));
    old('real/x.npy');
    chmodSync(at('real/x.npy'), 0o640);
    symlinkSync(at('real/x.npy'), at('link.npy'));
    saveNpy(at('link.npy'), torch.ones([2]));
    expect(lstatSync(at('link.npy')).isSymbolicLink()).toBe(true);
    expect(statSync(at('real/x.npy')).mode & 0o777).toBe(0o640);
    expect(loadNpy(at('real/x.npy')).tolist()).toEqual([1, 1]);
  });
});

describe('npz files of tensors', () => {
  it('come back, by name and in order, as Map and as object', () => {
    const given = new Map(SAMPLES);
    for (const tensors of [given, Object.fromEntries(given)]) {
      saveNpz(at('x.npz'), tensors);
      using back = loadNpz(at('x.npz'));
      expect([...back.keys()]).toEqual([...given.keys()]);
      expect(back.size).toBe(given.size);
      expect(back.has('bool')).toBe(true);
      expect(back.get('absent')).toBeUndefined();
      back.forEach((x, name, map) => {
        expect(map).toBe(back);
        expect([x.dtype.name, x.tolist()]).toEqual([name, given.get(name)!.tolist()]);
        expect(back.get(name) === x).toBe(true);
      });
    }
    saveNpz(at('again.npz'), loadNpz(at('x.npz')));
    expect(readFileSync(at('again.npz'))).toEqual(readFileSync(at('x.npz')));
    expect([...parseNpz(readFileSync(at('x.npz'))).keys()]).toEqual([...given.keys()]);
    expect(() => saveNpz(at('x.npz'), [torch.ones([1])] as never)).toThrow('a Map or an object of tensors');
    expect(() => saveNpz(at('x.npz'), new Map([[1, torch.ones([1])]]) as never)).toThrow(
      'names that are strings',
    );
    expect(() => saveNpz(at('x.npz'), { '\ud800': torch.ones([1]) })).toThrow('well-formed');
    expect(() => saveNpz(at('x.npz'), { ['x'.repeat(70_000)]: torch.ones([1]) })).toThrow(
      'at most 65535 bytes',
    );
  });

  it('come back with ZIP64 fields, in small ranges', () => {
    range.bytes = 16;
    zip64.from = 100;
    zip64.entries = 2;
    saveNpz(at('large.npz'), { a: torch.arange(40), ü: torch.ones([3]) });
    const bytes = readFileSync(at('large.npz'));
    expect(bytes.includes(Buffer.from('PK\x06\x06'))).toBe(true);
    using back = loadNpz(at('large.npz'));
    expect(back.get('a')!.tolist()).toEqual([...Array(40).keys()]);
    expect(back.get('ü')!.tolist()).toEqual([1, 1, 1]);
    expect([...parseNpz(bytes).keys()]).toEqual(['a', 'ü']);
  });

  it('refuse one member alone', () => {
    const f: NpySource = { data: Float32Array.of(1, 2), shape: [2], dtype: 'float32' };
    const u: NpySource = { data: Uint16Array.of(1, 2), shape: [2], dtype: 'uint16' };
    for (const compress of [false, true]) {
      const bytes = serializeNpz(
        new Map([
          ['a', f],
          ['u', u],
          ['broken', f],
        ]),
        { compress },
      );
      bytes[bytes.length - 22 - 3 * 46 - 25]! ^= 1;
      writeFileSync(at('mixed.npz'), bytes);
      using back = loadNpz(at('mixed.npz'));
      expect(back.get('a')!.tolist()).toEqual([1, 2]);
      expect([...back.keys()]).toEqual(['a', 'u', 'broken']);
      expect(() => back.get('u')).toThrow(NpyError);
      expect(() => back.get('u')).toThrow(
        'mixed.npz/u.npy: required a dtype that tensors have, got uint16. Convert',
      );
      expect(() => back.get('broken')).toThrow(NpyError);
    }
  });

  it('name an entry that is no array, and read the others', () => {
    saveNpz(at('odd.npz'), { a: torch.ones([1]), bb: torch.ones([2]) });
    const bytes = readFileSync(at('odd.npz'));
    for (let i = bytes.indexOf('bb.npy'); i >= 0; i = bytes.indexOf('bb.npy', i + 1))
      bytes.write('bb.txt', i);
    writeFileSync(at('odd.npz'), bytes);
    const back = loadNpz(at('odd.npz'));
    expect(back.get('a')!.tolist()).toEqual([1]);
    expect(() => back.get('bb.txt')).toThrow('required entries named *.npy, got "bb.txt"');
    back.close();
  });

  it('close at the end of a block, and when all is read', () => {
    saveNpz(at('two.npz'), { a: torch.ones([1]), b: torch.ones([2]) });
    const back = loadNpz(at('two.npz'));
    expect(back.get('a')!.tolist()).toEqual([1]);
    back.close();
    back.close();
    expect(back.get('a')!.tolist()).toEqual([1]);
    expect(() => back.get('b')).toThrow('required an open file, got one that was closed');
    const open = (): number => readdirSync('/proc/self/fd').length;
    if (!existsSync('/proc/self/fd')) return;
    const before = open();
    const all = [...Array(20)].map(() => loadNpz(at('two.npz')));
    expect(open()).toBe(before + 20);
    for (const one of all) expect([...one.values()]).toHaveLength(2);
    expect(open()).toBe(before);
    writeFileSync(at('bad.npz'), 'nothing');
    for (let i = 0; i < 20; i++) expect(() => loadNpz(at('bad.npz'))).toThrow('a ZIP archive');
    expect(open()).toBe(before);
  });

  it('take the dtype of raw members', () => {
    saveNpz(at('raw.npz'), { b: torch.tensor([1.5], { dtype: 'bfloat16' }), f: torch.ones([1]) });
    const bytes = readFileSync(at('raw.npz'));
    bytes.write('|', bytes.indexOf('<V2'));
    const known = parseNpz(readFileSync(at('raw.npz')));
    expect(known.get('b')!.dtype).toBe('bfloat16');
    writeFileSync(at('raw.npz'), bytes);
    using back = loadNpz(at('raw.npz'), { dtype: 'bfloat16' });
    expect(() => back.get('b')).toThrow('CRC');
    expect(back.get('f')!.dtype).toBe(torch.float32);
  });
});

describe('damage of any kind', () => {
  it('is typed, and never a wrong array', () => {
    saveNpz(at('fuzz.npz'), { a: torch.arange(5), b: torch.ones([2, 2]), c: torch.tensor([true, false]) });
    const stored = readFileSync(at('fuzz.npz'));
    const deflated = Buffer.from(serializeNpz(parseNpz(stored), { compress: true }));
    const numbers = generator(7);
    const random = (n: number): number => below(numbers, n);
    let refused = 0;
    for (let round = 0; round < 600; round++) {
      const bytes = Buffer.from(round % 2 ? stored : deflated);
      for (let k = random(3); k >= 0; k--) bytes[random(bytes.length)] = random(256);
      writeFileSync(
        at('fuzzed.npz'),
        bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length),
      );
      try {
        using back = loadNpz(at('fuzzed.npz'));
        for (const [, x] of back) expect(x.tolist()).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(torch.TorchstoneError);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(200);
  });
});

it('a file that the bytes reader reads is the one that the file reader reads', () => {
  for (const [, x] of SAMPLES) {
    saveNpy(at('same.npy'), x);
    const { data, shape } = parseNpy(readFileSync(at('same.npy')));
    const back = loadNpy(at('same.npy')).numpy();
    expect([...(back.data as Iterable<unknown>)]).toEqual([...(data as Iterable<unknown>)]);
    expect(back.shape).toEqual(shape);
  }
});
