// Holds the mersenne family against a plain Mersenne Twister: the words it takes, in which order, and the state it leaves.
import { describe, expect, it, test } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import { runMersenne } from '../../../engine/backend/commands/mersenne.js';
import { float32, float64, int64 } from '../../../engine/core/dtype.js';
import { MersenneStream } from '../../../engine/core/random.js';
import { dense, denseLongs } from './memory.js';

/** MT19937 as Matsumoto and Nishimura published it: words of 32 bits. */
function mt19937(seed: number): () => number {
  const words = [seed];
  for (let i = 1; i < 624; i++) {
    const last = words[i - 1]!;
    words.push((Math.imul(1812433253, last ^ (last >>> 30)) + i) >>> 0);
  }
  let next = 624;
  return () => {
    if (next === 624) {
      for (let i = 0; i < 624; i++) {
        const y = ((words[i]! & 0x80000000) | (words[(i + 1) % 624]! & 0x7fffffff)) >>> 0;
        words[i] = (words[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)) >>> 0;
      }
      next = 0;
    }
    let y = words[next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

describe('mersenne', () => {
  /** The state's 5,056 bytes as they are seeded, and their address. */
  const seeded = (seed: number) => {
    const state = new MersenneStream();
    state.restart(BigInt(seed));
    return state;
  };
  const common = { p0: 0, p1: 1, in: 0, inDtype: float32.code };

  test('the published sequence', () => {
    const next = mt19937(5489);
    let word = 0;
    for (let i = 0; i < 10_000; i++) word = next();
    expect(word).toBe(4123659995); // ISO C++, [rand.predef]
  });

  it.each([1, 624, 1999])('%i uniform numbers are its low bits', (n) => {
    const [next, state] = [mt19937(5), seeded(5)];
    const out = dense(...new Array<number>(n + 1).fill(9));
    const command = { ...common, kind: 'uniform', n, state: state.address } as const;
    runMersenne('op', addon, { ...command, dtype: float64.code, out: out.address });
    const wanted = Array.from({ length: n }, () => {
      const high = next() & 0x1fffff; // 53 bits of two words, the first being the higher one
      return (high * 2 ** 32 + next()) * 2 ** -53;
    });
    expect([...out.data]).toEqual([...wanted, 9]);
    // The state has moved on as far: the words that follow are those of the plain loop.
    const after = denseLongs(3);
    const words = { ...command, kind: 'integer', n: 3, p1: 2 ** 27 } as const;
    runMersenne('op', addon, { ...words, dtype: int64.code, out: after.address });
    const few = Array.from({ length: 3 }, () => BigInt(next() % 2 ** 27));
    expect([...after.data.slice(0, 3)]).toEqual(few);
  });

  test('a permutation, and categories by their weights', () => {
    const [next, state] = [mt19937(3), seeded(3)];
    const out = denseLongs(50);
    const command = { ...common, n: 50, state: state.address, dtype: int64.code, out: out.address };
    runMersenne('op', addon, { ...command, kind: 'permutation' });
    const list = Array.from({ length: 50 }, (_, i) => BigInt(i));
    for (let i = 0; i < 49; i++) {
      const at = i + (next() % (50 - i));
      [list[i], list[at]] = [list[at]!, list[i]!];
    }
    expect([...out.data.slice(0, 50)]).toEqual(list);
    // Two rows of three weights, the second without its first and last category.
    const weights = dense(1, 0, 3, 0, 5, 0);
    const drawn = { ...command, in: weights.address, inDtype: float64.code, p0: 3, p1: 25 };
    runMersenne('op', addon, { ...drawn, kind: 'categories' });
    const rows = [out.data.slice(0, 25), out.data.slice(25, 50)];
    expect(new Set(rows[0])).toEqual(new Set([0n, 2n]));
    expect(new Set(rows[1])).toEqual(new Set([1n]));
  });

  test('no float of an integer, nor categories in float32', () => {
    const state = seeded(3).address;
    const out = denseLongs(8);
    const command = { ...common, n: 8, state, dtype: int64.code, out: out.address };
    expect(() => runMersenne('op', addon, { ...command, kind: 'exponential' })).toThrow(/dtype code 5/);
    const odd = { ...command, kind: 'categories', dtype: float32.code, p0: 1 } as const;
    expect(() => runMersenne('op', addon, { ...odd, in: out.address })).toThrow(/dtype code 8/);
  });
});
