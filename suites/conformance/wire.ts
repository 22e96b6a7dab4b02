// Wire format of recorded calls: types of frames, and reading them from a stream of bytes.

/** [offset, length] of bytes in a frame. */
export type Blob = readonly [number, number];

/** A Python value: suites/reference/opdb_frames.py lists the forms. */
export type Wire = null | boolean | number | string | readonly Wire[] | { readonly [key: string]: unknown };

export interface WireArray {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Blob;
  /** The float64 result, where PyTorch's own is far from it. */
  readonly truth?: Blob;
  readonly truthDtype?: string;
}

export interface WireOutput extends WireArray {
  readonly strides: readonly number[];
  readonly offset: number;
  /** The input that it shares memory with. */
  readonly view: number | null;
  /** It has PyTorch's conjugate or negative bit: its memory does not hold its values. */
  readonly lazy: boolean;
  readonly grad: boolean;
}

export interface WireTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly storage: number;
  readonly grad: boolean;
}

export interface WireCall {
  readonly id: number;
  /** The dotted Python paths under which the function is known, the likeliest first. */
  readonly paths: readonly string[];
  readonly args: readonly Wire[];
  readonly kwargs: Readonly<Record<string, Wire>>;
}

export interface WireProgram {
  readonly calls: readonly WireCall[];
  readonly result: Wire;
}

/** An entry with a dtype, or with its error inputs. */
export interface CaseName {
  /** `add@float32`, `add@errors`. */
  readonly id: string;
  readonly entry: string;
  readonly dtype: string;
}

export interface HelloHeader {
  readonly kind: 'hello';
  readonly torch: string;
  readonly numpy: string;
  /** How many entries the database has. */
  readonly total: number;
  readonly cases: readonly CaseName[];
  /** Entries without any case: they take no dtype of the order on the CPU. */
  readonly empty: readonly string[];
}

export interface CaseHeader {
  readonly kind: 'case';
  readonly id: string;
}

interface Call {
  readonly entry: string;
  readonly sample: number;
  readonly unsupported?: string;
  readonly storages: readonly Blob[];
  readonly tensors: readonly WireTensor[];
  readonly program: WireProgram;
}

export interface SampleHeader extends Call {
  readonly kind: 'sample';
  readonly dtype: string;
  readonly seed: number;
  /** Another seed gives another result. */
  readonly random: boolean;
  readonly result: Wire;
  readonly outputs: readonly WireOutput[];
  readonly processed?: WireProgram & { readonly values: readonly WireArray[] };
  readonly changed?: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Blob }>>;
  readonly inplace?: { readonly name: string; readonly value?: WireArray; readonly error?: string };
  readonly method?: string;
  readonly backward?: WireBackward;
  readonly forward?: {
    readonly tangents: readonly (WireArray | null)[];
    readonly values: readonly (WireArray | null)[];
  };
}

export interface WireBackward {
  /** Which inputs take a gradient. */
  readonly inputs: readonly number[];
  /** What was given as the gradients of the outputs. */
  readonly outputs: readonly WireArray[];
  readonly gradients: readonly (WireArray | null)[];
  /** What the gradients were multiplied with before they were differentiated again. */
  readonly seeds?: readonly (WireArray | null)[];
  /** For every input that takes a gradient, then for every output's gradient. */
  readonly second?: readonly (WireArray | null)[];
}

export interface ErrorHeader extends Call {
  readonly kind: 'error';
  readonly expected: readonly string[];
  readonly error: { readonly class: string; readonly message: string };
}

export interface BrokenHeader {
  readonly kind: 'broken';
  readonly message: string;
}

export type Header =
  | HelloHeader
  | CaseHeader
  | SampleHeader
  | ErrorHeader
  | BrokenHeader
  | { readonly kind: 'end' };

export interface Frame<H = Header> {
  readonly header: H;
  readonly bytes: Uint8Array;
}

/** Reads frames from chunks of bytes. The bytes of a frame start at a multiple of 16 in memory of their own. */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const reader = new Reader(chunks[Symbol.asyncIterator]());
  for (;;) {
    const head = await reader.take(4);
    if (head === null) return;
    const size = new DataView(head.buffer).getUint32(0, true);
    const text = await reader.need(size);
    const header = JSON.parse(new TextDecoder().decode(text)) as Header & { bytes: number };
    yield { header, bytes: await reader.need(header.bytes) };
  }
}

class Reader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(chunks: AsyncIterator<Uint8Array>) {
    this.#chunks = chunks;
  }

  /** n bytes in memory of their own, or null at the end of the stream. */
  async take(n: number): Promise<Uint8Array | null> {
    const out = new Uint8Array(n);
    let filled = 0;
    while (filled < n) {
      if (this.#at === this.#held.length) {
        const next = await this.#chunks.next();
        if (next.done) return null;
        this.#held = next.value;
        this.#at = 0;
      }
      const part = this.#held.subarray(this.#at, this.#at + n - filled);
      out.set(part, filled);
      filled += part.length;
      this.#at += part.length;
    }
    return out;
  }

  async need(n: number): Promise<Uint8Array> {
    const taken = await this.take(n);
    if (taken === null) throw new Error('the stream of calls ended in the middle of one');
    return taken;
  }
}
