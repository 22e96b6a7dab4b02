// The command line: its words, its exit codes, what it writes where. The suites behind it have tests of their own.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRunResult } from '../../../reports/schema/index.js';
import { verdictSentence } from '../../../reports/verdict.js';
import { readArguments, UsageError } from '../../../suites/cli/args.js';
import { COMMANDS } from '../../../suites/cli/grammar.js';
import { main } from '../../../suites/cli/main.js';
import { createProgress } from '../../../suites/runner/progress.js';
import { findReferences, pythonCandidates } from '../../../suites/runner/references.js';
import { sampleRun } from '../../support/sample-run.js';

const folder = mkdtempSync(join(tmpdir(), 'torchstone-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program in this process and captures what it said. */
async function torchstone(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const to = {
    colour: false,
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
  };
  const code = await main(words, to);
  return { code, out, err };
}

function saved(name: string, run: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(run));
  return file;
}

describe('help', () => {
  it('lists every command and the exit codes', async () => {
    const { code, out } = await torchstone('--help');
    expect(code).toBe(0);
    for (const command of Object.keys(COMMANDS)) expect(out).toContain(`  ${command}`);
    expect(out).toContain('130  interrupted');
    expect((await torchstone()).out).toBe(out);
  });

  it.each(Object.keys(COMMANDS))('%s --help shows its flags', async (command) => {
    const { code, out } = await torchstone(command, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Usage: torchstone ${command}`);
    expect(out).toContain('--json');
  });
});

describe('words that it does not know end with 2', () => {
  it.each([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['validate', '--colour'], /--colour.*knows --filter/],
    [['validate', 'add'], /does not know what to do with 'add'/],
    [['validate', '--vs', 'torch'], /--vs/],
    [['bench', '--vs', 'jax'], /not 'jax'/],
    [['bench', '--suite', 'huge'], /not 'huge'/],
    [['gradcheck', '--seed', '-1.5'], /--seed/],
    [['gradcheck', './f.ts#f', '--shape', '3,x'], /whole numbers/],
    [['gradcheck', './f.ts#f'], /needs the shape/],
    [['gradcheck', '--shape', '3'], /--shape belongs to a function/],
    [['validate', '--json='], /names no file/],
  ])('%j', async (words, message) => {
    const { code, out, err } = await torchstone(...words);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(out).toBe('');
  });
});

describe('arguments', () => {
  it('takes --json alone, with a file, and before a function', () => {
    const json = (...words: string[]) => readArguments(words);
    expect(json('validate', '--json')).toMatchObject({ json: true });
    expect(json('validate', '--json', 'a.json')).toMatchObject({ json: 'a.json', positionals: [] });
    expect(json('validate', '--json=b')).toMatchObject({ json: 'b' });
    expect(json('gradcheck', '--json', './f.ts#loss', '--shape', '3,4', '--shape', ',')).toMatchObject({
      json: true,
      positionals: ['./f.ts#loss'],
      shapes: [[3, 4], []],
    });
  });

  it('throws its own error', () => {
    expect(() => readArguments(['nothing'])).toThrow(UsageError);
    expect(() => readArguments(['toString'])).toThrow(UsageError);
  });
});

describe('report', () => {
  it('renders a result again and leaves with its exit code', async () => {
    const bad = sampleRun({ broken: true });
    const out = join(folder, 'again');
    const result = await torchstone('report', saved('bad.json', bad), '--out', out);
    expect(result.code).toBe(1);
    expect(result.out.split('\n')[0]).toBe(verdictSentence(bad));
    expect(existsSync(join(out, 'index.html'))).toBe(true);
    expect((await torchstone('report', saved('good.json', sampleRun()), '--out', out)).code).toBe(0);
  });

  it('prints JSON alone on standard output', async () => {
    const run = sampleRun();
    const { out, err } = await torchstone(
      'report',
      saved('json.json', run),
      '--json',
      '--out',
      join(folder, 'j'),
    );
    expect(parseRunResult(out)).toEqual(run);
    expect(err).toContain(verdictSentence(run));
  });

  it('writes JSON to a file', async () => {
    const file = join(folder, 'copy.json');
    await torchstone(
      'report',
      saved('copy-of.json', sampleRun()),
      '--json',
      file,
      '--out',
      join(folder, 'k'),
    );
    expect(parseRunResult(readFileSync(file, 'utf8'))).toEqual(sampleRun());
  });

  it('judges what a filter leaves, and nothing is not a pass', async () => {
    const file = saved('filter.json', sampleRun({ broken: true }));
    const filtered = (filter: string) =>
      torchstone('report', file, '--filter', filter, '--out', join(folder, 'f'));
    expect((await filtered('softmax/0@float32')).code).toBe(1);
    expect((await filtered('abs/')).code).toBe(0);
    const none = await filtered('no-such-case');
    expect(none.code).toBe(6);
    expect(none.err).toContain("nothing in the results matches the filter 'no-such-case'");
  });

  it('marks an interrupted run with 130', async () => {
    const file = saved('partial.json', { ...sampleRun(), partial: true });
    expect((await torchstone('report', file, '--out', join(folder, 'p'))).code).toBe(130);
  });

  it.each([
    ['is missing', 2, () => join(folder, 'nowhere.json'), /does not exist/],
    ['is not JSON', 5, () => saved('x.json', 'a').replace('x.json', 'x.json'), /not a run result/],
    ['is of another schema', 5, () => saved('y.json', { schema: 99 }), /schema/],
  ])('when the file %s ends with %d', async (_, wanted, file, message) => {
    const { code, err } = await torchstone('report', file(), '--out', join(folder, 'n'));
    expect(code).toBe(wanted);
    expect(err).toMatch(message);
  });

  it('ends with 2 before it writes anything when the folder cannot be written', async () => {
    const file = saved('good2.json', sampleRun());
    const { code, err } = await torchstone('report', file, '--out', join(file, 'inside-a-file'));
    expect(code).toBe(2);
    expect(err).toMatch(/output folder .* cannot be written/);
  });
});

describe('references', () => {
  it('says what is missing instead of failing', async () => {
    const { references, python } = await findReferences([join(folder, 'no-python')]);
    expect(python).toBeUndefined();
    expect(references.torch.missing).toContain('no working Python');
    const left = await findReferences(pythonCandidates({ TORCHSTONE_NO_PYTHON: '1' }));
    expect(left.references.numpy.missing).toContain('TORCHSTONE_NO_PYTHON');
  });
});

describe('progress', () => {
  /** A stream that remembers. */
  function stream(isTTY: boolean): { text: () => string; stream: NodeJS.WriteStream } {
    let text = '';
    const write = (part: string) => {
      text += part;
      return true;
    };
    return { text: () => text, stream: { isTTY, columns: 80, write } as unknown as NodeJS.WriteStream };
  }

  it('writes plain lines where there is no terminal', () => {
    const { text, stream: to } = stream(false);
    let clock = 0;
    const progress = createProgress({ stream: to, env: {}, now: () => clock });
    progress.begin('validate', 3);
    clock += 11_000;
    progress.step('add/0');
    progress.step('add/1', true);
    progress.end();
    expect(text()).toBe('validate (3) …\n  1 of 3  add/0\n✗ validate: 2 of 3, 1 failed (11.0 s)\n');
  });

  it('draws one line on a terminal, without colour when NO_COLOR is set', () => {
    const { text, stream: to } = stream(true);
    const progress = createProgress({ stream: to, env: { NO_COLOR: '1' } });
    progress.begin('validate', 3);
    progress.end('3 passed');
    expect(text()).toContain('\r\u001b[2K');
    expect(text()).not.toContain('\u001b[3');
  });
});
