// Multi-tensor pointwise command: one program over several tensors, each of one dim without gaps.
//   block = [program, count, param × P, (size, address × outputs, address × inputs) × count]
// An output may alias an input of the same tensor exactly (in-place); different tensors share no memory that is written.
// Mirrors native/commands/multi_pointwise.h.
//   launchMultiPointwise('Adam', kernels, { program, params, tensors })

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor, endCommand, writeList } from './cursor.js';
import type { ProgramCounts } from './pointwise.js';
import { requireDone } from './status.js';

/** One tensor of each operand of the program: the number of elements, and the addresses of outputs, then of inputs. */
export interface TensorRow {
  readonly size: number;
  readonly addresses: readonly number[];
}
export interface MultiPointwiseCommand {
  readonly program: number;
  readonly params: readonly number[];
  readonly tensors: readonly TensorRow[];
}

export function encodeMultiPointwise(op: string, c: MultiPointwiseCommand): number {
  block[0] = c.program;
  block[1] = c.tensors.length;
  let at = writeList(2, c.params);
  for (const { size, addresses } of c.tensors) {
    block[at] = size;
    at = writeList(at + 1, addresses);
  }
  return endCommand(op, at);
}

export function decodeMultiPointwise(countsOf: (program: number) => ProgramCounts): MultiPointwiseCommand {
  const cursor = new Cursor();
  const program = cursor.number();
  const count = cursor.number();
  const { params, outputs, inputs } = countsOf(program);
  return {
    program,
    params: cursor.list(params),
    tensors: cursor.repeat(count, () => ({
      size: cursor.number(),
      addresses: cursor.list(outputs + inputs),
    })),
  };
}

/** Runs a program over tensors with memory of one device: one command, or several where they do not fit one. */
export function launchMultiPointwise(op: string, kernels: Kernels, c: MultiPointwiseCommand): void {
  const [first] = c.tensors;
  if (first === undefined) return;
  const most = Math.floor((block.length - 2 - c.params.length) / (1 + first.addresses.length));
  for (let from = 0; from < c.tensors.length; from += most) {
    encodeMultiPointwise(op, { ...c, tensors: c.tensors.slice(from, from + most) });
    kernels.multiPointwise();
    requireDone(op);
  }
}
