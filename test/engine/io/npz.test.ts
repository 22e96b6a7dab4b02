// .npz: archives that NumPy wrote, round trips, and every way an archive can be wrong. The base64 texts are NumPy
// 2.4.6's; broken archives are made byte by byte.
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { NpySource } from '../../../engine/io/npy.js';
import { NpyError, serializeNpy } from '../../../engine/io/npy.js';
import { openNpz, parseNpz, serializeNpz } from '../../../engine/io/npz.js';

const STORED =
  'UEsDBC0AAAAAAAAAIQBP6QAq//////////8FABQAdy5ucHkBABAAmAAAAAAAAACYAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAUEsDBC0AAAAAAAAAIQAM/Bzp//////////8KABQAZGVlcC9iLm5weQEAEACQAAAAAAAAAJAAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAAAAAAAAIAAAAAAAAAUEsDBC0AAAgAAAAAIQCCLfjT//////////8GABQAw7wubnB5AQAQAIEAAAAAAAAAgQAAAAAAAACTTlVNUFkBAHYAeydkZXNjcic6ICd8YjEnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgFQSwECLQMtAAAAAAAAACEAT+kAKpgAAACYAAAABQAAAAAAAAAAAAAAgAEAAAAAdy5ucHlQSwECLQMtAAAAAAAAACEADPwc6ZAAAACQAAAACgAAAAAAAAAAAAAAgAHPAAAAZGVlcC9iLm5weVBLAQItAy0AAAgAAAAAIQCCLfjTgQAAAIEAAAAGAAAAAAAAAAAAAACAAZsBAADDvC5ucHlQSwUGAAAAAAMAAwCfAAAAVAIAAAAA';
const DEFLATED =
  'UEsDBC0AAAAIAAAAIQBP6QAq//////////8FABQAdy5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAAz8HOn//////////woAFABkZWVwL2IubnB5AQAQAJAAAAAAAAAASgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuRgYIYILSAFBLAwQtAAAICAAAACEAgi340///////////BgAUAMO8Lm5weQEAEACBAAAAAAAAAEMAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgXpNkqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkamjoKtQoUAS5GAFBLAwQtAAAACAAAACEAaDFo1f//////////BQAUAHoubnB5AQAQACAQAAAAAAAAYgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqmBgY6mjoKtQpkAy6GUTAKRsEoGAWjYBSMglEwCkbBKBgFo2AUDDgAAFBLAQItAy0AAAAIAAAAIQBP6QAqVQAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB3Lm5weVBLAQItAy0AAAAIAAAAIQAM/BzpSgAAAJAAAAAKAAAAAAAAAAAAAACAAYwAAABkZWVwL2IubnB5UEsBAi0DLQAACAgAAAAhAIIt+NNDAAAAgQAAAAYAAAAAAAAAAAAAAIABEgEAAMO8Lm5weVBLAQItAy0AAAAIAAAAIQBoMWjVYgAAACAQAAAFAAAAAAAAAAAAAACAAY0BAAB6Lm5weVBLBQYAAAAABAAEANIAAAAmAgAAAAA=';

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

const SAMPLE = new Map<string, NpySource>([
  ['w', { data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3], dtype: 'float32' }],
  ['deep/b', { data: BigInt64Array.of(1n, 2n), shape: [2], dtype: 'int64' }],
  ['ü', { data: Uint8Array.of(1), shape: [], dtype: 'bool' }],
  ['z', { data: new Float64Array(500), shape: [500], dtype: 'float64' }],
]);

describe('npz', () => {
  it.each([
    ['np.savez', STORED, 3],
    ['np.savez_compressed', DEFLATED, 4],
  ] as const)('reads what %s wrote', (_, base64, count) => {
    const arrays = parseNpz(fromBase64(base64));
    expect([...arrays.keys()]).toEqual([...SAMPLE.keys()].slice(0, count));
    for (const [key, { data, shape, dtype }] of arrays)
      expect({ data, shape, dtype }).toEqual(SAMPLE.get(key));
  });
  it.each([false, true])('comes back, compressed: %s', (compress) => {
    const bytes = serializeNpz(SAMPLE, { compress });
    expect(serializeNpz(SAMPLE, { compress })).toEqual(bytes);
    expect(bytes.length < 2000).toBe(compress);
    const back = [...parseNpz(bytes)].map(([key, { data, shape, dtype }]) => [key, { data, shape, dtype }]);
    expect(new Map(back as [string, NpySource][])).toEqual(SAMPLE);
  });
  it('comes back empty, and with odd names', () => {
    expect(parseNpz(serializeNpz(new Map()))).toEqual(new Map());
    const one = SAMPLE.get('w')!;
    const names = ['', '0', '1', '__proto__', 'a.npy', '../up', 'b c'];
    const back = parseNpz(serializeNpz(new Map(names.map((key) => [key, one]))));
    expect([...back.keys()]).toEqual(names);
    expect(() => serializeNpz(new Map([['\ud800', one]]))).toThrow('well-formed');
    expect(() => serializeNpz(new Map([['x'.repeat(70_000), one]]))).toThrow('names of at most');
  });
  it('names the array that cannot be written', () => {
    const short: NpySource = { data: new Float32Array(1), shape: [2], dtype: 'float32' };
    expect(() => serializeNpz(new Map([['k', short]]))).toThrow(/^npz: k: npy: required 2 numbers/);
  });
  it('reads one array and leaves the others alone', () => {
    const bytes = serializeNpz(SAMPLE);
    const at = Buffer.from(bytes).indexOf('deep/b.npy');
    bytes[at + 'deep/b.npy'.length + 128] = 9;
    const npz = openNpz(bytes, 'm.npz');
    expect([npz.has('w'), npz.has('q'), npz.names.length]).toEqual([true, false, 4]);
    expect(npz.read('w').shape).toEqual([2, 3]);
    expect(() => npz.read('deep/b')).toThrow(/^npz: m\.npz\/deep\/b\.npy: required CRC .* damaged/);
    expect(() => npz.read('q')).toThrow('one of the arrays w, deep/b, ü, z, got "q"');
    expect(() => parseNpz(bytes)).toThrow('CRC');
  });
});

