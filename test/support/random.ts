// Random numbers and random layouts for tests: what a seed decides.
//   const random = generator(7); const sizes = sizesOf(random, 3); const place = placeOf(random, sizes, true)

export type Random = () => number;

/** Mulberry32 (T. Ettinger): numbers in [0, 1) that a seed decides. */
export function generator(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const below = (random: Random, n: number): number => Math.floor(random() * n);
export const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)]!;

/** Where an operand lies: strides and the first element's number in memory of `length` elements. */
export interface Place {
  readonly strides: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** Where an operand of these sizes may lie; what is written has no two elements in one place. */
export function placeOf(random: Random, sizes: readonly number[], written: boolean): Place {
  const order = sizes.map((_, d) => d);
  if (random() < 0.5) order.sort(() => random() - 0.5);
  else order.reverse();
  const strides = sizes.map(() => 0);
  let next = 1;
  for (const d of order) {
    if (!written && random() < 0.2) continue;
    if (random() < 0.15) next += below(random, 3);
    strides[d] = next;
    next *= sizes[d]!;
  }
  let offset = random() < 0.3 ? below(random, 4) : 0,
    reach = 0;
  strides.forEach((stride, d) => {
    const span = stride * (sizes[d]! - 1);
    if (random() < 0.15) {
      strides[d] = -stride;
      offset += span;
    } else reach += span;
  });
  return { strides, offset, length: offset + reach + 1 };
}

/** The numbers of the elements, in row-major order. */
export function positionsOf(sizes: readonly number[], { strides, offset }: Omit<Place, 'length'>): number[] {
  let found = [offset];
  sizes.forEach((size, d) => {
    found = found.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * strides[d]!));
  });
  return found;
}
