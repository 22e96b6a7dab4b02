// safetensors: files that the reference wrote, byte for byte; round trips; every way a file can be wrong. files/make.py made the files.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { range } from '../../../engine/io/_file.js';
import { parseJson } from '../../../engine/io/_json.js';
import { below, generator } from '../../support/random.js';

const { loadSafetensors, openSafetensors, SafetensorsError, saveSafetensors } = torch;
const folder = mkdtempSync(join(tmpdir(), 'torchstone-safetensors-'));
const at = (name: string): string => join(folder, name);
const made = (name: string): string => fileURLToPath(new URL(`files/${name}`, import.meta.url));
const randomBelow = (seed: number): ((n: number) => number) => {
  const random = generator(seed);
  return (n) => below(random, n);
};
const usual = range.bytes;
afterEach(() => {
  range.bytes = usual;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What make.py saved. */
function reference(): Record<string, torch.Tensor> {
  const base = torch.arange(-3, 3).reshape(2, 3);
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
  const one = torch.ones([1]);
  const all: [string, torch.Tensor][] = [
    ['bool', base.abs().remainder(2).to('bool')],
    ...names.map((name): [string, torch.Tensor] => [name, base.mul(21).to(name)]),
    ['complex64', torch.complex(base.to('float32'), base.to('float32').mul(0.25))],
    ['scalar', torch.tensor(2.5)],
    ['empty', torch.zeros([0, 3])],
    ['é\u2028"\\\n', one.clone()],
    ['\uffff', one.clone()],
    ['\u{1f600}', one.clone()],
    ['__proto__', one.clone()],
  ];
  return Object.fromEntries(all);
}

/** A file around any header. */
function file(header: string | Uint8Array, data: number | Uint8Array = 0, length?: bigint): string {
  const text = Buffer.from(header as string);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(text.length));
  writeFileSync(
    at('x.safetensors'),
    Buffer.concat([size, text, typeof data === 'number' ? Buffer.alloc(data) : data]),
  );
  return at('x.safetensors');
}
const entry = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
const A = `"a":${entry('F32', '[1]', '[0,4]')}`;

describe('files that the reference wrote', () => {
  it('are read, whole and in small ranges', () => {
    const wanted = reference();
    for (const bytes of [usual, 16]) {
      range.bytes = bytes;
      const found = loadSafetensors(made('reference.safetensors'));
      expect(Object.keys(found).sort()).toEqual(Object.keys(wanted).sort());
      expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
      for (const [name, x] of Object.entries(wanted)) {
        const got = Object.getOwnPropertyDescriptor(found, name)!.value as torch.Tensor;
        expect([name, got.dtype, got.shape, got.tolist()]).toEqual([name, x.dtype, x.shape, x.tolist()]);
      }
    }
  });

  it('are what we write, byte for byte', () => {
    const [wanted, tensors] = [readFileSync(made('reference.safetensors')), reference()];
    for (const given of [tensors, new Map(Object.entries(tensors).reverse())]) {
      for (const bytes of [usual, 16]) {
        range.bytes = bytes;
        saveSafetensors(at('r.safetensors'), given, { metadata: { format: 'pt' } });
        expect(readFileSync(at('r.safetensors'))).toEqual(wanted);
      }
    }
    saveSafetensors(at('e.safetensors'), {});
    expect(readFileSync(at('e.safetensors'))).toEqual(readFileSync(made('empty.safetensors')));
    expect(loadSafetensors(at('e.safetensors'))).toEqual({});
  });

  it('refuse tensors of dtypes that we lack one by one', () => {
    const found = loadSafetensors(made('lacking.safetensors'));
    expect(Object.keys(found).sort()).toEqual(['f32', 'f8', 'u16']);
    expect(found.f32!.tolist()).toEqual([1, 1]);
    expect(() => found.u16).toThrow(SafetensorsError);
    expect(() => found.u16).toThrow('required a dtype that tensors have, got U16 for tensor "u16"');
    using lazy = openSafetensors(made('lacking.safetensors'));
    expect(() => lazy.get('f8')).toThrow('got F8_E4M3 for tensor "f8"');
    expect(lazy.get('f32').tolist()).toEqual([1, 1]);
  });
});

describe('saving', () => {
  it('makes tensors contiguous, whatever their memory', () => {
    const x = torch.arange(12).reshape(3, 4);
    const y = torch.randn(4, 4).requiresGrad_();
    const tensors = { t: x.t(), c: x.clone().at(':', '::2'), e: torch.ones([1]).expand(3), y };
    saveSafetensors(at('c.safetensors'), tensors);
    const back = loadSafetensors(at('c.safetensors'));
    for (const [name, one] of Object.entries(tensors)) expect(back[name]!.tolist()).toEqual(one.tolist());
    expect(back.y!.requiresGrad).toBe(false);
  });

  it('refuses tensors that share memory, and names both', () => {
    const x = torch.arange(6).reshape(2, 3);
    const text =
      /required tensors with memory of their own, got "(a" and "b|b" and "a)", which share memory. Some/;
    for (const [a, b] of [
      [x, x],
      [x, x.t()],
      [x.at(0), x],
      [x, x.at(1, '2:')],
      [x, x.detach()],
    ] as const) {
      expect(() => saveSafetensors(at('s.safetensors'), { a, b })).toThrow(SafetensorsError);
      expect(() => saveSafetensors(at('s.safetensors'), { a, b })).toThrow(text);
    }
    // A short one does not hide a long one.
    const three = { a: x, c: x.at(0, ':1'), b: x.at(1) };
    expect(() => saveSafetensors(at('s.safetensors'), three)).toThrow('share memory');
    // Neighbours and tensors without elements are apart.
    saveSafetensors(at('s.safetensors'), { a: x.at(0), b: x.at(1), c: x.at(':0'), d: x.at(':0') });
    expect(loadSafetensors(at('s.safetensors')).b!.tolist()).toEqual([3, 4, 5]);
  });

  it('says what cannot be saved, and leaves the old file', () => {
    const save = (tensors: unknown, options?: unknown) => () =>
      saveSafetensors(at('old.safetensors'), tensors as never, options as never);
    writeFileSync(at('old.safetensors'), 'old');
    expect(save({ z: torch.zeros([1], { dtype: 'complex128' }) })).toThrow(
      'required a dtype of the format, got complex128 for tensor "z"',
    );
    expect(save({ z: [1, 2] })).toThrow("required a Tensor for 'z', got an array of 2. Make one");
    expect(save(torch.ones([1]))).toThrow('a Map or an object of tensors by name, got a Tensor');
    expect(save([torch.ones([1])])).toThrow('a Map or an object of tensors by name');
    expect(save(new Map([[1, torch.ones([1])]]))).toThrow('names that are strings, got 1');
    expect(save({ z: torch.ones([1], { device: 'meta' }) })).toThrow('one on meta');
    expect(save({ __metadata__: torch.ones([1]) })).toThrow('required another name');
    expect(save({ '\udc00': torch.ones([1]) })).toThrow('well-formed');
    expect(save({}, { metadata: { a: 1 } })).toThrow("a string for 'a' of metadata, got 1");
    expect(save({}, { metadata: 'a' })).toThrow('an object of strings');
    expect(save({}, { metadata: { a: '\ud800' } })).toThrow('well-formed');
    expect(save({}, { metadata: { a: 'x'.repeat(1e8) } })).toThrow(
      'a header of at most 100000000 bytes, got 100000032',
    );
    expect(save({}, { meta: {} })).toThrow("Did you mean 'metadata'?");
    expect(readFileSync(at('old.safetensors'), 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('takes what loadNpz gives', () => {
    torch.saveNpz(at('n.npz'), { b: torch.ones([2]), a: torch.arange(2) });
    saveSafetensors(at('n.safetensors'), torch.loadNpz(at('n.npz')));
    expect(Object.keys(loadSafetensors(at('n.safetensors')))).toEqual(['a', 'b']);
  });

  it('keeps metadata in order, an empty one too', () => {
    const metadata = { b: 'é"\n', a: '', ['__proto__']: 'p' };
    saveSafetensors(at('m.safetensors'), { x: torch.ones([1]) }, { metadata });
    using back = openSafetensors(at('m.safetensors'));
    expect(Object.entries(back.metadata)).toEqual(Object.entries(metadata));
    saveSafetensors(at('m0.safetensors'), {}, { metadata: {} });
    expect(readFileSync(at('m0.safetensors'), 'utf8').slice(8)).toBe('{"__metadata__":{}}     ');
    using empty = openSafetensors(at('m0.safetensors'));
    expect(empty.metadata).toEqual({});
  });
});

describe('reading', () => {
  it('is lazy, and ends with close() or the block', () => {
    const lazy = openSafetensors(made('reference.safetensors'));
    expect(lazy.keys()).toHaveLength(17);
    expect([lazy.has('int8'), lazy.has('x')]).toEqual([true, false]);
    expect(lazy.metadata).toEqual({ format: 'pt' });
    expect(lazy.get('int8').tolist()).toEqual(lazy.get('int8').tolist());
    const twice = [lazy.get('int8'), lazy.get('int8')];
    expect(new Set(twice).size).toBe(2);
    expect(() => lazy.get('x')).toThrow('required one of the tensors int64, float64, complex64');
    lazy.close();
    expect(() => lazy.get('int8')).toThrow('required an open file, got one that was closed');
  });

  it('takes a device', () => {
    const found = loadSafetensors(made('reference.safetensors'), { device: 'meta' });
    expect([String(found.int8!.device), found.int8!.shape]).toEqual(['meta', [2, 3]]);
    expect(() => loadSafetensors(made('reference.safetensors'), { device: 'gpu' })).toThrow(
      torch.RuntimeError,
    );
    expect(() => loadSafetensors(made('reference.safetensors'), { devices: 1 } as never)).toThrow(
      "Did you mean 'device'?",
    );
  });
});

describe('malformed files', () => {
  const long = (n: number): string => `[${Array(n).fill('0').join(',')}]`;
  const two = (b: string): string => `{${A},"b":${b}}`;
  const bad: readonly (readonly [string, () => string, string])[] = [
    [
      'nothing',
      () => {
        writeFileSync(at('n'), '');
        return at('n');
      },
      'required at least 8 bytes, got 0',
    ],
    ['an empty header', () => file(''), "a header that begins with '{', got none"],
    ['a header past the end', () => file('{}', 0, 3n), 'a header of 3 bytes, got 2 bytes to the end'],
    ['a header too long', () => file('{}', 0, 100_000_001n), 'at most 100000000 bytes, got 100000001'],
    ['a header of 2^63', () => file('{}', 0, 1n << 63n), 'at most 100000000 bytes'],
    ['another JSON value', () => file('[]'), "begins with '{', got byte 91"],
    ['a space before it', () => file(' {}'), "begins with '{', got byte 32"],
    ['no UTF-8', () => file(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), 'a header in UTF-8'],
    ['cut JSON', () => file(`{${A}`, 4), "',' or '}' at character 53, got the end"],
    ['JSON behind it', () => file(`{${A}}{}`, 4), 'the end of the JSON text at character 54, got "{}"'],
    ['a comma too many', () => file(`{${A},}`, 4), 'a name in quotes at character 54'],
    [
      'a name twice',
      () => file(two(entry('F32', '[1]', '[4,8]')).replace('"b"', '"a"'), 8),
      'each name once, got "a" again at character 54',
    ],
    [
      'a name twice, escaped',
      () => file(two(entry('F32', '[1]', '[4,8]')).replace('"b"', '"\\u0061"'), 8),
      'each name once, got "a" again',
    ],
    [
      'a key twice',
      () => file(`{${A.replace('{', '{"dtype":"F32",')}}`, 4),
      'each name once, got "dtype" again',
    ],
    ['metadata twice', () => file('{"__metadata__":{},"__metadata__":{}}'), 'each name once'],
    [
      'metadata keys twice',
      () => file('{"__metadata__":{"a":"1","a":"2"}}'),
      'each name once, got "a" again',
    ],
    [
      'metadata of numbers',
      () => file('{"__metadata__":{"a":1}}'),
      'a string for "a" of __metadata__, got 1',
    ],
    [
      'metadata of another kind',
      () => file('{"__metadata__":null}'),
      '__metadata__ to be an object of strings, got null',
    ],
    ['an endless string', () => file('{"a'), 'a whole JSON string at character 1'],
    ['a lone surrogate', () => file('{"\\ud800":{}}'), 'well-formed text, got "\\ud800" at character 1'],
    ['a control character', () => file('{"\n":{}}'), 'a JSON string at character 1'],
    ['deep JSON', () => file(`{"a":${'['.repeat(50)}`), 'JSON of at most 16 levels'],
    ['no object', () => file('{"a":[]}'), 'an object for tensor "a", got []'],
    [
      'another key',
      () => file(`{${A.replace('}', ',"x":1}')}}`, 4),
      'only dtype, shape, data_offsets for tensor "a", got "x"',
    ],
    ['no dtype', () => file('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4), 'for tensor "a", got none'],
    ['an unknown dtype', () => file(`{"a":${entry('F33', '[1]', '[0,4]')}}`, 4), 'for tensor "a", got "F33"'],
    [
      'an inherited dtype',
      () => file(`{"a":${entry('constructor', '[1]', '[0,4]')}}`, 4),
      'got "constructor"',
    ],
    [
      'no shape',
      () => file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4),
      'a shape of whole numbers for tensor "a", got none',
    ],
    ['a fraction', () => file(`{"a":${entry('F32', '[1.0]', '[0,4]')}}`, 4), 'a shape of whole numbers'],
    ['a negative size', () => file(`{"a":${entry('F32', '[-1]', '[0,4]')}}`, 4), 'a shape of whole numbers'],
    [
      'a size past 2^53',
      () => file(`{"a":${entry('F32', '[9007199254740993]', '[0,4]')}}`, 4),
      'a shape of whole numbers',
    ],
    ['an exponent', () => file(`{"a":${entry('F32', '[1e0]', '[0,4]')}}`, 4), 'a shape of whole numbers'],
    [
      'sizes that overflow',
      () => file(`{"a":${entry('F32', '[4294967296,4294967296]', '[0,0]')}}`),
      'an addressable shape for tensor "a"',
    ],
    [
      'sizes that overflow beside 0',
      () => file(`{"a":${entry('F32', '[0,4294967296,4294967296]', '[0,0]')}}`),
      'an addressable shape',
    ],
    [
      'one offset',
      () => file(`{"a":${entry('F32', '[1]', '[0]')}}`, 4),
      'data_offsets [begin, end] for tensor "a", got [0]',
    ],
    [
      'offsets turned round',
      () => file(`{"a":${entry('F32', '[1]', '[4,0]')}}`, 4),
      'data_offsets [begin, end]',
    ],
    [
      'too few bytes',
      () => file(`{"a":${entry('F32', '[2]', '[0,4]')}}`, 4),
      '8 bytes for tensor "a" of F32 [2], got data_offsets [0,4]',
    ],
    [
      'half a byte',
      () => file(`{"a":${entry('F4', '[7]', '[0,4]')}}`, 4),
      'whole bytes for tensor "a", got 3.5 of F4 [7]',
    ],
    [
      'a gap before all',
      () => file(`{"a":${entry('F32', '[1]', '[4,8]')}}`, 8),
      'data offset 0 for tensor "a" without a gap behind the header, got 4',
    ],
    [
      'a gap',
      () => file(two(entry('F32', '[1]', '[8,12]')), 12),
      'data offset 4 for tensor "b" without a gap behind tensor "a", got 8',
    ],
    [
      'an overlap',
      () => file(two(entry('F32', '[1]', '[2,6]')), 6),
      'data offset 4 for tensor "b" without an overlap behind tensor "a", got 2',
    ],
    ['the same bytes', () => file(two(entry('F32', '[1]', '[0,4]')), 4), 'without an overlap'],
    ['a byte behind', () => file(`{${A}}`, 5), '4 bytes of data for the tensors of the header, got 5'],
    ['a byte too few', () => file(`{${A}}`, 3), '4 bytes of data for the tensors of the header, got 3'],
    [
      'a boolean of 2',
      () => file(`{"a":${entry('BOOL', '[3]', '[0,3]')}}`, Uint8Array.of(0, 1, 2)),
      'bool bytes 0 or 1 for tensor "a", got 2 at element 2',
    ],
    [
      'a long list',
      () => file(`{"a":${entry('F32', long(1000), '[0,1]')}}`, 1),
      '0 bytes for tensor "a" of F32 [0, 0',
    ],
  ];
  it.each(bad)('are refused: %s', (_, make, text) => {
    const path = make();
    expect(() => loadSafetensors(path)).toThrow(SafetensorsError);
    expect(() => loadSafetensors(path)).toThrow(text);
    expect(() => loadSafetensors(path)).toThrow(`safetensors: ${path}: required`);
  });

  it('of allowed oddities none is refused', () => {
    expect(Object.keys(loadSafetensors(file(`{${A}}  \n`, 4)))).toEqual(['a']);
    const empty = entry('F32', '[0]', '[0,0]');
    expect(Object.keys(loadSafetensors(file(`{ "z" : ${empty}, ${A} }`, 4)))).toEqual(['z', 'a']);
    expect(Object.keys(loadSafetensors(file(`{"":${entry('F32', '[1]', '[0,4]')}}`, 4)))).toEqual(['']);
    using f4 = openSafetensors(file(`{"a":${entry('F4', '[8]', '[0,4]')}}`, 4));
    expect(f4.keys()).toEqual(['a']);
  });

  it('damage of any kind is a SafetensorsError or the whole file', () => {
    const source = readFileSync(made('reference.safetensors'));
    const random = randomBelow(11);
    let refused = 0;
    for (let round = 0; round < 800; round++) {
      const bytes = Buffer.from(source);
      const most = random(2) === 0 ? bytes.length : 1100;
      for (let k = random(3); k >= 0; k--) bytes[random(most)] = random(256);
      writeFileSync(
        at('f.safetensors'),
        bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length),
      );
      try {
        const found = loadSafetensors(at('f.safetensors'));
        for (const name of Object.keys(found)) expect(found[name]!.tolist()).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(SafetensorsError);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(300);
  });
});

describe('an index and its files', () => {
  const index = (value: unknown): string => {
    writeFileSync(
      at('model.safetensors.index.json'),
      typeof value === 'string' ? value : JSON.stringify(value),
    );
    return at('model.safetensors.index.json');
  };
  it('are read as one', () => {
    saveSafetensors(at('m-1.safetensors'), { a: torch.ones([2]) }, { metadata: { format: 'pt' } });
    saveSafetensors(at('m-2.safetensors'), { b: torch.zeros([3]), c: torch.tensor(1) });
    const map = { c: 'm-2.safetensors', a: 'm-1.safetensors', b: 'm-2.safetensors' };
    const path = index({ metadata: { total_size: 28.5 }, weight_map: map });
    const found = loadSafetensors(path);
    expect(Object.keys(found)).toEqual(['c', 'a', 'b']);
    expect([found.a!.tolist(), found.b!.tolist(), found.c!.item()]).toEqual([[1, 1], [0, 0, 0], 1]);
    using lazy = openSafetensors(path);
    expect(lazy.keys()).toEqual(['c', 'a', 'b']);
    expect(lazy.metadata).toEqual({ format: 'pt' });
    expect(lazy.get('b').shape).toEqual([3]);
  });
  it('are refused where they do not fit together', () => {
    const refused = (value: unknown, text: string): void => {
      expect(() => loadSafetensors(index(value))).toThrow(SafetensorsError);
      expect(() => loadSafetensors(index(value))).toThrow(text);
    };
    mkdirSync(at('sub'), { recursive: true });
    saveSafetensors(at('sub/s.safetensors'), { a: torch.ones([2]) });
    saveSafetensors(at('m-1.safetensors'), { a: torch.ones([2]) });
    refused('{', 'a name in quotes');
    refused({}, "an object 'weight_map', got none");
    refused({ weight_map: [] }, "an object 'weight_map', got none");
    refused({ weight_map: { a: 1 } }, 'the name of a file beside the index for "a", got 1');
    for (const name of ['sub/s.safetensors', '../x', '..', '.', '', 'C:\\x'])
      refused(
        { weight_map: { a: name } },
        `the name of a file beside the index for "a", got ${JSON.stringify(name)}`,
      );
    refused(
      { weight_map: { a: 'gone.safetensors' } },
      'the file gone.safetensors beside the index, got none',
    );
    refused({ weight_map: { z: 'm-1.safetensors' } }, 'tensor "z" in m-1.safetensors, got a file without it');
    index('');
    truncateSync(at('model.safetensors.index.json'), 100_000_001);
    expect(() => loadSafetensors(at('model.safetensors.index.json'))).toThrow(
      'an index of at most 100000000 bytes',
    );
    refused('{"weight_map":{"a":"m-1.safetensors","a":"m-1.safetensors"}}', 'each name once');
  });
});

describe('JSON', () => {
  const refuse = (required: string, got: string): Error => new Error(`${required}, got ${got}`);
  const plain = (value: unknown): unknown =>
    value instanceof Map
      ? Object.fromEntries([...value].map(([key, one]) => [key, plain(one)]))
      : Array.isArray(value)
        ? value.map(plain)
        : value;
  it('agrees with JSON.parse on what both accept, and refuses what it refuses', () => {
    const random = randomBelow(3);
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b\\n"',
      '"\\',
      '1',
      '0',
      '12',
      'true',
      'null',
      ' ',
      '"',
      'x',
      '\\u00e9',
    ];
    const made = (depth: number): string =>
      depth === 0 || random(3) === 0
        ? ['1', '"a"', 'null', 'true', '""', '"\\"\\\\"'][random(6)]!
        : random(2) === 0
          ? `[${[...Array(random(3))].map(() => made(depth - 1)).join(', ')}]`
          : `{${[...Array(random(3))].map((_, i) => `"k${i}" : ${made(depth - 1)}`).join(',')}}`;
    let accepted = 0;
    for (let round = 0; round < 3000; round++) {
      let text = made(4);
      if (random(3) === 0) {
        const cut = random(text.length);
        text = text.slice(0, cut) + pieces[random(pieces.length)]! + text.slice(cut + random(2));
      }
      let wanted: unknown;
      try {
        wanted = JSON.parse(text);
      } catch {
        expect(() => parseJson(text, refuse), text).toThrow('got');
        continue;
      }
      let got: unknown;
      try {
        got = plain(parseJson(text, refuse));
      } catch (error) {
        expect(String(error), text).toMatch(/each name once/);
        continue;
      }
      accepted += 1;
      expect(got, text).toEqual(wanted);
    }
    expect(accepted).toBeGreaterThan(1000);
  });
  it('takes long texts', () => {
    const long = 'a"\\'.repeat(3e5);
    expect(parseJson(JSON.stringify({ [long]: long }), refuse)).toEqual(new Map([[long, long]]));
    expect(parseJson(`${' '.repeat(1e6)}1`, refuse)).toBe(1);
    expect(() => parseJson('9'.repeat(1e6), refuse)).toThrow('the end of the JSON text at character 40');
  });
});
