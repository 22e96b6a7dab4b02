// The manifests of the workspace: versions, dependencies and their reasons, and what a program in dist/ finds as torchstone.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { textOf } from '../support/imports.js';
import { ROOT } from '../support/root.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
}
const read = (file: string): Manifest => JSON.parse(textOf(file));
const [root, engine, harness] = ['package.json', 'engine/package.json', 'suites/package.json'].map(read) as [
  Manifest,
  Manifest,
  Manifest,
];

/** The packages in the table below a heading of docs/dependencies.md. */
function explained(heading: string): string[] {
  const page = textOf('docs/dependencies.md');
  const from = page.indexOf(`## ${heading}`);
  expect(from, heading).toBeGreaterThan(0);
  const section = page.slice(from + 3).split('\n## ')[0]!;
  const rows = [...section.matchAll(/^\| \[?([^\]|]+?)\]?(?:\([^)]*\))? \|/gm)].map(([, name]) => name!);
  return rows.filter((name) => name !== 'package' && name !== '---').sort();
}
const named: Readonly<Record<string, string>> = { ECharts: 'echarts' };
const names = (list: Readonly<Record<string, string>> = {}): string[] => Object.keys(list).sort();
const listed = (heading: string): string[] =>
  explained(heading)
    .map((name) => named[name] ?? name)
    .sort();

describe('the packages', () => {
  it('have one version, and one oldest Node', () => {
    expect([engine.version, harness.version]).toEqual([root.version, root.version]);
    expect([engine.engines, harness.engines]).toEqual([root.engines, root.engines]);
    expect(harness.dependencies!.torchstone).toBe(engine.version);
    expect([root.private, engine.scripts, harness.scripts]).toEqual([true, undefined, undefined]);
  });

  it('have a reason for each dependency', () => {
    expect(listed('Of the library')).toEqual(names(engine.dependencies));
    expect(listed('Of the harness')).toEqual(names(harness.dependencies));
    expect(listed('For development')).toEqual(names(root.devDependencies));
    expect(root.dependencies).toBeUndefined();
  });

  it('are locked without the address of a registry', () => {
    const lock = JSON.parse(textOf('package-lock.json')) as {
      packages: Record<string, { resolved?: string }>;
    };
    const resolved = Object.values(lock.packages).flatMap((one) => one.resolved ?? []);
    expect(resolved.sort()).toEqual(['engine', 'suites']);
  });
});

describe.skipIf(!existsSync(join(ROOT, 'dist', 'engine', 'index.js')))('a program in dist/', () => {
  it.each([
    ['torchstone', 'dist/engine/index.js'],
    ['torchstone/internals', 'dist/engine/internals.js'],
    ['torchstone/vitest', 'dist/suites/vitest.js'],
  ])('finds as %s what was built with it', (name, file) => {
    const from = createRequire(join(ROOT, 'dist', 'suites', 'cli', 'bin.js'));
    expect(from.resolve(name)).toBe(join(ROOT, file));
  });
});
