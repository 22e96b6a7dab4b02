// The oracle's process: starts it with an order and reads its frames.
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotRunError } from '../../reports/schema/index.js';
import { packageRoot } from '../runner/machine.js';
import { type Frame, readFrames } from './wire.js';

/** What the oracle is asked for. */
export interface OracleOrder {
  readonly filter: readonly string[];
  readonly dtypes: readonly string[];
  readonly seed: number;
  readonly sample?: number;
  /** Cases that need no answer. */
  readonly skip?: readonly string[];
  /** [index, count]: only every count-th case. */
  readonly shard?: readonly [number, number];
}

/** The frames of PyTorch's answer. */
export async function* askOracle(
  python: string,
  order: OracleOrder,
  signal?: AbortSignal,
): AsyncGenerator<Frame> {
  const script = join(packageRoot(), 'suites', 'reference', 'opdb.py');
  const child = spawn(python, [script], { cwd: tmpdir(), stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(order));
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString()).slice(-4000);
  });
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  let ended = false;
  try {
    for await (const frame of readFrames(child.stdout)) {
      ended = frame.header.kind === 'end';
      yield frame;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    if (!ended) stop();
  }
  if (!ended && signal?.aborted !== true)
    throw new CannotRunError(`the oracle ended early; it said:\n${said.trim() || 'nothing'}`);
}
