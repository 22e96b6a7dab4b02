// Replays a call that must fail: PyTorch's error class, and a message that names the op.

import { manualSeed, NotImplementedError } from 'torchstone';
import { buildTensors } from './arrays.js';
import { NotDoneError, namesOf, runProgram } from './call.js';
import { type Outcome, showError } from './replay.js';
import type { ErrorHeader, Frame } from './wire.js';

/** Python's NotImplementedError is a RuntimeError. */
const PARENT: Readonly<Record<string, string>> = { NotImplementedError: 'RuntimeError' };

export function replayError({ header, bytes }: Frame<ErrorHeader>): Outcome {
  if (header.unsupported !== undefined) return outcome('not done', `the oracle: ${header.unsupported}`);
  try {
    const inputs = buildTensors(header.tensors, header.storages, bytes, true);
    manualSeed(0);
    runProgram(header.program, inputs);
  } catch (error) {
    return judged(error, header);
  }
  const { class: name, message } = header.error;
  return outcome('fail', `returns a result; PyTorch raises ${name}: ${message.split('\n')[0]}`);
}

function judged(error: unknown, header: ErrorHeader): Outcome {
  if (error instanceof NotDoneError) return outcome('not done', `throws ${showError(error)}`);
  const wanted = new Set([header.error.class, ...header.expected]);
  const name = error instanceof Error ? error.name : typeof error;
  const fits = wanted.has(name) || wanted.has(PARENT[name] ?? '') || wanted.has('Exception');
  const says = `PyTorch raises ${header.error.class}: ${header.error.message.split('\n')[0]}`;
  if (!fits) {
    const absent = error instanceof NotImplementedError;
    return outcome(absent ? 'not done' : 'fail', `throws ${showError(error)}; ${says}`);
  }
  const text = error instanceof Error ? error.message.toLowerCase() : String(error);
  const names = header.program.calls.flatMap(namesOf);
  if (names.some((one) => text.includes(one.toLowerCase()))) return outcome('pass', '');
  return outcome('fail', `the message does not name the op (${names.join(', ')}): ${showError(error)}`);
}

function outcome(status: 'pass' | 'fail' | 'not done', text: string): Outcome {
  const findings = status === 'pass' ? [] : [{ column: 'errors' as const, status, text }];
  return { columns: { errors: status }, findings, compared: 0, closer: 0 };
}
