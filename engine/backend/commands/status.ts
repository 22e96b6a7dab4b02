// Status of a command: what a call of the addon leaves in the block, and the error that it becomes. Mirrors the status table of
// native/README.md.
//   backend.gemm(); requireDone('matmul');

import {
  IndexError,
  message,
  NotImplementedError,
  OutOfMemoryError,
  RuntimeError,
  TorchstoneError,
} from '../../core/errors.js';
import { addon, block } from '../addon.js';

/** What stands in block[0] after a call; block[1] and on say more. */
export const statuses = {
  done: 0,
  /** [1] the index, [2] which index operand, [3] the size */
  indexOutOfRange: 1,
  divisionByZero: 2,
  /** [1] the bytes asked for */
  outOfMemory: 3,
  /** [1] the dtype's code */
  badDType: 4,
  notBuilt: 5,
  /** `cuda.failure()` says how */
  deviceFailed: 6,
  /** A decoder refused the command */
  malformed: 7,
} as const;

/** The status of the last call. */
export const readStatus = (): number => block[0]!;

/** Puts a status in the place of the last call's, or before a call that sets none where nothing failed. */
export function writeStatus(status: number): void {
  block[0] = status;
}

/** The number that a family returns beside its status: nonzero's count, random's advance. */
export const readResult = (): number => block[1]!;

/** Puts a number in the place of the one that a family returned. */
export function writeResult(value: number): void {
  block[1] = value;
}

/** @throws where the last call failed. */
export function requireDone(op: string): void {
  if (block[0] !== 0) raiseStatus(op);
}

/** Turns the status of a failed call into PyTorch's error. */
export function raiseStatus(op: string): never {
  switch (block[0]) {
    case statuses.indexOutOfRange:
      throw new IndexError(
        `${op}: required indices in [${-block[3]!}, ${block[3]! - 1}], got ${block[1]}. index ${block[1]} is out of bounds for dimension with size ${block[3]}`,
      );
    case statuses.divisionByZero:
      throw new RuntimeError(`${op}: required a non-zero integer divisor, got 0. ZeroDivisionError`);
    case statuses.outOfMemory:
      throw new RuntimeError(`${op}: required ${block[1]} bytes, got none from the system. Out of memory`);
    case statuses.badDType:
      throw new NotImplementedError(`${op}: required a dtype with a kernel, got dtype code ${block[1]}`);
    case statuses.notBuilt:
      throw new RuntimeError(
        `${op}: required an addon built with Eigen, got one without. Install libeigen3-dev and build it with: npm run build:native`,
      );
    case statuses.deviceFailed: {
      const { kind, message: text } = addon.cuda!.failure();
      if (kind === 'memory') throw new OutOfMemoryError(`${op}: ${text}`);
      throw new RuntimeError(`${op}: ${text}`);
    }
    case statuses.malformed:
      throw new TorchstoneError(
        message(op, 'a command that the addon can read', 'a malformed one', 'This is a bug of the engine'),
      );
    default:
      throw new TorchstoneError(`${op}: the addon returned status ${block[0]}`);
  }
}
