// `torchstone gradcheck FILE#FUNCTION`: what the function does to its process, the command survives.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMAND, NODE_WORDS } from '../../support/program.js';
import { ROOT } from '../../support/root.js';

let folder: string;
const files: Record<string, string> = {
  'a.ts': `export const noisy = (x) => { console.log('hello'); process.stdout.write('raw\\n'); return x.mul(x); };
    export const exits = () => process.exit(0);
    export const hangs = () => { console.error('hanging'); for (;;) {} };
    const hash = (x) => x.exp();
    export { hash as 'sharp#er' };`,
  'exits.ts': 'process.exit(0); export const f = (x) => x;',
  'hash#ed.ts': 'export const f = (x) => x.exp();',
  'timer.ts': 'setInterval(() => {}, 1000); export const f = (x) => x.exp();',
  'common.cjs': `const torch = require('torchstone'); const { join } = require('node:path');
    exports.f = (x) => torch.exp(x); exports.name = join('a', 'b');`,
  'alone.cjs': 'module.exports = (x) => x.exp();',
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchstone-user-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
function start(
  target: string,
  ...words: string[]
): { child: ChildProcess; ended: Promise<Ended>; seen: () => string } {
  const child = spawn(
    process.execPath,
    [...NODE_WORDS, COMMAND, 'gradcheck', join(folder, target), ...words, '--shape', '3', '--quiet'],
    {
      cwd: ROOT,
    },
  );
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    text.out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text.err += chunk;
  });
  const ended = new Promise<Ended>((settle) => child.on('close', (code) => settle({ code, ...text })));
  return { child, ended, seen: () => text.err };
}
const run = (target: string, ...words: string[]): Promise<Ended> => start(target, ...words).ended;
const bundles = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.mjs'));

test.each([
  ['./a.ts#exits', /ended its process with code 0/],
  ['./exits.ts', /ended its process with code 0/],
])('%s cannot be checked', { timeout: 120_000 }, async (target, text) => {
  const { code, err } = await run(target);
  expect(err).toMatch(text);
  expect(code).toBe(2);
  expect(bundles()).toEqual([]);
});

test.each([
  './common.cjs#f',
  './alone.cjs',
  './hash#ed.ts',
  './hash#ed.ts#f',
  './a.ts#sharp#er',
  './timer.ts',
])('%s is checked', { timeout: 120_000 }, async (target) => {
  const { code, out, err } = await run(target);
  expect(`${out}${err}`).toMatch(/Passed: all 3 cases hold/);
  expect(code).toBe(0);
});

test('a device that is none', { timeout: 120_000 }, async () => {
  const { code, err } = await run('./alone.cjs', '--device', 'banana');
  expect(err).toMatch(/got "banana"/);
  expect(code).toBe(2);
});

test('what the function prints stays out of the JSON', { timeout: 120_000 }, async () => {
  const { code, out, err } = await run('./a.ts#noisy', '--json');
  expect(JSON.parse(out)).toMatchObject({ partial: false, suites: [{ suite: 'gradcheck' }] });
  expect(err).toMatch(/hello[\s\S]*raw/);
  expect(code).toBe(0);
});

test('Ctrl-C while the function runs', { timeout: 120_000 }, async () => {
  const { child, ended, seen } = start('./a.ts#hangs', '--json', join(folder, 'result.json'));
  while (!seen().includes('hanging') && child.exitCode === null)
    await new Promise((next) => setTimeout(next, 50));
  child.kill('SIGINT');
  expect((await ended).code).toBe(130);
  expect(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'))).toMatchObject({ partial: true });
  expect(bundles()).toEqual([]);
});
