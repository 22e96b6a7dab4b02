// Seeds and generator states of samplers and loaders: const seed = drawSeed(generator); restoreState(generator, saved).

import { int64 } from '../core/dtype.js';
import { newTensor } from '../core/factory.js';
import { Generator, getDefaultGenerator } from '../core/random.js';
import { tensor } from '../generated/functions.js';
import { draw } from '../ops/random/draws.js';

/** A generator, or null for the default one. */
export type GeneratorLike = Generator | null | undefined;
/** The state of a generator, for JSON: its bytes in base64. */
export type GeneratorState = string;

/** A new seed from a generator, drawn as PyTorch draws it: one number of 63 bits. */
export function drawSeed(generator: GeneratorLike): bigint {
  const drawn = draw(newTensor([], int64), 'integer', 0, 2 ** 63, generator ?? null);
  return BigInt(drawn.item() as number | bigint);
}

/** A generator of its own at a seed. It is of the default's kind. */
export function seeded(seed: bigint): Generator {
  return new Generator({ algorithm: getDefaultGenerator().algorithm }).manualSeed(seed);
}

export function saveState(generator: GeneratorLike): GeneratorState {
  const state = (generator ?? getDefaultGenerator()).getState();
  return Buffer.from(state.tolist() as number[]).toString('base64');
}

export function restoreState(generator: GeneratorLike, state: GeneratorState): void {
  const bytes = [...Buffer.from(state, 'base64')];
  (generator ?? getDefaultGenerator()).setState(tensor(bytes, { dtype: 'uint8' }));
}

/** Seeds the default generator. */
export function seedDefault(seed: bigint): void {
  getDefaultGenerator().manualSeed(seed);
}
