// Bad input to every op: a result or a typed error, never a crash or a stray exception.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

/** A small generator of its own: the engine's must not be moved, and the same calls must come again. */
function drawing(seed: number): <T>(from: readonly T[]) => T {
  let state = seed;
  return (from) => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return from[Math.floor((state / 0x80000000) * from.length)]!;
  };
}

const dtypes = ['bool', 'uint8', 'int32', 'int64', 'float32', 'float64'] as const;
const shapes: readonly number[][] = [[], [0], [1], [3], [3, 2], [2, 3, 4], [0, 3], [1, 5], [4, 4]];
const odd: readonly unknown[] = [
  undefined,
  null,
  Number.NaN,
  -1,
  0,
  1,
  2,
  7,
  -5,
  'x',
  [],
  [0],
  [1, -1],
  [0, 0],
  [-1],
  [2, 3],
  {},
  true,
  3.5,
  10n,
];

/** An argument of the parameter's kind, or something else altogether. */
function argument(kind: torch.ParamKind, pick: <T>(from: readonly T[]) => T): unknown {
  const x = torch.ones(pick(shapes), { dtype: pick(dtypes) });
  const tensor = x.ndim > 1 && pick([true, false]) ? x.transpose(0, 1) : x;
  if (pick([0, 1, 2, 3]) === 0) return pick(odd);
  const fitting: Readonly<Record<torch.ParamKind, readonly unknown[]>> = {
    tensor: [tensor],
    tensorOrScalar: [tensor, 0, 1, -2, 2.5],
    tensors: [[tensor, torch.ones(3)], [tensor]],
    tensorOrTensors: [tensor, [tensor, torch.ones(3)]],
    scalar: [0, 1, -1, 0.5, -3],
    int: [0, 1, -1, 2, 5, -7],
    ints: [0, 1, -1, [0], [0, 1], [5]],
    size: [[2], [3, 2], [-1], [6], [0], [1, 1, 6]],
    bool: [true, false],
    string: ['none', 'floor', 'sum', 'x'],
    dtype: dtypes,
    device: ['cpu', 'cuda', 'nowhere'],
    generator: [null, new torch.Generator()],
    any: odd,
  };
  return pick(fitting[kind]);
}

describe('odd arguments', () => {
  it.each([1, 2, 3])('give a result or a typed error, in every op (seed %i)', (seed) => {
    const pick = drawing(seed);
    const stray: string[] = [];
    let calls = 0;
    for (const op of torch.ops.values()) {
      for (let k = 0; k < 40; k++) {
        const args = op.params.map((p) => argument(p.kind, pick));
        const call = op.inplace !== undefined && pick([true, false]) ? op.inplace : op.impl;
        calls++;
        try {
          (call as (...a: unknown[]) => unknown)(...args);
        } catch (error) {
          const typed = error instanceof torch.TorchstoneError || error instanceof torch.ArgumentError;
          if (!typed) stray.push(`${op.name}: ${error}`);
        }
      }
    }
    expect(stray).toEqual([]);
    expect(calls).toBe(torch.ops.size * 40);
  });
});
