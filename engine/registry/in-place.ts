// In-place and out-of-place forms of ops whose result starts as a copy of their first argument. Both record the same
// node.
import { checkInPlace, rebase } from '../autograd/in-place.js';
import {
  connect,
  FunctionNode,
  type Gradients,
  type Node,
  record,
  type Save,
  shouldRecord,
} from '../autograd/node.js';
import { newStrided, newTensor } from '../core/factory.js';
import { isDense } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { copyOf } from '../pointwise/copy.js';

/** One change of a tensor: what it writes, and its gradients. The first of `inputs` is the tensor to be changed. */
export interface Change {
  readonly nodeName: string;
  readonly inputs: readonly Tensor[];
  /** Writes into `out`, which holds the values of the first input (or is it). `sources` are the inputs, none sharing memory but the first. */
  write(out: Tensor, sources: readonly Tensor[]): void;
  /** Saves what backward needs; never the first input, which an in-place change overwrites. */
  make(save: Save, node: Node): (grads: Gradients) => Gradients;
}

/**
 * The changed tensor as a new one. `start` makes the memory to write: a copy of the first input, `uninitialised` where `write`
 * sets every element, or `itself` where the first input is fresh.
 */
export function applied(c: Change, start: (x: Tensor) => Tensor = copyOf): Tensor {
  const out = start(c.inputs[0]!);
  c.write(out, c.inputs);
  return record(c.nodeName, out, c.inputs, (save, node) => c.make(save, node));
}
/** For `applied`: no copy, because nobody else holds the first input. */
export const itself = (x: Tensor): Tensor => x;
/** For `applied`: uninitialised memory in the same order as the first input's. */
export function uninitialised(x: Tensor): Tensor {
  return isDense(x.sizes, x.strides) ? newStrided(x.sizes, x.strides, x.dtype) : newTensor(x.sizes, x.dtype);
}

/** Changes the first input itself. @throws RuntimeError where autograd forbids it; then nothing is changed. */
export function appliedInPlace(op: string, c: Change): Tensor {
  const target = c.inputs[0]!;
  checkInPlace(op, target, c.inputs);
  const node = nodeOf(c, target);
  const sources = c.inputs.map((x, i) => (i > 0 && x.storage === target.storage ? copyOf(x) : x));
  c.write(target, sources);
  target.storage.version++;
  rebase(target, node);
  return target;
}

/** The node of an in-place change, connected to the inputs as they are before it; null where nothing is recorded. */
function nodeOf(c: Change, target: Tensor): Node | null {
  if (!shouldRecord(c.inputs)) return null;
  const node = new FunctionNode(c.nodeName, (save, made) => c.make(save, made));
  connect(node, c.inputs);
  node.addOutput(target);
  return node;
}

/**
 * Replaces `target` by what `compute` makes of it, for ops whose kernel cannot write over its input. `compute` gets a copy
 * of the target where backward may need the old values; its result is one node whose first input is that copy.
 */
export function replacedInPlace(
  op: string,
  target: Tensor,
  compute: (x: Tensor) => Tensor,
  write: (to: Tensor, from: Tensor) => void,
): Tensor {
  checkInPlace(op, target);
  const source = shouldRecord([target]) ? copyOf(target) : target;
  if (source !== target) source.adoptHistory(target.gradFn!, target.outputNr);
  const result = compute(source);
  write(target, result);
  target.storage.version++;
  rebase(target, source === target ? null : result.gradFn);
  return target;
}
