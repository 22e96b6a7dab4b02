// gpu-check without a GPU says what is missing; on the host fake it runs its steps and writes few files.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../support/root.js';
import { shim } from './child.js';

const folder = mkdtempSync(join(tmpdir(), 'torchstone-gpu-check-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const built = existsSync(join(ROOT, 'dist', 'engine', 'backend', 'cuda', 'index.js'));

function gpuCheck(name: string, more: readonly string[], env: Record<string, string>) {
  const out = join(folder, name);
  const words = [join(ROOT, 'scripts', 'gpu-check.mjs'), '--out', out, '--python', '/nowhere', ...more];
  const { TORCHSTONE_CUDA_PATH: _, ...rest } = process.env;
  const { status, stdout } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    env: { ...rest, ...env },
  });
  return {
    status,
    stdout,
    files: readdirSync(out).sort(),
    read: (file: string) => readFileSync(join(out, file), 'utf8'),
  };
}

test.skipIf(!built)('without a card it says what was looked for, and its exit code is its own', () => {
  const { status, stdout, files, read } = gpuCheck('none', [], {
    CUDA_VISIBLE_DEVICES: '',
    TORCHSTONE_SHIM_DEVICES: '0',
    TORCHSTONE_CUDA_PATH: shim,
  });
  expect(stdout).toMatch(/No CUDA device can be used: the driver sees no card/);
  expect(stdout).toMatch(/libcuda\.so\.1: .*loaded/);
  expect(status).toBe(3);
  expect(files).toEqual(['log.txt', 'summary.json', 'summary.md']);
  expect(JSON.parse(read('summary.json'))).toMatchObject({ cuda: { available: false }, steps: [] });
});

test.skipIf(!built)('on the shim a step runs and is told', () => {
  const { status, read } = gpuCheck('doctor', ['--only', 'doctor'], { TORCHSTONE_CUDA_PATH: shim });
  expect(status).toBe(0);
  expect(read('summary.md')).toMatch(/\| doctor \| held \|/);
  expect(read('log.txt')).toMatch(/Torchstone host shim/);
});

test.skipIf(!built)(
  'a step whose time is up is told so, and what follows it runs',
  () => {
    const { status, read } = gpuCheck('late', ['--only', 'doctor,validate', '--minutes', '0.22'], {
      TORCHSTONE_CUDA_PATH: shim,
    });
    expect(status).toBe(1);
    expect(JSON.parse(read('summary.json')).steps.map((one: { verdict: string }) => one.verdict)).toEqual([
      'not run',
      'out of time',
    ]);
  },
  60_000,
);

test.skipIf(!built)('a step that nobody knows is a usage error', () => {
  const { status, stdout } = gpuCheck('unknown', ['--only', 'everything'], { TORCHSTONE_CUDA_PATH: shim });
  expect(status).toBe(2);
  expect(stdout).toMatch(/there is no step everything; known: doctor, first-calls/);
});
