// Seeds and generator states of samplers and loaders: const seed = drawSeed(generator); restoreState(generator, saved).
import { defaultGenerator, Generator } from '../core/random.js';
import { randint } from '../generated/functions.js';

/** A generator, or null for the default one. */
export type GeneratorLike = Generator | null | undefined;
/** The state of a generator, for JSON. */
export type GeneratorState = string;

/** A new seed from a generator; it moves on by one draw. */
export function drawSeed(generator: GeneratorLike): bigint {
  return BigInt(Number(randint(0, Number.MAX_SAFE_INTEGER, [], { generator: generator ?? null }).item()));
}

/** A generator of its own at a seed. */
export function seeded(seed: bigint): Generator {
  return new Generator().manualSeed(Number(seed));
}

export function saveState(generator: GeneratorLike): GeneratorState {
  const g = generator ?? defaultGenerator;
  return `${g.initialSeed()}+${g.offset}`;
}

export function restoreState(generator: GeneratorLike, state: GeneratorState): void {
  const [seed, offset] = state.split('+').map(Number);
  const g = generator ?? defaultGenerator;
  g.manualSeed(seed!);
  g.advance(offset!);
}

/** Seeds the default generator. */
export function seedDefault(seed: bigint): void {
  defaultGenerator.manualSeed(Number(seed));
}
