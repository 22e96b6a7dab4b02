// Random generators: a seed and the stream of numbers that it starts, which ops draw from and move on.
//   manualSeed(0); rand([3]);
//   setDefaultGenerator(new Generator({ algorithm: 'mt19937' })); // from now on PyTorch's own numbers

import { randomBytes } from 'node:crypto';
import { addon } from '../backend/addon.js';
import { cpu, type Device } from './device.js';
import { uint8 } from './dtype.js';
import { ArgumentError, describe, message, RuntimeError, ValueError } from './errors.js';
import { newTensor } from './factory.js';
import { readOptions } from './options.js';
import { Tensor } from './tensor.js';

/**
 * 'philox': Philox4x32-10 (Salmon et al., SC 2011), numbers that depend on their place alone, in threads and on any device.
 * 'mt19937': the Mersenne Twister (Matsumoto and Nishimura, 1998) as PyTorch draws from it on the CPU, one number after the other.
 */
export type RandomAlgorithm = 'philox' | 'mt19937';

export interface GeneratorOptions {
  /** Default: 'philox'. */
  readonly algorithm?: RandomAlgorithm;
}

const two32 = 4294967296;

/** Words of 32 bits, in order, that hold one of 64. */
function halves(word: bigint): readonly [low: number, high: number] {
  return [Number(BigInt.asUintN(32, word)), Number(word >> 32n)];
}

/** Philox: the key of 64 bits and how many counters are used up. Its state is those two, as PyTorch's on CUDA. */
export class PhiloxStream {
  seedLow = 0;
  seedHigh = 0;
  offset = 0;

  get seed(): bigint {
    return (BigInt(this.seedHigh) << 32n) | BigInt(this.seedLow);
  }
  restart(seed: bigint): void {
    [this.seedLow, this.seedHigh] = halves(seed);
    this.offset = 0;
  }
  state(): Uint8Array {
    const bytes = new Uint8Array(16);
    const words = [this.seedLow, this.seedHigh, this.offset % two32, Math.floor(this.offset / two32)];
    new Uint32Array(bytes.buffer).set(words);
    return bytes;
  }
  /** @throws RuntimeError where the bytes are no state. */
  restore(bytes: Uint8Array): void {
    if (bytes.length !== 16) {
      const hint = `RNG state is wrong size`;
      throw new RuntimeError(message('setState', 'the 16 bytes of a Philox stream', `${bytes.length}`, hint));
    }
    const [low, high, offsetLow, offsetHigh] = new Uint32Array(bytes.slice().buffer) as unknown as number[];
    [this.seedLow, this.seedHigh] = [low!, high!];
    this.offset = offsetLow! + offsetHigh! * two32;
  }
}

const stateBytes = 5056;
const wordCount = 624;
/** Where things stand in PyTorch's state (at::CPUGeneratorImplState), by words of 32 bits. */
const at = {
  left: 2,
  seeded: 3,
  next: 4,
  words: 6,
  second: 1256,
  hasSecond: 1260,
  float: 1262,
  hasFloat: 1263,
};

