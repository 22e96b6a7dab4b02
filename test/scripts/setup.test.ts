// Set-up: steps that hang or fail, stamps that expire, a reference environment that must never fail a job.
import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../support/root.js';

let copy = '';

// The scripts find their root from where they lie: a copy has its own .venv and its own memory.
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'torchstone-setup-'));
  cpSync(join(ROOT, 'scripts', 'lib'), join(copy, 'scripts', 'lib'), { recursive: true });
  mkdirSync(join(copy, 'suites', 'reference'), { recursive: true });
  writeFileSync(join(copy, 'suites', 'reference', 'requirements.txt'), 'numpy\n');
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

/** Runs statements with the copy's modules, in a process of their own. */
async function script(body: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const lib = (name: string) => pathToFileURL(join(copy, 'scripts', 'lib', `${name}.mjs`)).href;
  const text = `import * as steps from '${lib('steps')}'; import * as stamps from '${lib('stamps')}'; import * as python from '${lib('python')}';\n${body}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', text], {
    env: { ...process.env, TORCHSTONE_PYTHON: '', TORCHSTONE_NO_PYTHON: '', ...env },
  });
  return stdout;
}

/** A `python3` of our own making, first on the path. */
function fakePython(body: string): NodeJS.ProcessEnv {
  const bin = join(copy, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'python3'), `#!/bin/sh\n${body}\n`);
  chmodSync(join(bin, 'python3'), 0o755);
  return { PATH: `${bin}:${process.env.PATH}` };
}

// Makes a venv whose interpreter behaves as told.
const venvWith = (inner: string) =>
  `if [ "$1" = "--version" ]; then echo Python 3.11.7; exit 0; fi\nmkdir -p "$3/bin"; printf '#!/bin/sh\\n${inner}\\n' > "$3/bin/python"; chmod +x "$3/bin/python"`;

describe('a step', () => {
  it('reports success, failure with the tail of its output, and a command that is not there', async () => {
    const out = await script(`
      const ok = await steps.step('fine', 'sh', ['-c', 'echo hidden']);
      const bad = await steps.step('broken', 'sh', ['-c', 'echo the reason; exit 3']);
      const none = await steps.step('absent', 'no-such-command', []);
      console.log(JSON.stringify([ok.ok, bad.ok, bad.code, none.ok]));`);
    expect(out.trimEnd().split('\n').at(-1)).toBe('[true,false,3,false]');
    expect(out).toContain('✓ fine');
    expect(out).not.toContain('hidden');
    expect(out).toMatch(/✗ broken failed: exit code 3[\s\S]*the reason/);
  });

  it('ends what hangs, with all that it started', async () => {
    const marker = join(copy, 'still-alive');
    const out = await script(`
      const hung = await steps.step('hanging', 'sh', ['-c', '(sleep 2; touch ${marker}) & sleep 60'], { timeoutMs: 300 });
      await new Promise((resolve) => setTimeout(resolve, 2500));
      console.log(hung.timedOut, hung.ok);`);
    expect(out).toContain('took too long');
    expect(out.trimEnd().split('\n').at(-1)).toBe('true false');
    expect(() => statSync(marker)).toThrow();
  });
});

describe('a stamp', () => {
  it('holds until the content, a name or a word changes', async () => {
    mkdirSync(join(copy, 'native', 'build'), { recursive: true });
    writeFileSync(join(copy, 'native', 'a.cc'), 'one');
    const hash = "stamps.contentHash(['native'], ['v'], ['native/build'])";
    const out = await script(`
      import { writeFileSync, renameSync } from 'node:fs';
      const file = ${JSON.stringify(join(copy, 'native'))};
      const first = ${hash};
      stamps.setDone('native', first);
      writeFileSync(file + '/build/output', 'x');
      const built = ${hash};
      writeFileSync(file + '/a.cc', 'two');
      const edited = ${hash};
      renameSync(file + '/a.cc', file + '/b.cc');
      const renamed = ${hash};
      console.log(JSON.stringify([stamps.isDone('native', built), stamps.isDone('native', edited), edited !== renamed]));`);
    expect(out.trim()).toBe('[true,false,true]');
  });
});

describe('the Python references', () => {
  const attempt = "console.log('usable:', await python.pythonEnvironment());";

  it('are done without when there is no Python', async () => {
    const out = await script(attempt, fakePython('exit 1'));
    expect(out).toContain('usable: false');
    expect(out).toContain('there is no python3');
  });

  it('are done without when python3 has no venv', async () => {
    const env = fakePython(
      'if [ "$1" = "--version" ]; then echo Python 3.11.7; else echo no ensurepip; exit 1; fi',
    );
    const out = await script(attempt, env);
    expect(out).toContain('usable: false');
    expect(out).toContain('python3-venv');
  });

  it('are done without when the registry hangs, and not asked again at once', async () => {
    const env = { ...fakePython(venvWith('sleep 60')), TORCHSTONE_PIP_TIMEOUT_S: '0.5' };
    const first = await script(attempt, env);
    expect(first).toContain('took too long');
    expect(first).toContain('usable: false');
    const second = await script(attempt, env);
    expect(second).toContain('less than an hour ago');
  });

  it('are tried with the other index when the registry says no', async () => {
    const log = join(copy, 'calls');
    const env = fakePython(venvWith(`echo "$@" >> ${log}; exit 1`));
    expect(await script(attempt, env)).toContain('usable: false');
    const calls = readFileSync(log, 'utf8').trim().split('\n');
    expect(calls).toHaveLength(2);
    expect(calls[1]).toContain('--extra-index-url https://download.pytorch.org/whl/cpu');
  });

  it('are made once and kept', async () => {
    const env = fakePython(venvWith('exit 0'));
    expect(await script(attempt, env)).toContain('usable: true');
    const again = await script(attempt, env);
    expect(again).toContain('✓ Python references: up to date\n');
    expect(again).toContain('usable: true');
  });
});
