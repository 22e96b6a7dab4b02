// The two packages as npm would publish them: packed, unpacked into an empty project with their declared dependencies alone, used.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importsOf, sources } from '../support/imports.js';
import { ROOT } from '../support/root.js';

const run = promisify(execFile);
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const ADDON = process.env.TORCHSTONE_ADDON || join(ROOT, 'native', 'build', 'Release', 'torchstone.node');
/** A user without an addon, a repository or settings of ours. */
const BARE = { PATH: process.env.PATH, HOME: process.env.HOME };

const VERSION = manifestOf(join(ROOT, 'engine')).version;
const work = mkdtempSync(join(tmpdir(), 'torchstone-pack-'));
const project = join(work, 'project');
const modules = join(project, 'node_modules');
const packages = {
  engine: { tarball: join(work, `torchstone-${VERSION}.tgz`), folder: join(modules, 'torchstone') },
  suites: {
    tarball: join(work, `torchstone-harness-${VERSION}.tgz`),
    folder: join(modules, '@torchstone', 'harness'),
  },
};

interface Manifest {
  readonly version: string;
  readonly scripts?: unknown;
  readonly dependencies: Readonly<Record<string, string>>;
}
function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** Every file of a folder, relative to it. */
function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((one) => one.isFile()).map((one) => relative(folder, join(one.parentPath, one.name)));
}

/** Whether dist/ was built after the last change of a source: the compiler writes all of it each time. */
function isBuilt(): boolean {
  const files = ['engine', 'suites', 'reports'].map((folder) => sources(folder));
  const changed = [
    ...files.flat(),
    'engine/generated/functions.ts',
    'engine/generated/methods.ts',
    'tsconfig.json',
  ];
  const last = Math.max(...changed.map((file) => statSync(join(ROOT, file)).mtimeMs));
  const made = ['dist/engine/index.js', 'dist/suites/cli/bin.js', 'dist/reports/write.js'].map((file) =>
    join(ROOT, file),
  );
  return made.every((file) => existsSync(file) && statSync(file).mtimeMs > last);
}

/** Packs and unpacks as an installation does; a dependency that is not declared is not there. */
async function install(name: keyof typeof packages): Promise<void> {
  const { tarball, folder } = packages[name];
  await run('npm', ['pack', '--pack-destination', work], { cwd: join(work, name), env: BARE });
  await run('tar', ['-xzf', tarball, '-C', work]);
  mkdirSync(dirname(folder), { recursive: true });
  renameSync(join(work, 'package'), folder);
  for (const one of Object.keys(manifestOf(folder).dependencies)) {
    const to = join(modules, one);
    if (one !== 'torchstone' && !existsSync(to)) symlinkSync(join(ROOT, 'node_modules', one), to, 'dir');
  }
}

