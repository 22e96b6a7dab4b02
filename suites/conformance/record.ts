// Selection of the calls to record: for every case small calls that differ in form, within a budget of bytes. `tsx
// suites/conformance/record.ts FOLDER [ENTRY,…]`, run by scripts/fixtures.mjs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_DTYPES } from './index.js';
import { fileOf, INDEX, type Index, IndexSchema, pack } from './recorded.js';
import { type CallFrame, liveSource } from './source.js';
import type { CaseName, Wire, WireTensor } from './wire.js';

const SEED = 0;
/** Bytes of a case's frames before they are compressed, by dtype; one call is always taken. */
const BUDGET: Readonly<Record<string, number>> = { float64: 36_000, errors: 48_000 };
const USUAL_BUDGET = 30_000;
const MOST_CALLS = 28;
/** Headers compress far better than numbers. */
const HEADER_SHARE = 0.12;

/** Records every case into `folder`, or anew those of some entries of what is there. */
export async function record(python: string, folder: string, filter: readonly string[] = []): Promise<Index> {
  const order = { filter, dtypes: DEFAULT_DTYPES, seed: SEED };
  const source = await liveSource(python, order, new AbortController().signal);
  const index: Index = {
    torch: source.torch,
    seed: SEED,
    total: source.total,
    empty: [...source.empty],
    cases: [],
  };
  mkdirSync(join(folder, 'conformance'), { recursive: true });
  let recording: Record<string, CallFrame[]> = {};
  for (const [at, one] of source.cases.entries()) {
    const { picked, of } = await pick(one, source.calls(one));
    recording[one.dtype] = picked;
    index.cases.push({ entry: one.entry, dtype: one.dtype, recorded: picked.length, of });
    if (source.cases[at + 1]?.entry === one.entry) continue;
    writeFileSync(join(folder, fileOf(one.entry)), pack(recording));
    recording = {};
  }
  const whole = filter.length === 0 ? index : merged(readIndex(folder), index);
  writeFileSync(join(folder, INDEX), `${JSON.stringify(whole, null, 1)}\n`);
  return index;
}

function readIndex(folder: string): Index {
  return IndexSchema.parse(JSON.parse(readFileSync(join(folder, INDEX), 'utf8')));
}

function merged(before: Index, anew: Index): Index {
  const found = new Map(anew.cases.map((one) => [`${one.entry}@${one.dtype}`, one]));
  return { ...before, cases: before.cases.map((one) => found.get(`${one.entry}@${one.dtype}`) ?? one) };
}

/** The calls to keep, in their order. */
async function pick(
  { dtype }: CaseName,
  calls: AsyncIterable<CallFrame | string>,
): Promise<{ picked: CallFrame[]; of: number }> {
  const all: CallFrame[] = [];
  for await (const frame of calls) if (typeof frame !== 'string') all.push(frame);
  const budget = BUDGET[dtype] ?? USUAL_BUDGET;
  const costs = new Map(all.map((frame) => [frame, costOf(frame)]));
  // What holds no element costs least and tells least: it comes last.
  const cheapest = [...all].sort(
    (a, b) => Number(isEmpty(a)) - Number(isEmpty(b)) || costs.get(a)! - costs.get(b)!,
  );
  const forms = new Set<string>();
  const fresh = cheapest.filter((frame) => {
    const form = formOf(frame);
    return !forms.has(form) && forms.add(form);
  });
  // First one of every form, then more of what is cheap.
  const chosen = new Set<CallFrame>();
  let spent = 0;
  for (const frame of [...fresh, ...cheapest]) {
    const cost = costs.get(frame)!;
    const room = dtype === 'errors' || chosen.size < MOST_CALLS;
    if (chosen.has(frame) || !room || (chosen.size > 0 && spent + cost > budget)) continue;
    chosen.add(frame);
    spent += cost;
  }
  return { picked: all.filter((frame) => chosen.has(frame)), of: all.length };
}

function isEmpty({ header }: CallFrame): boolean {
  return header.unsupported === undefined && header.tensors.some((one) => one.shape.includes(0));
}

function costOf({ header, bytes }: CallFrame): number {
  return bytes.length + HEADER_SHARE * JSON.stringify(header).length;
}

/** What distinguishes a call in kind: ranks, layouts, and the kinds of its other arguments; not sizes or numbers. */
function formOf({ header }: CallFrame): string {
  if (header.unsupported !== undefined) return 'unsupported';
  const calls = header.program.calls.map((call) => {
    const args = call.args.map((one) => kindOf(one, header.tensors));
    const kwargs = Object.entries(call.kwargs).map(([key, one]) => `${key}=${kindOf(one, header.tensors)}`);
    return `${call.paths[0]}(${[...args, ...kwargs].join()})`;
  });
  return calls.join(';');
}

function kindOf(value: Wire, tensors: readonly WireTensor[]): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return String(value);
  if (typeof value === 'number') return value < 0 ? '-i' : value === 0 ? '0' : 'i';
  if (Array.isArray(value)) return `[${(value as Wire[]).map((one) => kindOf(one, tensors)).join()}]`;
  const [tag, inner] = Object.entries(value)[0] as [string, unknown];
  if (tag === 'tuple') return `(${(inner as Wire[]).map((one) => kindOf(one, tensors)).join()})`;
  if (tag !== 't') return tag === 'dtype' ? String(inner) : tag;
  const { dtype, shape, strides, offset } = tensors[inner as number]!;
  const last = shape.length - 1;
  const plain = offset === 0 && (last < 0 || strides[last] === 1 || shape[last]! <= 1);
  return `${dtype}${shape.length}${shape.includes(0) ? 'e' : ''}${shape.includes(1) ? 'o' : ''}${plain ? '' : 'n'}`;
}

const [, script, folder, names] = process.argv;
if (script !== undefined && /record\.(ts|js)$/.test(script) && folder !== undefined) {
  const started = performance.now();
  const index = await record(
    process.env.TORCHSTONE_PYTHON ?? 'python3',
    resolve(folder),
    names?.split(',') ?? [],
  );
  const calls = index.cases.reduce((sum, one) => sum + one.recorded, 0);
  const of = index.cases.reduce((sum, one) => sum + one.of, 0);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`conformance: ${calls} of ${of} calls of ${index.total} entries recorded in ${seconds} s`);
}
