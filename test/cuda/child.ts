// Runs code against the CUDA half of the addon in its own process, with the host fake or without a driver.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { addonPath } from '../../engine/backend/addon.js';

export const shim = join(dirname(addonPath), 'shim');
/** Compiled kernels of this test file's processes. */
export const cache = mkdtempSync(join(tmpdir(), 'torchstone-kernels-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

/** What every child starts with: `cuda` on device 0, and short words for commands, memory and kernels. */
const START = `
const { block, cuda } = require(${JSON.stringify(addonPath)});
const found = cuda.init([]);
if (found.available) cuda.setDevice(0);
const owners = [];
const write = (words) => block.set(words);
const status = () => block[0];
const statusWords = () => Array.from(block.slice(0, 4));
const fail = (what) => { throw new Error(what + ': status ' + status() + ' ' + JSON.stringify(cuda.failure())); };
const held = (what) => { if (status() !== 0) fail(what); };
const allocate = (bytes) => {
  const owner = {};
  owners.push(owner);
  const address = cuda.allocate(owner, bytes, true);
  if (address <= 0) fail('allocate');
  return address;
};
const put = (array) => {
  const address = allocate(array.byteLength);
  cuda.copyIn(address, array.buffer, 0, array.byteLength);
  held('copyIn');
  return address;
};
const get = (address, array) => { cuda.copyOut(address, array.buffer, 0, array.byteLength); return array; };
const launch = (body, blocks, threads, ...words) => cuda.launchText(['prelude.cuh'], body, blocks, threads, new Float64Array(words));
const out = {};
`;

export interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly status: number | null;
  readonly stderr: string;
  /** What the code left in `out`; null where it did not come to its end. */
  readonly out: unknown;
}

/** The whole program of a child, for one that starts children itself. */
export const childCode = (code: string): string =>
  `${START}${code}\nconsole.log('OUT' + JSON.stringify(out));`;

/** Runs the code; `env` is added to the environment, where an empty TORCHSTONE_CUDA_PATH means no shim. */
export function child(code: string, env: Readonly<Record<string, string>> = {}): Ended {
  const done = spawnSync(process.execPath, ['-e', childCode(code)], {
    encoding: 'utf8',
    env: { ...process.env, TORCHSTONE_CUDA_PATH: shim, TORCHSTONE_CUDA_CACHE: cache, ...env },
  });
  const line = done.stdout.split('\n').find((l) => l.startsWith('OUT'));
  return {
    signal: done.signal,
    status: done.status,
    stderr: done.stderr,
    out: line === undefined ? null : JSON.parse(line.slice(3)),
  };
}

/** What the code left in `out`. @throws where the process failed */
export function outOf(code: string, env: Readonly<Record<string, string>> = {}): unknown {
  const ended = child(code, env);
  if (ended.status !== 0) throw new Error(`status ${ended.status} ${ended.signal}: ${ended.stderr}`);
  return ended.out;
}
