// Seeds and generator states of samplers and loaders: const seed = drawSeed(generator); restoreState(generator, saved).
import { Generator, getDefaultGenerator } from '../core/random.js';
import { randint } from '../generated/functions.js';

/** A generator, or null for the default one. */
export type GeneratorLike = Generator | null | undefined;
/** The state of a generator, in base64. */
export type GeneratorState = string;

/** A new seed from a generator; it moves on by one draw. */
export function drawSeed(generator: GeneratorLike): bigint {
  return BigInt(Number(randint(0, Number.MAX_SAFE_INTEGER, [], { generator: generator ?? null }).item()));
}

/** A generator of its own at a seed. */
export function seeded(seed: bigint): Generator {
  return new Generator().manualSeed(seed);
}

export function saveState(generator: GeneratorLike): GeneratorState {
  const { stream } = generator ?? getDefaultGenerator();
  return Buffer.from(stream.state()).toString('base64');
}

/** @throws RuntimeError where the state is that of another algorithm. */
export function restoreState(generator: GeneratorLike, state: GeneratorState): void {
  const { stream } = generator ?? getDefaultGenerator();
  stream.restore(new Uint8Array(Buffer.from(state, 'base64')));
}

/** Seeds the default generator. */
export function seedDefault(seed: bigint): void {
  getDefaultGenerator().manualSeed(seed);
}
