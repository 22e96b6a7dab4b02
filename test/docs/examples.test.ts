// Code blocks of README and docs/guide: each compiles under `strict` and runs. A block marked "ts (fragment)" is left out.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/root.js';

const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs', 'guide')).map((file) => join('docs', 'guide', file)),
];
const blocks = pages.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code], i) => ({
    name: `${page} block ${i + 1}`,
    code: code!,
  })),
);

describe('the code blocks of the guide', () => {
  let folder: string;
  const fileOf = (i: number): string => join(folder, `block-${i}.ts`);
  beforeAll(() => {
    folder = mkdtempSync(join(ROOT, 'test', '.docs-'));
    blocks.forEach(({ code }, i) => {
      writeFileSync(fileOf(i), `process.chdir(${JSON.stringify(folder)});\n${code}\nexport {};\n`);
    });
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        compilerOptions: {
          noEmit: true,
          rootDir: '../..',
          noUnusedLocals: false,
          paths: { torchstone: ['../../engine/index.ts'], 'torchstone/vitest': ['../../suites/vitest.ts'] },
        },
        include: ['./*.ts'],
      }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are found', () => expect(blocks.length).toBeGreaterThan(8));

  it('compile', () => {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'lib', 'tsc.js');
    let said = '';
    try {
      execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    } catch (error) {
      said = String((error as { stdout?: string }).stdout);
    }
    expect(said).toBe('');
  }, 120_000);

  blocks.forEach(({ name }, i) => {
    it(`${name} runs`, () => {
      execFileSync(
        process.execPath,
        ['--import', pathToFileURL(join(ROOT, 'node_modules', 'tsx', 'dist', 'loader.mjs')).href, fileOf(i)],
        {
          encoding: 'utf8',
          env: { ...process.env, TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json') },
        },
      );
    }, 60_000);
  });
});
