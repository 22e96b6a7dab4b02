// Error classes with PyTorch's names, and the form of messages: `message(op, required, got, hint)`.

/** Base of every error that the engine raises on purpose. */
export class TorchstoneError extends Error {
  override name = 'TorchstoneError';
}
/** PyTorch's RuntimeError: shapes, strides, autograd misuse, devices. */
export class RuntimeError extends TorchstoneError {
  override name = 'RuntimeError';
}
/** PyTorch's torch.OutOfMemoryError: a device has no memory left. */
export class OutOfMemoryError extends RuntimeError {
  override name = 'OutOfMemoryError';
}
/** PyTorch's torch.linalg.LinAlgError: a matrix that cannot be factorised, or an iteration that does not end. */
export class LinAlgError extends RuntimeError {
  override name = 'LinAlgError';
}
/** PyTorch's ValueError: an argument of the right kind with an impossible value. */
export class ValueError extends TorchstoneError {
  override name = 'ValueError';
}
/** PyTorch's IndexError: a dim or an index outside its range. */
export class IndexError extends TorchstoneError {
  override name = 'IndexError';
}
/** PyTorch's NotImplementedError, as in Python a RuntimeError: no kernel for this dtype or device. */
export class NotImplementedError extends RuntimeError {
  override name = 'NotImplementedError';
}
/** Python's AssertionError, where PyTorch raises it for what a caller did. */
export class AssertionError extends TorchstoneError {
  override name = 'AssertionError';
}
/** PyTorch's TypeError: an argument of the wrong kind. Also an instance of JavaScript's TypeError. */
export class ArgumentError extends TypeError {
  override name = 'TypeError';
}

/** The constructor of a typed error. */
export type ErrorClass = new (text: string) => TorchstoneError | ArgumentError;

/** `op: required …, got …. hint` */
export function message(op: string, required: string, got: string, hint?: string): string {
  return `${op}: required ${required}, got ${got}${hint === undefined ? '' : `. ${hint}`}`;
}

/** Formats a shape as PyTorch's messages do: [3, 2]. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

const named = (kind: string): string => `${/^[aeio]/i.test(kind) ? 'an' : 'a'} ${kind}`;

/** What a value is, for messages. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'object':
      return named(value.constructor?.name ?? 'object');
    default:
      return typeof value;
  }
}

/** Runs another op in the name of `to`: that op's errors name `to`. */
export function inName<R>(from: string, to: string, run: () => R): R {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith(`${from}: `))
      error.message = `${to}${error.message.slice(from.length)}`;
    throw error;
  }
}