interface Part {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly size?: number;
  readonly localName?: string;
}

/** Fixed-size little-endian fields: [bytes, value] each. */
function record(...fields: readonly (readonly [2 | 4 | 8, number])[]): Buffer {
  return Buffer.concat(
    fields.map(([size, value]) => {
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(BigInt(value));
      return field.subarray(0, size);
    }),
  );
}

/** A ZIP archive in which every field may be a lie; with `large`, all its offsets stand in ZIP64 fields. */
function zip(parts: readonly Part[], large = false, start = 0, count = parts.length): Uint8Array {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const { name, data, method = 0, flags = 0x800, size, localName = name, crc } of parts) {
    const packed = method === 8 ? deflateRawSync(data) : Buffer.from(data);
    const sum = crc ?? crc32(data);
    const common = [
      [2, flags],
      [2, method],
      [4, 0],
      [4, sum],
    ] as const;
    const [raw, local] = [Buffer.from(name), Buffer.from(localName)];
    const sizes = [
      [4, packed.length],
      [4, size ?? data.length],
    ] as const;
    locals.push(
      record([4, 0x04034b50], [2, 45], ...common, ...sizes, [2, local.length], [2, 0]),
      local,
      packed,
    );
    const extra = large
      ? record([2, 1], [2, 24], [8, size ?? data.length], [8, packed.length], [8, offset])
      : record();
    const shown = large
      ? ([
          [4, 0xffffffff],
          [4, 0xffffffff],
        ] as const)
      : sizes;
    const place = [
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, large ? 0xffffffff : offset],
    ] as const;
    const head = [[4, 0x02014b50], [2, 45], [2, 45], ...common, ...shown, [2, raw.length]] as const;
    entries.push(record(...head, [2, extra.length], ...place), raw, extra);
    offset += 30 + local.length + packed.length;
  }
  const directory = Buffer.concat(entries);
  const [at, length] = [offset + start, directory.length];
  const end64 = [
    [4, 0x06064b50],
    [8, 44],
    [2, 45],
    [2, 45],
    [4, 0],
    [4, 0],
    [8, count],
    [8, count],
  ] as const;
  const locator = [
    [4, 0x07064b50],
    [4, 0],
    [8, offset + length],
    [4, 1],
  ] as const;
  const tail = large ? record(...end64, [8, length], [8, at], ...locator) : record();
  const [shownCount, shownAt] = large ? [0xffff, 0xffffffff] : [count, at];
  const end = [
    [4, 0x06054b50],
    [4, 0],
    [2, shownCount],
    [2, shownCount],
    [4, length],
    [4, shownAt],
    [2, 0],
  ] as const;
  return new Uint8Array(Buffer.concat([...locals, directory, tail, record(...end)]));
}

