// Loading of the native addon, its types and its status codes. The contract is in native/README.md.
import { createRequire } from 'node:module';
import { ArgumentError, message, RuntimeError, TorchstoneError } from '../core/errors.js';
import type { Kernels, MemoryPool } from './backend.js';
import { addonFile } from './locate.js';

/** What was found where a library was looked for. */
export interface CudaLook {
  readonly library: string;
  readonly path: string;
  readonly result: string;
}

/** What looking for CUDA gave. Versions are null where the library was not found. */
export interface CudaFound {
  readonly available: boolean;
  readonly reason: string;
  readonly devices: readonly {
    name: string;
    major: number;
    minor: number;
    memory: number;
    multiprocessors: number;
  }[];
  readonly driver: string | null;
  readonly nvrtc: string | null;
  readonly cublas: string | null;
  readonly looked: readonly CudaLook[];
}

/** The CUDA half of the addon; everything works on the device and stream that were set last. Contract: native/cuda/README.md. */
export interface CudaAddon extends Kernels, MemoryPool {
  /** Looks for the libraries, once; folders are tried before the usual places. */
  init(folders: readonly string[]): CudaFound;
  setDevice(index: number): void;
  /** [free bytes, total bytes] */
  memoryInfo(out: Float64Array): void;
  copyIn(address: number, from: ArrayBuffer, byteOffset: number, bytes: number): void;
  /** Waits for the stream. */
  copyOut(address: number, to: ArrayBuffer, byteOffset: number, bytes: number): void;
  copyWithin(to: number, from: number, bytes: number): void;
  fill(address: number, byte: number, bytes: number): void;
  /** Between two devices; both indices are those of setDevice. */
  copyAcross(to: number, toDevice: number, from: number, fromDevice: number, bytes: number): void;
  /** Waits for all streams of the device; the status of a kernel that failed since stands in the block. */
  synchronize(): void;
  /** Every launch waits and reports its own failure. */
  setBlocking(on: boolean): void;
  /** Whether cuBLAS may cut float32 operands to TF32. */
  allowTf32(on: boolean): void;
  /** Streams, events and graphs end with their owners, at the latest when a later one is made, or where they are destroyed. */
  streamCreate(owner: object): number;
  streamUse(stream: number): void;
  streamSynchronize(stream: number): void;
  streamQuery(stream: number): boolean;
  streamDestroy(stream: number): void;
  eventCreate(owner: object): number;
  eventRecord(event: number, stream: number): void;
  eventSynchronize(event: number): void;
  eventQuery(event: number): boolean;
  /** Milliseconds from one to the other. */
  eventElapsed(from: number, to: number): number;
  eventDestroy(event: number): void;
  streamWaitEvent(stream: number, event: number): void;
  graphBegin(): void;
  graphEnd(owner: object): number;
  graphLaunch(graph: number): void;
  graphDestroy(graph: number): void;
  /** Runs a kernel written as text, for tests: words are int64, -1 the address of the error cell. */
  launchText(
    headers: readonly string[],
    body: string,
    blocks: number,
    threads: number,
    words: Float64Array,
  ): void;
  /** Compiles kernels as one unit with the NVRTC found in the folders, without a device; architecture 90 is sm_90. */
  compileText(
    folders: readonly string[],
    headers: readonly string[],
    body: string,
    architecture: number,
  ): { nvrtc: string; bytes: number; error: string };
  /** The last call's failure, where status 6 or a JavaScript error named one. */
  failure(): { kind: 'none' | 'memory' | 'compile' | 'launch' | 'lost' | 'library'; message: string };
}

export interface Addon extends Kernels, MemoryPool {
  readonly block: Float64Array;
  readonly primitives: readonly { name: string; arity: number; kinds: string }[];
  /** Absent from builds without it. */
  readonly cuda?: CudaAddon;
  defineProgram(code: Int32Array, constants: Float64Array): number;
  setBudget(bytes: number): void;
  addressOf(buffer: ArrayBuffer): number;
  arrayBufferAt(address: number, bytes: number): ArrayBuffer;
  info(): { isa: string; threads: number; sleef: boolean; compiler: string };
  setThreads(n: number): void;
  getThreads(): number;
}

const instructionSets = ['baseline', 'avx2', 'avx512'] as const;
/** Names of the baseline that the doctor and compilers use. */
const baselineNames: Readonly<Record<string, string>> = { 'sse4.2': 'baseline', sse4_2: 'baseline' };

/** Which kernels TORCHSTONE_ISA asks for; null: the best that the machine has. @throws ArgumentError for an unknown name */
function wantedKernels(): string | null {
  const named = process.env.TORCHSTONE_ISA;
  if (named === undefined || named === '') return null;
  const wanted = baselineNames[named] ?? named;
  if (!(instructionSets as readonly string[]).includes(wanted)) {
    const required = `one of ${instructionSets.join(', ')} (or sse4.2 for baseline)`;
    throw new ArgumentError(message('TORCHSTONE_ISA', required, `'${named}'`));
  }
  process.env.TORCHSTONE_ISA = wanted;
  return wanted;
}

/** @throws TorchstoneError where the file is no addon for this Node */
function required(path: string): Addon {
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TorchstoneError(
      `torchstone: required the native addon, got one that does not load: ${path}. ${reason}`,
      { cause: error },
    );
  }
}

function load(): { addon: Addon; path: string } {
  const wanted = wantedKernels();
  const path = addonFile();
  const addon = required(path);
  const { isa } = addon.info();
  if (wanted !== null && wanted !== isa) {
    const required = `kernels that this processor can run, at most ${isa}`;
    throw new RuntimeError(message('TORCHSTONE_ISA', required, `'${wanted}'`));
  }
  return { addon, path };
}

const loaded = load();
/** The addon of this environment. A copy: what Node-API makes is a dictionary, in which every call would look its function up. */
export const addon: Addon = { ...loaded.addon };
/** Where it was loaded from. */
export const addonPath: string = loaded.path;
/** The shared command block. Only `commands/` reads and writes it. */
export const block: Float64Array = addon.block;

const opcodes = new Map<string, number>(addon.primitives.map((p, i) => [p.name, i]));

/** The addon's number of a scalar primitive. */
export function opcodeOf(name: string): number {
  const code = opcodes.get(name);
  if (code === undefined) throw new TorchstoneError(`the addon has no scalar primitive '${name}'`);
  return code;
}