/** The Mersenne Twister. The addon draws from these bytes and moves them on; they are laid out as torch.get_rng_state(). */
export class MersenneStream {
  readonly #words = new Uint32Array(stateBytes / 4);
  /** Where the addon finds the state. The memory belongs to this object and is never shown. */
  readonly address = addon.addressOf(this.#words.buffer);

  get seed(): bigint {
    return (BigInt(this.#words[1]!) << 32n) | BigInt(this.#words[0]!);
  }
  restart(seed: bigint): void {
    const words = this.#words.fill(0);
    words.set(halves(seed));
    words[at.left] = words[at.seeded] = 1;
    let word = words[0]!;
    for (let i = 0; i < wordCount; i++) {
      words[at.words + 2 * i] = word;
      word = (Math.imul(1812433253, word ^ (word >>> 30)) + i + 1) >>> 0;
    }
  }
  state(): Uint8Array {
    return new Uint8Array(this.#words.slice().buffer);
  }
  /** @throws RuntimeError, as PyTorch, where the bytes are no state. */
  restore(bytes: Uint8Array): void {
    if (bytes.length !== stateBytes) {
      const hint = `Expected a CPUGeneratorImplState of size ${stateBytes} but found the input RNG state size to be ${bytes.length}`;
      throw new RuntimeError(message('setState', `${stateBytes} bytes`, String(bytes.length), hint));
    }
    const words = new Uint32Array(bytes.slice().buffer);
    const [left, next] = [words[at.left]!, words[at.next]!];
    // The words from `next` on last until the next twist: the addon reads no further.
    if (words[at.seeded] === 0 || left < 1 || left > wordCount || next + left > wordCount + 1)
      throw new RuntimeError(message('setState', 'a state', 'other bytes', 'Invalid mt19937 state'));
    // What PyTorch does not keep reads as 0.
    this.#words.fill(0).set(words.subarray(0, at.next + 1));
    this.#words[at.seeded] = 1;
    for (let i = 0; i < wordCount; i++) this.#words[at.words + 2 * i] = words[at.words + 2 * i]!;
    if (words[at.hasSecond] !== 0) {
      this.#words.set(words.subarray(at.second, at.second + 2), at.second);
      this.#words[at.hasSecond] = 1;
    }
    if ((words[at.hasFloat]! & 0xff) !== 0) {
      this.#words[at.float] = words[at.float]!;
      this.#words[at.hasFloat] = 1;
    }
  }
}

/** @throws what PyTorch throws for what is no seed of 64 bits; a negative one stands for its two's complement. */
function seedOf(seed: number | bigint): bigint {
  if (typeof seed !== 'bigint' && !Number.isInteger(seed)) {
    const hint = `manual_seed expected a long, but got ${typeof seed}`;
    throw new RuntimeError(message('manualSeed', 'an integer', describe(seed), hint));
  }
  const word = BigInt(seed);
  if (word < -(2n ** 63n) || word >= 2n ** 64n) {
    const hint = 'Overflow when unpacking long long';
    throw new ValueError(message('manualSeed', 'a seed of 64 bits', String(seed), hint));
  }
  return BigInt.asUintN(64, word);
}

/** @throws as PyTorch where the value is no uint8 tensor on the CPU. */
function bytesOf(state: Tensor): Uint8Array {
  if (!(state instanceof Tensor)) {
    const hint = `expected a torch.ByteTensor, but got ${describe(state)}`;
    throw new ArgumentError(message('setState', 'a tensor of uint8', describe(state), hint));
  }
  if (state.dtype !== uint8 || state.device !== cpu) {
    const got = `${state.dtype.name} on ${String(state.device)}`;
    throw new ArgumentError(
      message('setState', 'uint8 on the CPU', got, 'RNG state must be a torch.ByteTensor'),
    );
  }
  return Uint8Array.from(state.contiguous().view(-1).tolist() as number[]);
}

/**
 * A seeded stream of random numbers, as torch.Generator. Without a seed it starts from PyTorch's fixed 67280421310721.
 * The same seed gives the same numbers for any number of threads.
 */
export class Generator {
  readonly algorithm: RandomAlgorithm;
  /** @internal */
  readonly stream: PhiloxStream | MersenneStream;

  /** @throws ArgumentError for unknown options, ValueError for an unknown algorithm. */
  constructor(options: GeneratorOptions = {}) {
    const { algorithm = 'philox' } = readOptions('Generator', options, ['algorithm']);
    if (algorithm !== 'philox' && algorithm !== 'mt19937')
      throw new ValueError(message('Generator', "an algorithm, 'philox' or 'mt19937'", describe(algorithm)));
    this.algorithm = algorithm;
    this.stream = algorithm === 'philox' ? new PhiloxStream() : new MersenneStream();
    this.stream.restart(67280421310721n);
  }
  /** The device of the numbers: a Philox stream serves every device, and says the CPU too. */
  get device(): Device {
    return cpu;
  }
  /**
   * Restarts the stream at a seed of 64 bits, −2^63 … 2^64 − 1; a negative one stands for its two's complement.
   * @throws RuntimeError for what is no integer, ValueError for one out of range.
   */
  manualSeed(seed: number | bigint): this {
    this.stream.restart(seedOf(seed));
    return this;
  }
  /** Restarts the stream at 53 bits of the system's entropy, and returns them. */
  seed(): number {
    const seed = Number(randomBytes(8).readBigUInt64LE() >> 11n);
    this.stream.restart(BigInt(seed));
    return seed;
  }
  /** The seed at which the stream was started; a bigint where a number would lose digits. */
  initialSeed(): number | bigint {
    const { seed } = this.stream;
    return seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed;
  }
  /** The whole state as uint8: the 5,056 bytes of torch.get_rng_state() for 'mt19937', 16 for 'philox' (seed and offset). */
  getState(): Tensor {
    const bytes = this.stream.state();
    const out = newTensor([bytes.length], uint8, cpu);
    (out.typed() as Uint8Array).set(bytes);
    return out;
  }
  /**
   * Goes on from a state that getState() gave, or PyTorch.
   * @throws ArgumentError for what is no uint8 tensor on the CPU, RuntimeError where the bytes are no state of this algorithm.
   */
  setState(state: Tensor): this {
    this.stream.restore(bytesOf(state));
    return this;
  }
}

let current = new Generator();
// Every process and every worker loads this module, and so begins with numbers of its own.
current.seed();

/** The generator that ops draw from where none is named: torch.default_generator. It starts from the system's entropy. */
export function getDefaultGenerator(): Generator {
  return current;
}
/**
 * Makes a generator the default. `setDefaultGenerator(new Generator({ algorithm: 'mt19937' }))` and `manualSeed(0)` give the
 * numbers that PyTorch gives after `torch.manual_seed(0)`.
 * @throws ArgumentError for what is no generator.
 */
export function setDefaultGenerator(generator: Generator): void {
  if (!(generator instanceof Generator))
    throw new ArgumentError(message('setDefaultGenerator', 'a Generator', describe(generator)));
  current = generator;
}

/** Seeds the default generator and returns it: torch.manual_seed. @throws as Generator.manualSeed */
export function manualSeed(seed: number | bigint): Generator {
  return current.manualSeed(seed);
}
/** Seeds the default generator from the system's entropy and returns the seed: torch.seed. */
export function seed(): number {
  return current.seed();
}
/** The default generator's seed: torch.initial_seed. */
export function initialSeed(): number | bigint {
  return current.initialSeed();
}
/** The default generator's state: torch.get_rng_state. */
export function getRngState(): Tensor {
  return current.getState();
}
/** Sets the default generator's state: torch.set_rng_state. @throws as Generator.setState */
export function setRngState(state: Tensor): void {
  current.setState(state);
}
