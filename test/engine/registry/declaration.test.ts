// Declarations are complete and frozen, and the short path of hot calls agrees with the general one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { checkedArgument } from '../../../engine/registry/arguments.js';
import { nodeNameOf } from '../../../engine/registry/define.js';
import { Binder, generalCalls, makePointwise } from '../../../engine/registry/pointwise-op.js';
import { registeredOps } from '../../../suites/common/registry.js';
import { sources } from '../../support/imports.js';
import { ROOT } from '../../support/root.js';

const all = registeredOps().map(({ op }) => op);

describe('a declaration', () => {
  it('is frozen, with its parameters', () => {
    for (const op of all) {
      for (const part of [op, op.def, op.params, op.def.params, op.variants, ...op.params])
        expect(Object.isFrozen(part), op.name).toBe(true);
      expect(() => Object.assign(op, { impl: () => null }), op.name).toThrow(TypeError);
    }
  });

  it('is edited nowhere', () => {
    const edits = sources('engine').flatMap((file) =>
      [
        ...readFileSync(join(ROOT, file), 'utf8').matchAll(
          /(?<!this)\.(impl|inplace|params|variants|def) = |Object\.assign\(op\b/g,
        ),
      ].map(([text]) => `${file}: ${text}`),
    );
    expect(edits).toEqual([]);
  });

  it('of a default fits the kind of its parameter', () => {
    for (const op of all)
      for (const p of op.params)
        if (p.default !== undefined && p.default !== null)
          expect(() => checkedArgument(op.name, p, p.default), `${op.name} ${p.name}`).not.toThrow();
  });

  it('has its arguments checked before an overload is chosen', () => {
    const x = torch.tensor([1.25]);
    expect(() => x.round({ decimals: 2.5 })).toThrow(/'decimals' to be an integer, got 2.5/);
    expect(() => x.div(2, { roundingMode: 'up' as 'floor' })).toThrow(/'trunc', 'floor'/);
    expect(() => x.pow('2' as never)).toThrow(TypeError);
    expect(() => x.clamp('0' as never)).toThrow(TypeError);
    expect(() => torch.where(1 as never, 2, 3)).toThrow(TypeError);
  });
});

describe('the short path', () => {
  const x = torch.tensor([0.5, 0.25, 0.75], { dtype: 'float64', requiresGrad: true });
  const y = torch.tensor([0.5, 2, 3], { dtype: 'float64' });
  const told = (call: () => torch.Tensor): string => {
    try {
      const result = call();
      return `${result.dtype} ${String(result)}`;
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  };
  it('gives what the general path gives: value, dtype, node and errors', () => {
    let compared = 0;
    for (const op of all) {
      if (op.kind !== 'pointwise' || op.def.overloads !== undefined || op.def.check !== undefined) continue;
      const def = op.def as Parameters<typeof makePointwise>[0];
      const general = generalCalls(def, new Binder(def, nodeNameOf(def)));
      const short = makePointwise(def, nodeNameOf(def));
      const tensors = op.params.filter((p) => p.kind.startsWith('tensor') && p.default === undefined).length;
      const calls: unknown[][] =
        tensors === 1 ? [[x], [torch.tensor([2, 3])]] : [[x, y], [y, x], [x, 2], [x]];
      for (const args of calls) {
        const [a, b] = [short, general].map((made) => told(() => made.impl(...(args as never[]))));
        expect(a, `${op.name}(${args.length})`).toBe(b);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(200);
  });
});