beforeAll(async () => {
  mkdirSync(modules, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  const build = isBuilt() ? join(ROOT, 'dist') : join(work, 'build');
  if (!existsSync(build))
    await run(process.execPath, [TSC, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', build]);
  await run(process.execPath, [join(ROOT, 'scripts', 'stage.mjs'), build, work]);
  await install('engine');
  await install('suites');
}, 180_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(['engine', 'suites'] as const)('the package of %s/', (name) => {
  const { folder, tarball } = packages[name];

  it('holds built JavaScript and its types alone, in less than 1 MB', () => {
    const known = /^(dist\/.*(\.js|\.d\.ts)|package\.json|README\.md|LICENSE)$/;
    // The harness brings the Python oracle and the floors of conformance.
    const more = /^dist\/suites\/(reference\/.*\.(py|txt)|conformance\/baseline\.json)$/;
    const files = filesOf(folder);
    const other = files.filter((file) => !known.test(file) && !(name === 'suites' && more.test(file)));
    expect(other).toEqual([]);
    expect(files.length).toBeGreaterThan(200);
    expect(statSync(tarball).size).toBeLessThan(2 ** 20);
    const mapped = files.filter((file) => /\.(js|ts)$/.test(file));
    expect(
      mapped.filter((file) => readFileSync(join(folder, file), 'utf8').includes('sourceMappingURL')),
    ).toEqual([]);
  });

  it('runs no script and imports what it declares', () => {
    const { scripts, dependencies } = manifestOf(folder);
    expect(scripts).toBeUndefined();
    const wanted = new Map<string, string>();
    for (const file of filesOf(folder).filter((one) => /\.(js|d\.ts)$/.test(one))) {
      // Competing libraries are installed apart, where a user wants the comparison.
      if (file.startsWith('dist/suites/peers/engines/')) continue;
      for (const { target } of importsOf(readFileSync(join(folder, file), 'utf8')))
        wanted.set(target.startsWith('.') ? join(dirname(file), target) : target, file);
    }
    const missing = [...wanted].filter(([target]) => {
      // Types name the JavaScript that they describe.
      if (target.startsWith('dist/')) return !existsSync(join(folder, target));
      const parts = target.split('/');
      const owner = target.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
      return !target.startsWith('node:') && !(owner in dependencies);
    });
    expect(wanted.size).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });
});

describe('torchstone, installed', () => {
  it('has at most two dependencies', () => {
    expect(Object.keys(manifestOf(packages.engine.folder).dependencies)).toEqual(['fflate', 'npyjs']);
  });

  it('computes with the addon that TORCHSTONE_ADDON names', async () => {
    const text = "import * as torch from 'torchstone'; console.log(String(torch.ones(3, 2).add(1)));";
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', text], {
      cwd: project,
      env: { ...BARE, TORCHSTONE_ADDON: ADDON },
    });
    expect(stdout).toBe('tensor([[2., 2.],\n        [2., 2.],\n        [2., 2.]])\n');
  });

  it('takes the addon of the platform package, and says what is missing without one', async () => {
    const text = `import { platformPackage } from ${JSON.stringify(join(packages.engine.folder, 'dist', 'backend', 'locate.js'))};
      console.log(platformPackage());
      const { backendInfo } = await import('torchstone');
      console.log(backendInfo().path);`;
    const node = () =>
      run(process.execPath, ['--input-type=module', '-e', text], { cwd: project, env: BARE });
    const failed = (await node().then(
      () => undefined,
      (error: unknown) => error,
    )) as { stdout: string; stderr: string };
    const name = failed.stdout.trim();
    expect(name).toMatch(/^@torchstone\/\w+-\w+/);
    expect(failed.stderr).toContain(
      `TorchstoneError: torchstone: required the native addon, got none at the package ${name}. Install the prebuilt package (npm install ${name})`,
    );
    const folder = join(modules, name);
    mkdirSync(folder, { recursive: true });
    symlinkSync(ADDON, join(folder, 'torchstone.node'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, main: 'torchstone.node' }));
    try {
      expect((await node()).stdout).toContain('torchstone.node');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has types that a strict program checks, declarations included', async () => {
    const lines = [
      "import * as torch from 'torchstone';",
      'export const x: torch.Tensor = torch.ones(3, 2).add(1);',
      'export const text: string = String(x.sum(0));',
      'export function twice(): number { using y = x.mul(2); return y.sum().item() as number; }',
      '// @ts-expect-error: a tensor is no string',
      'export const wrong: string = torch.zeros(2);',
    ];
    writeFileSync(join(project, 'program.ts'), lines.join('\n'));
    const compilerOptions = {
      ...{ target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', strict: true, noEmit: true },
      ...{ lib: ['es2022', 'esnext.disposable'], types: [], skipLibCheck: false },
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }));
    const { stdout } = await run(process.execPath, [TSC, '-p', project]).catch((error) => error);
    expect(stdout).toBe('');
  }, 60_000);
});

describe('@torchstone/harness, installed', () => {
  it("checks a user's function from its command line", async () => {
    const source = "import { exp } from 'torchstone';\nexport const loss = (x) => exp(x.mul(2)).sum();\n";
    writeFileSync(join(project, 'loss.mjs'), source);
    const program = join(packages.suites.folder, 'dist', 'suites', 'cli', 'bin.js');
    const words = [program, 'gradcheck', './loss.mjs#loss', '--shape', '3,2'];
    const { stdout } = await run(process.execPath, words, {
      cwd: project,
      env: { ...BARE, TORCHSTONE_ADDON: ADDON },
    });
    expect(stdout).toMatch(/pass/);
    const { stdout: help } = await run(process.execPath, [program, '--help'], { cwd: project, env: BARE });
    expect(help).toContain('Usage: torchstone COMMAND');
  }, 60_000);

  it("checks gradients from a user's test", async () => {
    const text = `import { randn } from 'torchstone';
      import { expectGradientsToMatch } from '@torchstone/harness/vitest';
      console.log(expectGradientsToMatch((x) => x.square().sum(), [randn(3)]).verdict);`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', text], {
      cwd: project,
      env: { ...BARE, TORCHSTONE_ADDON: ADDON },
    });
    expect(stdout.trim()).toBe('pass');
  });
});
