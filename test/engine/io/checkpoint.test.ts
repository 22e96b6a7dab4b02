// PyTorch checkpoints: files that torch.save wrote, round trips, every way a file or a pickle can be wrong, and a live exchange with
// PyTorch where it is installed. files/make.py made the files.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { BytesSource, range, saveFile } from '../../../engine/io/_file.js';
import { ZipReader } from '../../../engine/io/_zip.js';
import { ZipWriter, zip64 } from '../../../engine/io/_zip-writer.js';
import { findReferences } from '../../../suites/runner/references.js';
import { ONE, type Records, TWO, writeArchive, writePickle } from '../../support/checkpoints.js';
import { below, generator } from '../../support/random.js';

const { CheckpointError, Complex, load, save, Tensor } = torch;
const folder = mkdtempSync(join(tmpdir(), 'torchstone-checkpoint-'));
const at = (name: string): string => join(folder, name);
const made = (name: string): string => fileURLToPath(new URL(`files/${name}`, import.meta.url));
const usual = { bytes: range.bytes, from: zip64.from, entries: zip64.entries };
afterEach(() => {
  range.bytes = usual.bytes;
  zip64.from = usual.from;
  zip64.entries = usual.entries;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Values = Record<string, torch.Tensor> & Record<string, unknown>;
const seen = (x: unknown): unknown =>
  x instanceof Tensor ? [x.dtype.name, [...x.shape], x.requiresGrad, x.tolist()] : x;

/** What make.py saved. */
function reference(): Record<string, unknown> {
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
  const complex = torch.complex(base.to('float32'), base.to('float32').mul(0.25));
  const x = torch.arange(6, { dtype: 'float32' });
  return {
    x,
    view: x.reshape(2, 3).t().at('1:'),
    expanded: torch.ones([1]).expand(3),
    tensors: {
      bool: base.abs().remainder(2).to('bool'),
      ...Object.fromEntries(names.map((name) => [name, base.mul(21).to(name)])),
    },
    complex64: complex,
    complex128: complex.to('complex128'),
    conj: torch.tensor([new Complex(1, -2)]),
    neg: torch.tensor([-2], { dtype: 'float32' }),
    empty: torch.zeros([0, 3]),
    scalar: torch.tensor(2.5),
    leaf: torch.ones([1], { requiresGrad: true }),
    parameter: torch.ones([2], { requiresGrad: true }),
    buffer: torch.arange(2, { dtype: 'float32' }),
    meta: torch.zeros([2, 3], { device: 'meta' }),
    numbers: [
      0,
      1,
      -1,
      255,
      256,
      65536,
      2 ** 31,
      -(2 ** 31),
      2 ** 53 - 1,
      9007199254740992n,
      -1180591620717411303424n,
      1.5,
      -0,
      1e300,
      true,
      null,
    ],
    text: 'é\u{1f600}',
    tuple: [1, [2], []],
    mixed: new Map<unknown, unknown>([
      [1, 'a'],
      [[1, 2], 'b'],
      ['c', null],
    ]),
    ordered: { b: 1, a: 2 },
    counter: { a: 2, b: 1 },
    set: new Set([1, 2]),
    bytes: Uint8Array.of(97, 98, 255),
    bytearray: Uint8Array.of(97, 98, 255),
    complex: new Complex(1, -2),
    dtype: torch.bfloat16,
    device: torch.device('cuda:1'),
    size: torch.ones([2, 3]).size(),
  };
}

/** Compares values with tensors in them, by value. */
function expectSame(got: unknown, wanted: unknown, where = 'value'): void {
  if (wanted instanceof Tensor) {
    expect(got, where).toBeInstanceOf(Tensor);
    const one = got as torch.Tensor;
    expect([String(one.device), one.requiresGrad], where).toEqual([
      String(wanted.device),
      wanted.requiresGrad,
    ]);
    expect([one.dtype.name, [...one.shape]], where).toEqual([wanted.dtype.name, [...wanted.shape]]);
    if (String(wanted.device) === 'cpu') expect(one.tolist(), where).toEqual(wanted.tolist());
  } else if (wanted instanceof torch.Device || wanted instanceof torch.DType) {
    expect(got, where).toBe(wanted);
  } else if (wanted instanceof Map) {
    expect(got, where).toBeInstanceOf(Map);
    expectSame([...(got as Map<unknown, unknown>)], [...wanted], where);
  } else if (wanted instanceof Complex || wanted instanceof Set || ArrayBuffer.isView(wanted)) {
    expect(got, where).toEqual(wanted);
  } else if (typeof wanted === 'object' && wanted !== null) {
    expect(Object.getPrototypeOf(got), where).toBe(Object.getPrototypeOf(wanted));
    expect(Object.keys(got as object), where).toEqual(Object.keys(wanted));
    for (const key of Object.keys(wanted)) expectSame(own(got, key), own(wanted, key), `${where}.${key}`);
  } else expect(got, where).toBe(wanted);
}
const own = (value: unknown, key: string): unknown => Object.getOwnPropertyDescriptor(value, key)!.value;

describe('files that PyTorch wrote', () => {
  it('are read, whole and in small ranges', () => {
    for (const bytes of [usual.bytes, 16]) {
      range.bytes = bytes;
      const found = load<Values>(made('reference.pt'));
      expect(Object.keys(found)).toEqual([...Object.keys(reference()), '__proto__', 'again']);
      expectSame(
        Object.fromEntries(Object.entries(found).filter(([key]) => Object.hasOwn(reference(), key))),
        reference(),
      );
    }
  });

  it('keep what was shared shared, and prototypes clean', () => {
    const found = load<Values>(made('reference.pt'));
    expect(found.again).toBe(found.numbers);
    expect(found.view!.stride()).toEqual([1, 3]);
    expect(found.expanded!.stride()).toEqual([0]);
    found.x!.fill_(7);
    expect(found.view!.tolist()).toEqual([
      [7, 7],
      [7, 7],
    ]);
    found.x!.dispose();
    expect(found.view!.at(0, 0).item()).toBe(7);
    expect(own(found, '__proto__')).toEqual({ polluted: true });
    expect((found as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('are read as state dicts, in order, their attributes dropped', () => {
    const state = load<Values>(made('state-dict.pt'));
    expect(Object.keys(state)).toEqual([
      '0.weight',
      '0.bias',
      '1.weight',
      '1.bias',
      '1.running_mean',
      '1.running_var',
      '1.num_batches_tracked',
    ]);
    expect(seen(state['1.running_var'])).toEqual(['float32', [3], false, [1, 1, 1]]);
    expect(seen(state['1.num_batches_tracked'])).toEqual(['int64', [], false, 0]);
    expect(load<Values>(made('no-sums.pt')).x!.tolist()).toEqual([1, 1]);
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    [
      'module.pt',
      /an allowed global at byte \d+ of data.pkl, got torch.nn.modules.linear.Linear. Nothing of a file is ever run: save model.state_dict/,
    ],
    ['lacking.pt', /got torch._utils._rebuild_tensor_v3. Tensors here have no such dtype/],
    ['sparse.pt', /got torch._utils._rebuild_sparse_tensor. Only dense tensors/],
    ['numpy.pt', /got numpy\S+scalar. Save tensors and plain numbers instead of NumPy/],
    ['legacy.pt', /the format of PyTorch before 1.6. In PyTorch: torch.save\(torch.load/],
    ['script.pt', /got a TorchScript archive. Save model.state_dict\(\)/],
    ['reference.safetensors', /perhaps a safetensors file. Read it with loadSafetensors/],
  ];
  it.each(refused)('are refused with a reason: %s', (name, text) => {
    expect(() => load(made(name))).toThrow(CheckpointError);
    expect(() => load(made(name))).toThrow(text);
    expect(() => load(made(name))).toThrow(`checkpoint: ${made(name)}: required`);
  });
});

describe('saving', () => {
  it('comes back, with ZIP64 fields and in small ranges too', () => {
    for (const [bytes, from] of [
      [usual.bytes, usual.from],
      [16, usual.from],
      [48, 100],
      [usual.bytes, 0],
    ] as const) {
      range.bytes = bytes;
      zip64.from = from;
      const value = {
        ...reference(),
        ['__proto__']: { polluted: 1 },
        deep: [{ a: new Map([['k', [torch.ones([2])]]]) }],
      };
      save(value, at('all.pt'));
      const wanted = { ...value, deep: [{ a: { k: [torch.ones([2])] } }] };
      expectSame(load(at('all.pt')), wanted);
    }
    // Texts that look like the pickle's own.
    const texts = ['ctorch\nSize\n\0', 'torch\nfloat32\n', 'torch\nSize\n', 'storage', 'cpu', '0'];
    save({ d: torch.float32, s: torch.ones([1]).size(), x: torch.ones([1]), texts }, at('texts.pt'));
    expect(load<Values>(at('texts.pt')).texts).toEqual(texts);
    save(torch.ones([3]), at('one.pt'));
    expect(load<torch.Tensor>(at('one.pt')).tolist()).toEqual([1, 1, 1]);
    for (const value of [null, true, 5, 'text', [], {}, -(2n ** 90n), -(2 ** 40), 0.5]) {
      save(value, at('one.pt'));
      expect(load(at('one.pt'))).toEqual(value);
    }
  });

  it('writes a storage once, and keeps identity', () => {
    const x = torch.randn(1000);
    const list = [1];
    const cyclic: unknown[] = [list];
    cyclic.push(cyclic);
    save({ x, row: x.reshape(10, 100).at(3), x2: x, list, cyclic }, at('s.pt'));
    expect(readFileSync(at('s.pt')).length).toBeLessThan(6500);
    const back = load<Values>(at('s.pt'));
    expect(back.x2 === back.x).toBe(true);
    expect(back.row!.storageOffset()).toBe(300);
    back.x!.zero_();
    expect(back.row!.sum().item()).toBe(0);
    const [inner, itself] = back.cyclic as unknown as unknown[];
    expect(inner).toBe(back.list);
    expect(itself).toBe(back.cyclic);
  });

  it('begins each record at a multiple of 64, and gives the same bytes again', () => {
    const value = { a: torch.ones([3]), b: torch.ones([5], { dtype: 'bool' }) };
    save(value, at('a.pt'));
    save(value, at('b.pt'));
    const bytes = readFileSync(at('a.pt'));
    expect(bytes.equals(readFileSync(at('b.pt')))).toBe(true);
    let records = 0;
    for (let i = bytes.indexOf('PK\x03\x04'); i >= 0; i = bytes.indexOf('PK\x03\x04', i + 1), records += 1)
      expect((i + 30 + bytes.readUInt16LE(i + 26) + bytes.readUInt16LE(i + 28)) % 64).toBe(0);
    expect(records).toBe(7);
  });

  it('writes and makes parameters', () => {
    save({ w: new torch.nn.Parameter(torch.ones([2]), false), x: torch.ones([1]) }, at('p.pt'));
    expect(readFileSync(at('p.pt')).includes('_rebuild_parameter')).toBe(true);
    const { w, x } = load(at('p.pt')) as Values;
    expect([w instanceof torch.nn.Parameter, x instanceof torch.nn.Parameter]).toEqual([true, false]);
    expect([w!.tolist(), w!.requiresGrad]).toEqual([[1, 1], false]);
  });

  it('says what cannot be saved and where, and leaves the old file', () => {
    writeFileSync(at('old.pt'), 'old');
    const refused = (value: unknown, text: string | RegExp): void => {
      expect(() => save(value, at('old.pt'))).toThrow(text);
      expect(() => save(value, at('old.pt'))).toThrow(torch.TorchstoneError);
    };
    class Net {}
    refused({ a: [1, { b: () => 1 }] }, 'boolean or null at value.a[1].b, got function');
    refused(undefined, 'at value, got undefined');
    refused({ 'a b': [Symbol('s')] }, 'at value["a b"][0], got symbol');
    refused({ net: new Net() }, 'at value.net, got a Net');
    refused(new Date(), 'got a Date');
    refused([Float32Array.of(1)], 'got a Float32Array. Make a tensor of it: tensor(…)');
    refused('\ud800', 'well-formed text at value');
    refused(2n ** 2040n, 'an integer of at most 255 bytes at value');
    refused(new Map([[{}, 1]]), 'a key that Python can hash at value[an Object]');
    refused(
      new Map<unknown, number>([
        [1, 1],
        [true, 2],
      ]),
      'each key once for Python at value[true]',
    );
    refused(
      new Map<unknown, number>([
        [2, 1],
        [2n, 2],
      ]),
      'each key once for Python',
    );
    refused(new Set([new Set()]), 'a key that Python can hash');
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    refused(deep, 'values of at most 500 levels');
    const z = torch.ones([4], { dtype: 'complex64' });
    refused({ z, parts: torch.viewAsReal(z) }, 'view the same data as different types');
    const gone = torch.ones([4000]);
    gone.dispose();
    refused({ gone }, 'disposed');
    expect(readFileSync(at('old.pt'), 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('mapLocation', () => {
  it('decides where tensors go', () => {
    const meta = load<Values>(made('reference.pt'), { mapLocation: 'meta' });
    expect([String(meta.x!.device), meta.view!.shape, meta.view!.stride()]).toEqual(['meta', [2, 2], [1, 3]]);
    expect(String(meta.conj!.device)).toBe('meta');
    const asked: string[] = [];
    const ask = (location: string): string | null => {
      asked.push(location);
      return asked.length === 1 ? 'meta' : null;
    };
    expect(String(load<Values>(made('state-dict.pt'), { mapLocation: ask })['0.weight']!.device)).toBe(
      'meta',
    );
    expect(asked).toEqual(Array(7).fill('cpu'));
    const dict = load<Values>(made('no-sums.pt'), { mapLocation: { cpu: 'meta' } });
    expect(String(dict.x!.device)).toBe('meta');
    expect(String(load<Values>(made('no-sums.pt'), { mapLocation: { 'cuda:0': 'meta' } }).x!.device)).toBe(
      'cpu',
    );
    expect(String(load<Values>(made('no-sums.pt'), { mapLocation: torch.device('cpu') }).x!.device)).toBe(
      'cpu',
    );
    expect(() => load(made('no-sums.pt'), { mapLocation: 3 as never })).toThrow(
      'required mapLocation: a device',
    );
    expect(() => load(made('no-sums.pt'), { mapLocation: 'gpu' })).toThrow(torch.RuntimeError);
    expect(() => load(made('no-sums.pt'), { map: 1 } as never)).toThrow("Did you mean 'mapLocation'?");
    expect(() => load(made('no-sums.pt'), { weightsOnly: false as never })).toThrow(
      'Nothing of a file is run',
    );
    expect(load<Values>(made('no-sums.pt'), { weightsOnly: true }).x!.tolist()).toEqual([1, 1]);
  });
});

describe('archives made by hand', () => {
  const body = Buffer.from(`\x80\x02${ONE}.`, 'latin1');
  const written = (records: Records, root?: string) => (): string =>
    writeArchive(at('hand.pt'), { 'data.pkl': body, ...records }, root);
  const raw = (bytes: Buffer | string) => (): string => {
    writeFileSync(at('hand.pt'), bytes);
    return at('hand.pt');
  };
  const patched = (change: (bytes: Buffer) => void) => (): string => {
    const bytes = readFileSync(writeArchive(at('hand.pt'), { 'data.pkl': body }));
    change(bytes);
    return raw(bytes)();
  };
  const central = (bytes: Buffer, name: string): number => bytes.lastIndexOf(name) - 46;
  const tar = Buffer.alloc(1024);
  tar.write('ustar', 257);
  const bad: readonly (readonly [string, () => string, string])[] = [
    ['nothing', raw(''), 'as torch.save writes, got an empty file'],
    ['text', raw('hello, this is text'), 'a ZIP archive, as torch.save writes, got other bytes'],
    ['tar', raw(tar), 'the tar format of PyTorch before 0.1.10. In PyTorch'],
    ['cut off', patched((bytes) => bytes.fill(0, bytes.length - 22)), 'a ZIP archive'],
    ['no data.pkl', written({ 'data.pkl': '' }), 'one record data.pkl, got 0'],
    ['no folder', written({}, ''), 'one record data.pkl, got 0'],
    ['no version', written({ version: '' }), 'a record version, got none'],
    ['version 11', written({ version: '11' }), 'version 1 to 10, got "11"'],
    ['version 0', written({ version: '0' }), 'version 1 to 10'],
    ['a version of words', written({ version: 'three' }), 'version 1 to 10'],
    ['a long version', written({ version: '3'.repeat(101) }), 'at most 100 bytes in record version, got 101'],
    [
      'a byte order of its own',
      written({ byteorder: 'middle' }),
      "byteorder 'little' or 'big', got \"middle\"",
    ],
    [
      'compressed',
      patched((bytes) => bytes.writeUInt16LE(8, central(bytes, 'x/data/0') + 10)),
      'stored bytes in record data/0, got compressed ones',
    ],
    [
      'packed to another size',
      patched((bytes) => bytes.writeUInt32LE(4, central(bytes, 'x/data/0') + 20)),
      'stored bytes in record data/0',
    ],
    ['damaged data', patched((bytes) => bytes.write('!', bytes.indexOf(TWO))), 'in record data/0, got'],
    [
      'a damaged pickle',
      patched((bytes) => bytes.write('!', bytes.indexOf('FloatStorage'))),
      'in record data.pkl, got',
    ],
    [
      'another local name',
      patched((bytes) => bytes.write('y', bytes.indexOf('x/data/0'))),
      'the same name in both headers in record data/0',
    ],
  ];
  it.each(bad)('are refused: %s', (_, make, text) => {
    const path = make();
    expect(() => load(path)).toThrow(CheckpointError);
    expect(() => load(path)).toThrow(text);
  });
  it('are refused: a bare pickle, a record twice, two roots', () => {
    expect(() => load(raw(Buffer.from('\x80\x02N.', 'latin1'))())).toThrow(
      'got a bare pickle. Write it with torch.save',
    );
    const names = (...list: string[]): string => {
      saveFile('test', at('names.pt'), (out) => {
        const zip = new ZipWriter(out, 64);
        for (const name of list) zip.add(name, 2, (use) => use(Buffer.from('3\n')));
        zip.finish();
      });
      return at('names.pt');
    };
    const twice = names('x/data.pkl', 'x/version', 'x/version');
    expect(() => load(twice)).toThrow('each record once, got "x/version" twice');
    expect(() => load(names('x/data.pkl', 'y/data.pkl'))).toThrow('one record data.pkl, got 2');
  });
});

describe('damage of any kind', () => {
  /** Bytes changed, or the end cut off. */
  const damaged = (source: Buffer, random: (n: number) => number): Buffer => {
    const bytes = Buffer.from(source);
    for (let k = random(3); k >= 0; k--) bytes[random(bytes.length)] = random(256);
    return bytes.subarray(0, random(6) === 0 ? random(bytes.length) : bytes.length);
  };
  const tried = (path: string): boolean => {
    try {
      load(path);
      return false;
    } catch (error) {
      expect(error).toBeInstanceOf(torch.TorchstoneError);
      return true;
    }
  };
  it('of the archive is typed', () => {
    const numbers = generator(5);
    const source = readFileSync(made('reference.pt'));
    let refused = 0;
    for (let round = 0; round < 200; round++) {
      writeFileSync(
        at('fuzz.pt'),
        damaged(source, (n) => below(numbers, n)),
      );
      if (tried(at('fuzz.pt'))) refused += 1;
    }
    expect(refused).toBeGreaterThan(80);
  });
  it('of the pickle is typed', () => {
    const numbers = generator(6);
    const random = (n: number): number => below(numbers, n);
    // The reference's pickle with every storage, in an archive whose sums are right.
    const bytes = new BytesSource(readFileSync(made('reference.pt')));
    const fail = (): Error => new Error('the reference is damaged');
    const zip = new ZipReader(bytes, fail);
    const records = new Map(zip.entries().map((entry) => [entry.name, Buffer.from(zip.unpack(entry, fail))]));
    const source = records.get('reference/data.pkl')!;
    const storages = Object.fromEntries(
      [...records].flatMap(([name, data]) =>
        name.includes('/data/') ? [[name.slice('reference/'.length), data]] : [],
      ),
    ) as Records;
    expect(Object.keys(storages).length).toBeGreaterThan(15);
    load(writeArchive(at('hand.pt'), { ...storages, 'data.pkl': source }));
    let refused = 0;
    for (let round = 0; round < 300; round++)
      if (tried(writeArchive(at('hand.pt'), { ...storages, 'data.pkl': damaged(source, random) })))
        refused += 1;
    expect(refused).toBeGreaterThan(80);
  });
});

const { python, references } = await findReferences();
const reason = references.torch.missing ?? references.numpy.missing;
describe.skipIf(reason !== undefined || python === undefined)(`PyTorch itself (${reason ?? 'found'})`, () => {
  it('reads what is saved here, and what it saves again is the same', () => {
    const value = { ...reference(), deep: [{ k: [torch.ones([2])] }] };
    save(value, at('ours.pt'));
    zip64.from = 0;
    zip64.entries = 1;
    save(value, at('ours64.pt'));
    zip64.from = usual.from;
    zip64.entries = usual.entries;
    save({ w: new torch.nn.Parameter(torch.ones([2])) }, at('parameter.pt'));
    writePickle(at('hand.pt'), ONE, { byteorder: 'big', 'data/0': Buffer.from(TWO).swap32() });
    const program = `
import sys, json, torch
folder = sys.argv[1]
ours = torch.load(folder + "/ours.pt", weights_only=True)
torch.load(folder + "/ours.pt", weights_only=True, mmap=True)
again = torch.load(folder + "/ours64.pt", weights_only=True)
assert str(again) == str(ours)
assert ours["x"].untyped_storage().data_ptr() == ours["view"].untyped_storage().data_ptr()
torch.save(ours, folder + "/theirs.pt")
parameter = torch.load(folder + "/parameter.pt", weights_only=True)["w"]
swapped = torch.load(folder + "/hand.pt", weights_only=True)
kinds = {name: type(one).__name__ for name, one in ours.items() if not isinstance(one, torch.Tensor)}
numbers = [repr(n) for n in ours["numbers"]]
print(json.dumps([kinds, numbers, type(parameter).__name__, parameter.requires_grad, swapped.tolist()]))
`;
    const { stdout, stderr, status } = spawnSync(python!, ['-c', program, folder], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const [kinds, numbers, parameter, requiresGrad, swapped] = JSON.parse(stdout) as unknown[];
    expect(kinds).toMatchObject({
      numbers: 'list',
      mixed: 'dict',
      set: 'set',
      bytes: 'bytearray',
      complex: 'complex',
    });
    expect(kinds).toMatchObject({
      dtype: 'dtype',
      device: 'device',
      size: 'Size',
      text: 'str',
      ordered: 'dict',
    });
    expect(numbers).toEqual([
      '0',
      '1',
      '-1',
      '255',
      '256',
      '65536',
      '2147483648',
      '-2147483648',
      '9007199254740991',
      '9007199254740992',
      '-1180591620717411303424',
      '1.5',
      '-0.0',
      '1e+300',
      'True',
      'None',
    ]);
    expect([parameter, requiresGrad, swapped]).toEqual(['Parameter', true, [1, 2]]);
    expectSame(load(at('theirs.pt')), value);
  }, 300_000);
});
