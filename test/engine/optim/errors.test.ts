// Errors of optimizers against recorded ones of PyTorch's: the inputs of its optim_error_inputs, by class and text.
import { describe, expect, it, vi } from 'vitest';
import * as torch from '../../../engine/index.js';
import {
  decoded,
  decodedKwargs,
  type Json,
  optimizerClass,
  readPacked,
} from '../../../suites/conformance/optim-recordings.js';

interface ErrorInput {
  readonly optimizer: string;
  readonly desc: string;
  readonly params: Json;
  readonly kwargs: Readonly<Record<string, Json>>;
  readonly tensors: readonly { readonly shape: readonly number[]; readonly dtype: torch.DTypeName }[];
  readonly on: 'construction' | 'step';
  readonly class: string;
  readonly text: string;
}

/** Parameters as they were nested: numbers stand for tensors, ["name", number] for named ones. */
function nested(value: Json, tensors: readonly torch.Tensor[]): unknown {
  if (typeof value === 'number') return tensors[value];
  if (Array.isArray(value)) return value.map((one) => nested(one as Json, tensors));
  if (typeof value !== 'object' || value === null) return value;
  const { params, ...options } = (value as { group: Readonly<Record<string, Json>> }).group;
  return { ...(decoded(options) as object), params: nested(params!, tensors) };
}

/** A number's `.0` is Python's: JavaScript has one kind of number. */
const withoutKind = (text: string): string => text.replace(/(-?\d+)\.0(?!\d)/g, '$1');

describe.each(readPacked<{ optimizers: ErrorInput[] }>('errors').optimizers)('$optimizer: $desc', (one) => {
  it(`is ${one.class}: ${one.text.slice(0, 60)}`, () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const tensors = one.tensors.map(({ shape, dtype }) =>
      torch.ones([...shape], { dtype, requiresGrad: true }),
    );
    const make = (): torch.optim.Optimizer =>
      new (optimizerClass(one.optimizer))(
        nested(one.params, tensors) as torch.optim.Params,
        decodedKwargs(one.kwargs),
      );
    try {
      if (one.class === 'UserWarning') {
        make();
        expect(warned.mock.calls).toEqual([[one.text, 'UserWarning']]);
        return;
      }
      if (one.on === 'construction')
        return expect(thrownBy(make)).toEqual([one.class, withoutKind(one.text)]);
      const optimizer = make();
      for (const t of tensors) t.grad = torch.onesLike(t);
      expect(thrownBy(() => optimizer.step())).toEqual([one.class, withoutKind(one.text)]);
    } finally {
      warned.mockRestore();
    }
  });
});

function thrownBy(run: () => unknown): [string, string] | null {
  try {
    run();
  } catch (error) {
    return [(error as Error).name, withoutKind((error as Error).message)];
  }
  return null;
}

it('SparseAdam says why there is none', () => {
  expect(() => new torch.optim.SparseAdam([torch.ones([2])])).toThrow(torch.NotImplementedError);
});