describe('archives', () => {
  const data = serializeNpy({ data: Float32Array.of(1, 2), shape: [2], dtype: 'float32' });
  const a: Part = { name: 'a.npy', data };
  const b: Part = { name: 'b.npy', data, method: 8 };
  const plain = zip([a, b]);
  const large = zip([a, b], true);

  it('are read with ZIP64 fields, and with a comment', () => {
    for (const bytes of [plain, large]) expect([...parseNpz(bytes).keys()]).toEqual(['a', 'b']);
    const remark = Buffer.from('PK\x05\x06 is no end');
    const commented = Buffer.concat([plain, remark]);
    commented.writeUInt16LE(remark.length, plain.length - 2);
    expect([...parseNpz(commented).keys()]).toEqual(['a', 'b']);
  });

  const shared = serializeNpz(new Map([['a', { data: Float32Array.of(1), shape: [1], dtype: 'float32' }]]));
  const broken: readonly (readonly [string, Uint8Array, string])[] = [
    ['nothing', new Uint8Array(0), 'a ZIP archive, got 0 bytes'],
    ['a .npy file', data, 'a ZIP archive'],
    ['cut off', plain.subarray(0, plain.length - 1), 'truncated?'],
    ['bytes behind it', new Uint8Array([...plain, 0]), 'a ZIP archive'],
    [
      'one part of several',
      plain.slice().fill(1, plain.length - 18, plain.length - 17),
      'one part, got parts 1',
    ],
    ['a directory elsewhere', zip([a, b], false, 7), 'a directory'],
    ['a directory beyond the end', zip([a, b], false, 1e6), 'a directory inside the file'],
    ['a ZIP64 directory beyond the end', zip([a, b], true, 1e9), 'offsets inside the file'],
    ['too few entries', zip([a, b], false, 0, 1), 'a directory of'],
    ['too many entries', zip([a, b], false, 0, 3), 'a directory entry, got none'],
    ['no ZIP64 locator', zip([a], false, 0, 0xffff), 'a ZIP64 locator, got none'],
    ['a name twice', zip([a, a]), 'each name once, got "a.npy" twice'],
    ['an entry that is no array', zip([{ name: 'a.txt', data }]), 'entries named *.npy, got "a.txt"'],
    ['an encrypted entry', zip([{ ...a, flags: 1 }]), 'without encryption'],
    ['a name in a code page', zip([{ name: 'ü.npy', data, flags: 0 }]), 'UTF-8 or ASCII'],
    ['another method', zip([{ ...a, method: 12 }]), 'a stored or deflated entry, got method 12'],
    [
      'another name in the local header',
      zip([{ ...a, localName: 'c.npy' }]),
      'the same name in both headers',
    ],
    ['a wrong CRC', zip([{ ...b, crc: 1 }]), 'required CRC 1, got'],
    ['stored: a wrong size', zip([{ ...a, size: 5 }]), 'required 5 bytes'],
    ['deflated: longer than it says', zip([{ ...b, size: data.length - 1 }]), 'bytes, got more'],
    ['deflated: shorter than it says', zip([{ ...b, size: data.length + 1 }]), `got ${data.length}`],
    [
      'deflated: a claim of 4 GB',
      zip([{ ...b, size: 4e9 }]),
      'a size that deflate can reach, got 4000000000',
    ],
    ['deflated: damaged', zip([b]).fill(0xff, 35, 60), 'required'],
    ['overlapping entries', overlapping(zip([a, a])), 'entries that do not overlap'],
    ['no array inside', zip([{ name: 'a.npy', data: new Uint8Array(20) }]), "magic string '\\x93NUMPY'"],
    ['a local header past the end', plain.slice().fill(255, 28, 30), 'required'],
    [
      'a directory entry past the end',
      patch(plain, 'PK\x01\x02', 28, 0xffff),
      'entries inside the directory',
    ],
    ['a directory cut off', patch(plain, 'PK\x05\x06', 12, 92), 'a directory entry, got none'],
    ['a ZIP64 record past the end', patch(large, 'PK\x06\x07', 8, large.length - 1), 'a ZIP64 end record'],
    ['a ZIP64 field cut off', patch(large, '\x01\x00\x18\x00', 2, 16), 'a complete ZIP64 field, got 16'],
    ['no ZIP64 field', patch(large, '\x01\x00\x18\x00', 0, 2), 'a ZIP64 field for a large entry'],
    ['a local header elsewhere', shared.slice().fill(0, 0, 4), 'a local header'],
  ];
  it.each(broken)('are refused: %s', (_, bytes, text) => {
    expect(() => parseNpz(bytes, 'x.npz')).toThrow(NpyError);
    expect(() => parseNpz(bytes, 'x.npz')).toThrow(text);
    expect(() => parseNpz(bytes, 'x.npz')).toThrow(/^np[yz]: x\.npz/);
  });
});

/** Writes a 16-bit number behind the last occurrence of a signature. */
function patch(bytes: Uint8Array, signature: string, offset: number, value: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeUInt16LE(value, copy.lastIndexOf(signature, undefined, 'latin1') + offset);
  return new Uint8Array(copy);
}

/** Points the second entry at the first one's data, under a name of its own. */
function overlapping(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  const entry = copy.lastIndexOf('PK\x01\x02');
  copy.write('b', entry + 46);
  copy.writeUInt32LE(0, entry + 42);
  return new Uint8Array(copy);
}

describe('damage of any kind', () => {
  it('is an NpyError or the whole array, never anything else', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const sources = [fromBase64(STORED), fromBase64(DEFLATED)];
    let refused = 0;
    for (let round = 0; round < 4000; round++) {
      const bytes = sources[round % 2]!.slice();
      for (let k = random(3); k >= 0; k--) bytes[random(bytes.length)] = random(256);
      const cut = bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length);
      try {
        for (const { data, shape, dtype } of parseNpz(cut).values()) {
          const parts = dtype.startsWith('complex') ? 2 : 1;
          expect(data.length).toBe(shape.reduce((n, size) => n * size, parts));
        }
      } catch (error) {
        expect(error).toBeInstanceOf(NpyError);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(2000);
  });
});
