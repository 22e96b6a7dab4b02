// The .npy format: strict reading and writing of one array. npyjs makes the typed views but checks nothing, so
// everything is checked here first; its dump() is not used, because it aligns to 8 bytes instead of 64 and trusts any
// shape.
import { parse } from 'npyjs';
import { message, TorchstoneError } from '../core/errors.js';
import type { Refusal } from './_file.js';
import { LITTLE, swapWords } from './_payload.js';

/** What a file may hold. float16 and bfloat16 as raw 16-bit patterns, bool as 0 and 1, complex interleaved. */
export type NpyData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** Torchstone's dtypes, and the three unsigned ones that only files have. */
export type NpyDtype = keyof typeof LAYOUTS;

/** An array as read: always in C order, in memory of its own. */
export interface NpyArray {
  /** A view behind a header: use it, not its whole buffer. Complex: two numbers an element. */
  readonly data: NpyData;
  readonly shape: readonly number[];
  /** In elements, contiguous; a dimension of size 0 counts as 1, as in PyTorch. */
  readonly strides: readonly number[];
  readonly dtype: NpyDtype;
}

/** What can be written: elements in C order. `dtype` is a Torchstone name; an unknown one is refused. */
export interface NpySource {
  readonly data: NpyData;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** A file that is not what it claims to be, or an array that no file could hold. */
export class NpyError extends TorchstoneError {
  override name = 'NpyError';
}

/** Makes the error `npy: FILE: required …, got …`; the file is left out where it has no name. */
export function refusal(format: 'npy' | 'npz', name?: string): Refusal {
  const subject = name === undefined ? format : `${format}: ${name}`;
  return (required, got, hint) => new NpyError(message(subject, required, got, hint));
}

interface Layout {
  /** NumPy's type string without its byte order. */
  readonly code: string;
  /** The code that npyjs views it under, where it would not give the raw array for `code`. */
  readonly wire?: string;
  readonly itemSize: number;
  /** Numbers in one element; bytes are swapped within each. */
  readonly parts: 1 | 2;
  readonly view: new (length: number) => NpyData;
}

const LAYOUTS = {
  // npyjs would make a plain array of booleans.
  bool: { code: 'b1', wire: 'u1', itemSize: 1, parts: 1, view: Uint8Array },
  uint8: { code: 'u1', itemSize: 1, parts: 1, view: Uint8Array },
  int8: { code: 'i1', itemSize: 1, parts: 1, view: Int8Array },
  int16: { code: 'i2', itemSize: 2, parts: 1, view: Int16Array },
  int32: { code: 'i4', itemSize: 4, parts: 1, view: Int32Array },
  int64: { code: 'i8', itemSize: 8, parts: 1, view: BigInt64Array },
  uint16: { code: 'u2', itemSize: 2, parts: 1, view: Uint16Array },
  uint32: { code: 'u4', itemSize: 4, parts: 1, view: Uint32Array },
  uint64: { code: 'u8', itemSize: 8, parts: 1, view: BigUint64Array },
  float16: { code: 'f2', itemSize: 2, parts: 1, view: Uint16Array },
  // NumPy has no bfloat16; this is what the ml_dtypes package (JAX, TensorFlow) saves it as.
  bfloat16: { code: 'V2', wire: 'u2', itemSize: 2, parts: 1, view: Uint16Array },
  float32: { code: 'f4', itemSize: 4, parts: 1, view: Float32Array },
  float64: { code: 'f8', itemSize: 8, parts: 1, view: Float64Array },
  complex64: { code: 'c8', itemSize: 8, parts: 2, view: Float32Array },
  complex128: { code: 'c16', itemSize: 16, parts: 2, view: Float64Array },
} as const satisfies Readonly<Record<string, Layout>>;

const NAMES = Object.keys(LAYOUTS) as readonly NpyDtype[];
const HOST_ORDER = LITTLE ? '<' : '>';
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;
/** NumPy's own limits: dimensions of an array, bytes of a header it reads without being told to trust it. */
const MOST_DIMS = 64;
const MOST_HEADER = 10_000;

/**
 * Reads the bytes of a `.npy` file: versions 1 to 3, either byte order, C or Fortran order. The bytes are copied.
 * Throws {@link NpyError}, naming `name`, unless the whole file is exactly one array of a known dtype.
 */
export function parseNpy(bytes: Uint8Array, name?: string): NpyArray {
  const refuse = refusal('npy', name);
  const { dtype, shape, end, fortran, swapped } = readHeader(bytes, bytes.length, refuse);
  const layout: Layout = LAYOUTS[dtype];
  const payload = bytes.subarray(end);
  const count = payload.length / layout.itemSize;
  const head = encodeHeader(`${layout.itemSize === 1 ? '|' : '<'}${layout.wire ?? layout.code}`, [count]);
  const frame = new ArrayBuffer(head.length + payload.length);
  new Uint8Array(frame).set(head);
  const body = new Uint8Array(frame, head.length);
  body.set(payload);
  if (swapped) swapWords(body, layout.itemSize / layout.parts);
  if (fortran) toRowMajor(body, shape, layout.itemSize);
  const data = parse(frame, { convertFloat16: false }).data as NpyData;
  if (!(data instanceof layout.view) || data.length !== count * layout.parts) {
    throw refuse(`${count * layout.parts} numbers of ${dtype}`, `${data.length} from npyjs`);
  }
  if (dtype === 'bool') requireBooleans(data, refuse);
  return { data, shape, strides: contiguousStrides(shape), dtype };
}

/**
 * The bytes of a `.npy` file, the same that NumPy would write. Throws {@link NpyError} if the dtype is unknown, or
 * the data is not of its array type or not as long as the shape says.
 */
export function serializeNpy(array: NpySource): Uint8Array {
  const refuse = refusal('npy');
  const { data, shape, dtype } = array;
  if (!isNpyDtype(dtype)) throw refuse(`dtype ${NAMES.join(', ')}`, `'${dtype}'`);
  const layout: Layout = LAYOUTS[dtype];
  if (!(data instanceof layout.view)) {
    throw refuse(`${layout.view.name} data for ${dtype}`, (data as object).constructor.name);
  }
  requireDims(shape, refuse);
  const length = countOf(shape, layout.itemSize, refuse) * layout.parts;
  if (data.length !== length) throw refuse(`${length} numbers for shape ${tuple(shape)}`, `${data.length}`);
  if (dtype === 'bool') requireBooleans(data, refuse);
  const head = serializeHeader(shape, dtype);
  const file = new Uint8Array(head.length + data.byteLength);
  file.set(head);
  const body = file.subarray(head.length);
  body.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (!LITTLE) swapWords(body, layout.itemSize / layout.parts);
  return file;
}

/** What comes before the data in a file: C order, low bytes first. */
export function serializeHeader(shape: readonly number[], dtype: NpyDtype): Uint8Array {
  const { itemSize, code } = LAYOUTS[dtype];
  return encodeHeader(`${itemSize === 1 ? '|' : '<'}${code}`, shape);
}

/** Whether {@link serializeNpy} writes this dtype. */
export function isNpyDtype(dtype: string): dtype is NpyDtype {
  return Object.hasOwn(LAYOUTS, dtype);
}

/** What a header says, and where the data begin. */
export interface NpyHeader {
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** Column-major. */
  readonly fortran: boolean;
  /** In the other byte order than this machine's. */
  readonly swapped: boolean;
  readonly end: number;
}

/** So many bytes hold every header that is read. */
export const HEADER_ROOM = MOST_HEADER + 12;

/**
 * Reads a header from the first bytes of a file of `total` bytes, and checks that the data behind it are as long as it says.
 * `raw` says what `|V2` data are: NumPy's word for two bytes of no type.
 */
export function readHeader(bytes: Uint8Array, total: number, refuse: Refusal, raw?: 'bfloat16'): NpyHeader {
  const { text, end } = headerText(bytes, total, refuse);
  const { descr, fortran, shape } = readDict(text, refuse);
  const { dtype, order } = readDescr(descr, refuse, raw);
  const { itemSize } = LAYOUTS[dtype];
  const wanted = countOf(shape, itemSize, refuse) * itemSize;
  if (total - end !== wanted) {
    throw refuse(`${wanted} bytes of data for shape ${tuple(shape)} of ${dtype}`, `${total - end}`);
  }
  return { dtype, shape, fortran, swapped: order !== '|' && order !== HOST_ORDER, end };
}

function headerText(bytes: Uint8Array, total: number, refuse: Refusal): { text: string; end: number } {
  if (bytes.length < 10) throw refuse('at least 10 bytes', `${bytes.length}`);
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw refuse("the magic string '\\x93NUMPY'", `bytes ${[...bytes.subarray(0, 6)].map(hex).join(' ')}`);
  }
  const [major = 0, minor = 0] = bytes.subarray(6, 8);
  if (major < 1 || major > 3 || minor !== 0)
    throw refuse('format version 1.0, 2.0 or 3.0', `${major}.${minor}`);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw refuse(`at least ${start} bytes`, `${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const end = start + length;
  if (end > total) throw refuse(`a header of ${length} bytes`, `${total - start} bytes to the end`);
  if (length > MOST_HEADER) throw refuse(`a header of at most ${MOST_HEADER} bytes`, `${length}`);
  // Latin-1 until version 3; the same for the ASCII that all accepted headers are.
  const text = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(start, end));
  return { text, end };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

const TOKEN = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(-?(?:0|[1-9]\d*))(?![\w.])|([A-Za-z_]\w*)|([{}()[\],:]))/y;

interface Token {
  readonly kind: 'string' | 'int' | 'word' | 'mark' | 'end';
  readonly text: string;
}

/** The header's tokens, a last one of kind `end` included. */
function tokens(text: string, refuse: Refusal): Token[] {
  const source = text.trimEnd();
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null) throw refuse('a Python dict as header', quote(source.slice(at)));
    const [, single, double, int, word, mark] = match;
    if (int !== undefined) found.push({ kind: 'int', text: int });
    else if (word !== undefined) found.push({ kind: 'word', text: word });
    else if (mark !== undefined) found.push({ kind: 'mark', text: mark });
    else found.push({ kind: 'string', text: single ?? double ?? '' });
  }
  found.push({ kind: 'end', text: 'the end of the header' });
  return found;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** Reads the one dict NumPy writes. Nothing is evaluated; whatever else Python would accept is refused. */
function readDict(
  text: string,
  refuse: Refusal,
): { descr: string; fortran: boolean; shape: readonly number[] } {
  const list = tokens(text, refuse).reverse();
  const next = (): Token => list.pop() ?? { kind: 'end', text: 'the end of the header' };
  const expectMark = (mark: string): void => {
    const token = next();
    if (token.kind !== 'mark' || token.text !== mark)
      throw refuse(`'${mark}' in the header`, quote(token.text));
  };
  const isNext = (mark: string): boolean => list.at(-1)?.kind === 'mark' && list.at(-1)?.text === mark;
  let descr: string | undefined;
  let fortran: boolean | undefined;
  let shape: readonly number[] | undefined;
  const seen = new Set<string>();
  expectMark('{');
  while (!isNext('}')) {
    const key = next();
    if (key.kind !== 'string') throw refuse('a quoted key in the header', quote(key.text));
    if (seen.has(key.text)) throw refuse('each header key once', `'${key.text}' twice`);
    seen.add(key.text);
    expectMark(':');
    if (key.text === 'descr') descr = readString(next(), refuse);
    else if (key.text === 'fortran_order') fortran = readBoolean(next(), refuse);
    else if (key.text === 'shape') shape = readShape(next, isNext, refuse);
    else throw refuse("only the header keys 'descr', 'fortran_order' and 'shape'", quote(key.text));
    if (!isNext('}')) expectMark(',');
  }
  expectMark('}');
  if (next().kind !== 'end')
    throw refuse('nothing behind the dict in the header', quote(text.trim().slice(-40)));
  if (descr === undefined || fortran === undefined || shape === undefined) {
    throw refuse("the header keys 'descr', 'fortran_order' and 'shape'", [...seen].join(', ') || 'none');
  }
  requireDims(shape, refuse);
  return { descr, fortran, shape };
}

function readString(token: Token, refuse: Refusal): string {
  if (token.kind === 'string') return token.text;
  const got = token.text === '[' ? 'a structured dtype' : quote(token.text);
  throw refuse('descr to be one plain type string', got);
}

function readBoolean(token: Token, refuse: Refusal): boolean {
  if (token.kind === 'word' && token.text === 'True') return true;
  if (token.kind === 'word' && token.text === 'False') return false;
  throw refuse('fortran_order True or False', quote(token.text));
}

function readShape(next: () => Token, isNext: (mark: string) => boolean, refuse: Refusal): number[] {
  const open = next();
  if (open.kind !== 'mark' || open.text !== '(') throw refuse('shape to be a tuple', quote(open.text));
  const dims: number[] = [];
  let commas = 0;
  while (!isNext(')')) {
    const token = next();
    if (token.kind !== 'int') throw refuse('integers in shape', quote(token.text));
    dims.push(Number(token.text) + 0); // never -0
    if (isNext(')')) break;
    const comma = next();
    if (comma.text !== ',') throw refuse("',' between the dimensions in shape", quote(comma.text));
    commas += 1;
  }
  next();
  // Python reads (3) as a number; only (3,) is a tuple.
  if (dims.length === 1 && commas === 0) throw refuse('shape to be a tuple', `(${dims[0]})`);
  return dims;
}

function readDescr(
  descr: string,
  refuse: Refusal,
  raw: 'bfloat16' | undefined,
): { dtype: NpyDtype; order: string } {
  const order = descr.slice(0, 1);
  const code = descr.slice(1);
  if (code.startsWith('O'))
    throw refuse('numbers', `descr '${descr}': object arrays are pickled code, never read`);
  // What np.save makes of a bfloat16 array that np.load read: the name is lost, the bytes are in this machine's order.
  if (descr === '|V2') {
    if (raw !== undefined) return { dtype: raw, order: HOST_ORDER };
    throw refuse(
      'data of a known dtype',
      "'|V2'",
      "If they are bfloat16, read them with { dtype: 'bfloat16' }",
    );
  }
  const dtype = NAMES.find((known) => LAYOUTS[known].code === code);
  if (dtype === undefined) throw refuse(`descr of a known dtype (${NAMES.join(', ')})`, `'${descr}'`);
  // '|' stands for no byte order, which only single bytes have. '=' would be the order of whichever machine reads.
  const allowed = LAYOUTS[dtype].itemSize === 1 ? '|<>' : '<>';
  if (!allowed.includes(order)) throw refuse(`descr '<${code}' or '>${code}' for ${dtype}`, `'${descr}'`);
  return { dtype, order: LAYOUTS[dtype].itemSize === 1 ? '|' : order };
}

function requireDims(shape: readonly number[], refuse: Refusal): void {
  if (shape.length > MOST_DIMS) throw refuse(`at most ${MOST_DIMS} dimensions`, `${shape.length}`);
  const wrong = shape.find((size) => !Number.isSafeInteger(size) || size < 0);
  if (wrong !== undefined) throw refuse('dimensions from 0 to 2^53 - 1', `${wrong} in ${tuple(shape)}`);
}

/** Number of elements. As in NumPy, the sizes other than 0 must multiply to something addressable. */
function countOf(shape: readonly number[], itemSize: number, refuse: Refusal): number {
  const nonzero = shape.reduce((product, size) => product * Math.max(size, 1), 1);
  // A product that is too large stays so under rounding: 2^53 and above are never safe.
  if (nonzero * itemSize > Number.MAX_SAFE_INTEGER) {
    throw refuse('an array of less than 2^53 bytes', `shape ${tuple(shape)}`);
  }
  return shape.includes(0) ? 0 : nonzero;
}

/** @throws what `refuse` makes for bytes that are no booleans. `first` is the place of the first one. */
export function requireBooleans(data: NpyData, refuse: Refusal, first = 0): void {
  for (let i = 0; i < data.length; i++) {
    if (Number(data[i]) > 1) throw refuse('bool bytes 0 or 1', `${data[i]} at element ${first + i}`);
  }
}

function tuple(shape: readonly number[]): string {
  return `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
}

/** A version 1 header, the length a multiple of 64; byte for byte what NumPy writes. */
function encodeHeader(descr: string, shape: readonly number[]): Uint8Array {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple(shape)}, }`;
  // NumPy leaves room for the first dimension to grow to 21 digits in place.
  const text = dict + (shape.length === 0 ? '' : ' '.repeat(21 - String(shape[0]).length));
  const length = 64 * Math.floor((10 + text.length + 1) / 64 + 1);
  const head = new Uint8Array(length).fill(0x20);
  head.set([...MAGIC, 1, 0, (length - 10) & 0xff, (length - 10) >> 8]);
  head.set(new TextEncoder().encode(text), 10);
  head[length - 1] = 0x0a;
  return head;
}

/** Reorders elements from column-major to row-major, in place by way of a copy, as raw bits. */
function toRowMajor(body: Uint8Array<ArrayBuffer>, shape: readonly number[], itemSize: number): void {
  if (shape.length < 2 || body.length === 0) return;
  // Integers, so that no NaN loses its payload on the way.
  const Unit = itemSize === 1 ? Uint8Array : itemSize === 2 ? Uint16Array : Uint32Array;
  const units = itemSize / Unit.BYTES_PER_ELEMENT;
  const to = new Unit(body.buffer, body.byteOffset, body.length / Unit.BYTES_PER_ELEMENT);
  const from = to.slice();
  const strides: number[] = [];
  for (let stride = units, d = 0; d < shape.length; d++) {
    strides.push(stride);
    stride *= shape[d]!;
  }
  const index = new Array<number>(shape.length).fill(0);
  for (let target = 0, source = 0; target < to.length; target += units) {
    for (let k = 0; k < units; k++) to[target + k] = from[source + k]!;
    for (let d = shape.length - 1; d >= 0; d--) {
      source += strides[d]!;
      index[d]! += 1;
      if (index[d]! < shape[d]!) break;
      source -= strides[d]! * shape[d]!;
      index[d] = 0;
    }
  }
}

function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let stride = 1, d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= Math.max(shape[d]!, 1);
  }
  return strides;
}
