// The unpickler of checkpoints: pickles made by hand, instruction by instruction, and every way one can be wrong.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import {
  CALL,
  HOOKS,
  INT,
  ONE,
  type Records,
  STORAGE,
  TENSOR,
  TEXT,
  TUPLE,
  TWO,
  writeArchive,
  writePickle,
} from '../../support/checkpoints.js';

const { CheckpointError, Complex, load } = torch;
const folder = mkdtempSync(join(tmpdir(), 'torchstone-unpickle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'hand.pt');
const pickled = (body: string, records?: Records): string => writePickle(path, body, records);

describe('pickles made by hand', () => {
  it('are read as PyTorch reads them', () => {
    expect(load<torch.Tensor>(pickled(ONE)).tolist()).toEqual([1, 2]);
    expect(load<torch.Tensor>(pickled(TENSOR(INT(2), TUPLE(INT(0)), TUPLE(INT(1))))).shape).toEqual([0]);
    expect(
      load<torch.Tensor>(pickled(TENSOR(INT(1), TUPLE(INT(5), INT(1)), TUPLE(INT(0), INT(9))))).tolist(),
    ).toEqual(Array(5).fill([2]));
    expect(load(pickled(`]q\x00(${INT(1)}${INT(2)}eh\x00\x86`))).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(load(pickled(`U\x02ab`))).toBe('ab');
    expect(load(pickled(`}${TEXT('a')}${INT(1)}s`))).toEqual({ a: 1 });
    expect(load(pickled(`]${INT(1)}a`))).toEqual([1]);
    expect(load(pickled(`\x8a\x00`))).toBe(0);
    expect(load(pickled(`K\x07M\x01\x02\x86`))).toEqual([7, 513]);
    expect(load(pickled(CALL('__builtin__', 'bytearray', TUPLE(TEXT('é'), TEXT('latin-1')))))).toEqual(
      Uint8Array.of(233),
    );
    const pairs = `](${TUPLE(TEXT('a'), INT(1))}${TUPLE(TEXT('b'), 'N')}e`;
    expect(load(pickled(CALL('collections', 'OrderedDict', TUPLE(pairs))))).toEqual({ a: 1, b: null });
  });

  it('are read in the other byte order', () => {
    const swapped = Buffer.from(TWO).swap32();
    expect(load<torch.Tensor>(pickled(ONE, { byteorder: 'big', 'data/0': swapped })).tolist()).toEqual([
      1, 2,
    ]);
    expect(load<torch.Tensor>(pickled(ONE, { byteorder: '' })).tolist()).toEqual([1, 2]);
    const parts = Buffer.from(Float64Array.of(1, -2).buffer).swap64();
    const complex = ONE.replace('FloatStorage', 'ComplexDoubleStorage').replaceAll(INT(2), INT(1));
    expect(load<torch.Tensor>(pickled(complex, { byteorder: 'big', 'data/0': parts })).tolist()).toEqual([
      new Complex(1, -2),
    ]);
  });

  const rebuild = (args: string): string => `ctorch._utils\n_rebuild_tensor_v2\n${args}R`;
  const metadata = (key: string, value: string): string =>
    TENSOR(INT(0), TUPLE(INT(2)), TUPLE(INT(1)), `\x89${HOOKS}}${TEXT(key)}${value}s`);
  const bad: readonly (readonly [string, string, string])[] = [
    [
      'a call of os.system',
      CALL('os', 'system', TUPLE(TEXT('true'))),
      'an allowed global at byte 13 of data.pkl, got os.system. Nothing of a file is ever run',
    ],
    ['eval', CALL('__builtin__', 'eval', TUPLE(TEXT('1'))), 'got builtins.eval'],
    ['a global of Object.prototype', 'cconstructor\nx\n', 'got constructor.x'],
    ['a name without its end', 'ctorch', 'the end of a line'],
    [
      'NEWOBJ',
      `ccollections\nOrderedDict\n)\x81`,
      'an instruction of torch.save at byte 29 of data.pkl, got 0x81',
    ],
    ['INST', '(icollections\nOrderedDict\n', 'got 0x69'],
    ['a call of no function', `${INT(1)})R`, 'a function to call at byte 9 of data.pkl, got 1'],
    [
      'a call of a dtype',
      'ctorch\nfloat32\n)R',
      'a function to call at byte 19 of data.pkl, got torch.float32',
    ],
    [
      'arguments that are no tuple',
      `ccollections\nOrderedDict\n]R`,
      'a tuple of arguments for collections.OrderedDict',
    ],
    ['a function as a value', 'ctorch\nSize\n', 'required tensors and plain values, got torch.Size'],
    ['an append to a dict', `}${INT(1)}a`, 'a list to append to at byte 9 of data.pkl, got a dict'],
    [
      'an item of a list',
      `]${INT(1)}${INT(1)}s`,
      'a dict to set items of at byte 14 of data.pkl, got a list of 0',
    ],
    ['a key without a value', `}(${INT(1)}u`, 'keys and values'],
    ['a list as a key', `}]${INT(1)}s`, 'a key that hashes'],
    ['attributes of a dict', '}}b', 'an OrderedDict to give attributes'],
    ['attributes that are no dict', `${HOOKS}]b`, 'attributes in a dict'],
    ['no value', '', 'a value on the stack'],
    ['two values', 'NN', 'one value at byte 5 of data.pkl, got more behind it'],
    ['a mark too many', '(N', 'required one value'],
    ['no mark', 't', 'a mark on the stack'],
    ['nothing to remember', 'q\x00', 'a value on the stack'],
    ['nothing remembered', 'h\x05', 'a value in memo 5'],
    ['a text past the end', TEXT('abc', 1000), 'required 1000 more bytes at byte 7 of data.pkl, got 4'],
    ['a text of 4 GB', TEXT('abc', 0xffffffff), 'a text of at most'],
    ['text that is no UTF-8', `${TEXT('', 1)}\xff`, 'text in UTF-8'],
    ['a short integer', 'J\x00', 'required 4 more bytes'],
    ['bytes behind the end', 'N.N', 'required one value'],
    [
      'a persistent id of its own',
      `${TEXT('x')}Q`,
      '(\'storage\', class, key, location, length) in data.pkl, got "x"',
    ],
    ['a persistent id of another kind', `${TUPLE(TEXT('module'), INT(1))}Q`, "('storage', class"],
    [
      'a storage of no class',
      `${STORAGE.replace('ctorch\nFloatStorage\n', TEXT('a'))}Q`,
      "('storage', class",
    ],
    [
      'a storage of no length',
      `${STORAGE.replace(INT(2), TEXT('a'))}Q`,
      'a location and a length for storage 0',
    ],
    ['a storage of negative length', `${STORAGE.replace(INT(2), INT(-1))}Q`, 'a location and a length'],
    [
      'a storage of another length',
      ONE.replace(STORAGE, STORAGE.replace(INT(2), INT(3))),
      '12 bytes for 3 elements of float32 in record data/0, got 8',
    ],
    ['a storage that is not there', ONE.replace(TEXT('0'), TEXT('1')), 'a record data/1, got none'],
    ['a storage elsewhere', ONE.replace(TEXT('0'), TEXT('../version')), 'a record data/../version, got none'],
    [
      'a storage with two dtypes',
      TUPLE(ONE, ONE.replace('FloatStorage', 'IntStorage')),
      '2 elements of float32 in storage 0, got int32, 2',
    ],
    [
      'a storage on an unknown device',
      ONE.replace(TEXT('cpu'), TEXT('tpu:0')),
      'a device that is here in record data/0, got tensors saved on "tpu:0". Read it with { mapLocation: \'cpu\' }',
    ],
    ['no storage', rebuild(TUPLE(INT(0), INT(0), ')', ')', `\x89${HOOKS}`)), 'a storage for a tensor'],
    ['a storage as a value', `${STORAGE}Q`, 'required tensors and plain values, got a StoredStorage'],
    [
      'too many elements',
      TENSOR(INT(0), TUPLE(INT(3)), TUPLE(INT(1))),
      'a tensor inside its storage of 2 elements at byte',
    ],
    ['an offset too far', TENSOR(INT(1), TUPLE(INT(2)), TUPLE(INT(1))), 'size [2], stride [1], offset 1'],
    [
      'an offset past an empty tensor',
      TENSOR(INT(3), TUPLE(INT(0)), TUPLE(INT(1))),
      'a tensor inside its storage',
    ],
    ['a stride too far', TENSOR(INT(0), TUPLE(INT(2)), TUPLE(INT(2))), 'a tensor inside its storage'],
    ['a negative offset', TENSOR(INT(-1), TUPLE(INT(1)), TUPLE(INT(1))), 'a storage offset from 0 on'],
    [
      'a negative size',
      TENSOR(INT(0), TUPLE(INT(-1)), TUPLE(INT(1))),
      'whole numbers for the size of a tensor',
    ],
    [
      'a negative stride',
      TENSOR(INT(1), TUPLE(INT(2)), TUPLE(INT(-1))),
      'whole numbers for the stride of a tensor',
    ],
    [
      'a size of text',
      TENSOR(INT(0), TUPLE(TEXT('a')), TUPLE(INT(1))),
      'whole numbers for the size of a tensor',
    ],
    [
      'a stride too few',
      TENSOR(INT(0), TUPLE(INT(1), INT(1)), TUPLE(INT(1))),
      'a size and a stride for each dim',
    ],
    [
      'sizes that overflow',
      TENSOR(INT(0), TUPLE(...Array(4).fill(INT(2 ** 30))), TUPLE(...Array(4).fill(INT(0)))),
      'a size and a stride for each dim',
    ],
    [
      '65 dims',
      TENSOR(INT(0), TUPLE(...Array(65).fill(INT(1))), TUPLE(...Array(65).fill(INT(1)))),
      'at most 64 dims',
    ],
    [
      'requires_grad of text',
      TENSOR(INT(0), TUPLE(INT(2)), TUPLE(INT(1)), `${TEXT('a')}${HOOKS}`),
      'requires_grad True or False',
    ],
    [
      'an integer leaf',
      ONE.replace('FloatStorage', 'IntStorage').replace('\x89', '\x88'),
      'a dtype that can require grad',
    ],
    ['hooks', TENSOR(INT(0), TUPLE(INT(2)), TUPLE(INT(1)), `\x89}${INT(1)}${INT(1)}s`), 'no backward hooks'],
    ['unknown metadata', metadata('x', '\x88'), "only 'conj' and 'neg' in the metadata of a tensor"],
    [
      'metadata of no dict',
      TENSOR(INT(0), TUPLE(INT(2)), TUPLE(INT(1)), `\x89${HOOKS}]`),
      'the metadata of a tensor in a dict',
    ],
    ['a conjugate of reals', metadata('conj', '\x88'), 'a dtype that has conj'],
    [
      'a parameter of no tensor',
      CALL('torch._utils', '_rebuild_parameter', TUPLE('N', '\x88', HOOKS)),
      'a tensor for a Parameter',
    ],
    [
      'a parameter that requires grad as text',
      CALL('torch._utils', '_rebuild_parameter', TUPLE(ONE, TEXT('a'), HOOKS)),
      'requires_grad True or False',
    ],
    [
      'an integer parameter',
      CALL('torch._utils', '_rebuild_parameter', TUPLE(ONE.replace('Float', 'Int'), '\x88', HOOKS)),
      'a dtype that can require grad',
    ],
    [
      'a meta tensor of no dtype',
      CALL('torch._utils', '_rebuild_meta_tensor_no_storage', TUPLE('N', ')', ')', '\x89')),
      'a dtype for a tensor',
    ],
    [
      'bytes that are none',
      CALL('_codecs', 'encode', TUPLE(TEXT('\u0100'), TEXT('latin1'))),
      'required bytes at byte',
    ],
    [
      'another encoding',
      CALL('_codecs', 'encode', TUPLE(TEXT('a'), TEXT('rot13'))),
      'a text to encode as latin1',
    ],
    ['a bytearray of a number', CALL('__builtin__', 'bytearray', TUPLE(INT(1e9))), 'bytes for a bytearray'],
    ['a complex of text', CALL('__builtin__', 'complex', TUPLE(TEXT('a'), INT(1))), 'a number for re'],
    ['a set of a number', CALL('__builtin__', 'set', TUPLE(INT(1))), 'a list for builtins.set'],
    ['a size of a number', CALL('torch', 'Size', TUPLE(INT(1))), 'a list for torch.Size'],
    ['a device of a number', CALL('torch', 'device', TUPLE(INT(1))), 'the name of a device'],
    ['an unknown device', CALL('torch', 'device', TUPLE(TEXT('abacus'))), 'a device that is known here'],
    [
      'pairs that are none',
      CALL('collections', 'OrderedDict', TUPLE(`](${TUPLE(INT(1))}e`)),
      'pairs of a key and a value',
    ],
    [
      'an OrderedDict of more',
      CALL('collections', 'OrderedDict', TUPLE(']', ']')),
      'a dict or list of pairs',
    ],
    ['a deep value', `${')'}${'\x85'.repeat(100_000)}`, 'values of at most 500 levels'],
  ];
  it.each(bad)('are refused: %s', (_, body, text) => {
    expect(() => load(pickled(body))).toThrow(CheckpointError);
    expect(() => load(pickled(body))).toThrow(text);
  });

  it('are refused in another protocol, or where they are none', () => {
    const raw = (text: string): string => writeArchive(path, { 'data.pkl': Buffer.from(text, 'latin1') });
    expect(() => load(raw('\x80\x04N.'))).toThrow(
      "pickle protocol 2 at byte 2 of data.pkl, got 4. It is torch.save's",
    );
    expect(() => load(raw('N.'))).toThrow('required a pickle at byte 1 of data.pkl');
    expect(() => load(raw('\x80\x02N'))).toThrow('1 more bytes at byte 3 of data.pkl, got 0');
  });

  it('cannot ask for much more memory than they take', () => {
    // A long text, encoded again and again.
    const names = `${TEXT('a'.repeat(100_000))}q\x00c_codecs\nencode\nq\x01${TEXT('latin1')}q\x02`;
    const bytes = `${names}](${'h\x01h\x00h\x02\x86R'.repeat(5000)}e`;
    expect(() => load(pickled(bytes))).toThrow('values about as large as the pickle');
    const set = `](${INT(1).repeat(50_000)}e\x85q\x00c__builtin__\nset\nq\x01(${'h\x01h\x00R'.repeat(5000)}`;
    expect(() => load(pickled(set))).toThrow('values about as large as the pickle');
    const huge = metadata('neg', '\x88')
      .replace(TUPLE(INT(2)), TUPLE(INT(2 ** 30)))
      .replace(TUPLE(INT(1)), TUPLE(INT(0)));
    expect(() => load(pickled(huge))).toThrow('neg of at most 8 times what is stored');
  });
});
