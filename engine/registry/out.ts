// The keyword `out`: a result written into a given tensor.
import { shouldRecord } from '../autograd/node.js';
import { type DType, isLowerKind } from '../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, showShape } from '../core/errors.js';
import { regeometry, seenAs } from '../core/factory.js';
import { contiguousStrides, sameShape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import { rawCopy } from '../pointwise/copy.js';
import type { Param } from './define.js';

/** How an op writes into given tensors: one, or a pair; of the result's dtype, or of any that holds it. */
export interface OutRule {
  /** The result is a pair, and so is `out`. */
  readonly pair?: true;
  /** `out` may have any dtype that the result can be cast to. */
  readonly castable?: true;
}

/** The parameter that a rule adds. */
export function outParam({ pair }: OutRule): Param {
  return { name: 'out', kind: pair === true ? 'tensors' : 'tensor', default: null, keyword: true };
}

/** The first and the last byte that a tensor reaches, relative to its storage. */
function reach(x: Tensor): readonly [number, number] {
  const last = x.sizes.reduce((end, size, d) => end + (size - 1) * x.strides[d]!, x.offset);
  return [x.offset * x.dtype.itemSize, (last + 1) * x.dtype.itemSize];
}

function overlaps(a: Tensor, b: Tensor): boolean {
  if (a.storage !== b.storage) return false;
  if (a.length === 0 || b.length === 0) return true;
  const [from, to] = reach(a);
  const [start, end] = reach(b);
  return from < end && start < to;
}

function clash(op: string, what: string, hint: string): never {
  throw new RuntimeError(
    message(
      op,
      'an out with memory of its own',
      what,
      `unsupported operation: ${hint} refer to a single memory location. Please clone() the tensor before performing the operation.`,
    ),
  );
}

/** @throws RuntimeError where `out` cannot be written: its dtype, its memory, or a gradient that would be lost. */
function requireWritable(
  op: string,
  out: Tensor,
  dtype: DType,
  inputs: readonly Tensor[],
  exact: boolean,
): void {
  if (exact ? out.dtype !== dtype : isLowerKind(out.dtype, dtype))
    throw new RuntimeError(
      message(
        op,
        `an out of dtype ${dtype.name}`,
        out.dtype.name,
        `Expected out tensor to have dtype ${dtype.name}, but got ${out.dtype.name} instead`,
      ),
    );
  if (shouldRecord([...inputs, out]))
    throw new RuntimeError(
      message(
        op,
        'no out where gradients are wanted',
        'a tensor that requires grad',
        `${op}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.`,
      ),
    );
  if (inputs.some((x) => overlaps(x, out)))
    clash(op, 'the memory of an input', 'some elements of the input tensor and the written-to tensor');
}

function written(out: Tensor, result: Tensor): Tensor {
  if (sameShape(out.sizes, result.sizes)) {
    if (out.length > 0) rawCopy(out, result);
  } else if (out.dtype === result.dtype) {
    regeometry(out, result.sizes, contiguousStrides(result.sizes), result.offset, result.storage);
  } else {
    const own = result.to(out.dtype);
    regeometry(out, own.sizes, own.strides, own.offset, own.storage);
  }
  out.storage.version++;
  return out;
}

/** The tensors of a result: itself, or the members of a pair. */
const leavesOf = (result: unknown): Tensor[] =>
  result instanceof Tensor ? [result] : Object.values(result as object).slice(0, 2);

/** The result with each tensor replaced by the one that it was written to. */
function replaced<R>(result: R, leaves: readonly Tensor[], outs: readonly Tensor[]): R {
  if (result instanceof Tensor) return outs[0] as R;
  const fields = result as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const at = leaves.indexOf(fields[key] as Tensor);
    if (at >= 0) fields[key] = outs[at];
  }
  return result;
}

/** The tensors to write, one for each of the result's. @throws ArgumentError */
function targetsOf(op: string, out: unknown, several: boolean): Tensor[] {
  const list: readonly unknown[] = several && Array.isArray(out) ? out : [out];
  if (several === Array.isArray(out) && list.every((x) => x instanceof Tensor)) return list as Tensor[];
  throw new ArgumentError(
    message(op, several ? "'out' to be a pair of Tensors" : "'out' to be a Tensor", describe(out)),
  );
}

/** `impl` with PyTorch's keyword `out` behind its `count` parameters. `out` takes the result's shape. */
export function withOut<A extends readonly unknown[], R>(
  op: string,
  count: number,
  impl: (...args: A) => R,
  { pair: several = false, castable = false }: { pair?: boolean; castable?: boolean },
): (...args: A) => R {
  const write = (own: A, given: unknown): R => {
    const outs = targetsOf(op, given, several);
    const inputs = (own as readonly unknown[]).flat().filter((x): x is Tensor => x instanceof Tensor);
    for (const out of outs)
      if (out.sizes.some((size, d) => size > 1 && out.strides[d] === 0))
        clash(op, `strides ${showShape(out.strides)}`, 'more than one element of the written-to tensor');
    const result = impl(...own);
    const leaves = leavesOf(result);
    if (outs.length !== leaves.length)
      throw new ArgumentError(message(op, `${leaves.length} out tensors`, String(outs.length)));
    outs.forEach((out, i) => {
      const leaf = leaves[i]!;
      // Of another shape it is resized first, and may then reach further.
      const resized = sameShape(out.sizes, leaf.sizes)
        ? out
        : seenAs(out, leaf.sizes, contiguousStrides(leaf.sizes));
      requireWritable(op, resized, leaf.dtype, inputs, !castable);
    });
    return replaced(
      result,
      leaves,
      outs.map((out, i) => written(out, leaves[i]!)),
    );
  };
  return (...args: A): R => {
    if (args.length <= count) return impl(...args);
    const own = args.slice(0, count) as unknown as A;
    const out = args[count];
    return out === undefined || out === null ? impl(...own) : write(own, out);
  };
}
