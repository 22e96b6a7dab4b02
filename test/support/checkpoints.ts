// Checkpoints made by hand: pickles written instruction by instruction, in an archive whose sums are right.
//   writePickle(path, `]${INT(1)}a`);  load(path)  // [1]
import { writeFileSync } from 'node:fs';
import { ZipWriter } from '../../engine/io/_zip-writer.js';

export type Records = Readonly<Record<string, string | Buffer>>;

/** The storage of every archive: float32 1 and 2. */
export const TWO: Buffer = Buffer.from(Float32Array.of(1, 2).buffer);
const usual: Records = { byteorder: 'little', version: '3\n', 'data/0': TWO };

/** An archive of these records beside the usual ones, in a folder; those that are '' are left out. Returns the path. */
export function writeArchive(path: string, records: Records, root = 'x'): string {
  const parts: Uint8Array[] = [];
  const out = {
    position: 0,
    write(bytes: Uint8Array): void {
      parts.push(bytes);
      this.position += bytes.length;
    },
  };
  const zip = new ZipWriter(out, 64);
  for (const [name, content] of Object.entries({ ...usual, ...records })) {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
    if (content !== '') zip.add(root === '' ? name : `${root}/${name}`, bytes.length, (use) => use(bytes));
  }
  zip.finish();
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** An archive of a pickle of protocol 2 with these instructions. Returns the path. */
export function writePickle(path: string, body: string, records: Records = {}): string {
  return writeArchive(path, { 'data.pkl': Buffer.from(`\x80\x02${body}.`, 'latin1'), ...records });
}

const uint32 = (n: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n >>> 0);
  return bytes.toString('latin1');
};
/** BINUNICODE, with a length of its own where one is given. */
export function TEXT(text: string, length = Buffer.byteLength(text)): string {
  return `X${uint32(length)}${Buffer.from(text).toString('latin1')}`;
}
/** BININT. */
export function INT(n: number): string {
  return `J${uint32(n)}`;
}
/** MARK … TUPLE. */
export function TUPLE(...items: readonly string[]): string {
  return `(${items.join('')}t`;
}
/** GLOBAL and REDUCE. */
export function CALL(module: string, name: string, args: string): string {
  return `c${module}\n${name}\n${args}R`;
}

/** The persistent id of the storage of every archive. */
export const STORAGE: string = TUPLE(
  TEXT('storage'),
  'ctorch\nFloatStorage\n',
  TEXT('0'),
  TEXT('cpu'),
  INT(2),
);
export const HOOKS: string = CALL('collections', 'OrderedDict', ')');
/** A tensor of that storage. */
export function TENSOR(offset: string, size: string, stride: string, more = `\x89${HOOKS}`): string {
  return CALL('torch._utils', '_rebuild_tensor_v2', TUPLE(`${STORAGE}Q`, offset, size, stride, more));
}
/** The whole storage as a tensor. */
export const ONE: string = TENSOR(INT(0), TUPLE(INT(2)), TUPLE(INT(1)));
