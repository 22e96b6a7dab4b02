// Import directions, private files and circles, read from the sources. To let a folder import more, change the table here.
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Import, importsOf, resolved, sources, textOf } from '../support/imports.js';

/** What the files of a folder may import: files below these paths, and these packages beside Node's own modules. */
interface Zone {
  /** The files that the row is about; a file belongs to the first row that matches. */
  readonly of: RegExp;
  readonly files: RegExp;
  readonly packages: RegExp;
}

const ENGINE_BY_NAME = 'torchstone(/internals)?';
const ZONES: readonly Zone[] = [
  // The engine knows nothing of the harness.
  { of: /^engine\//, files: /^engine\//, packages: /^(fflate|npyjs)$/ },
  // The result schema is what suites and reports share.
  { of: /^reports\/schema\//, files: /^reports\/schema\//, packages: /^zod$/ },
  // A report is a function of results.
  { of: /^reports\//, files: /^reports\//, packages: /^(csv-stringify\/sync|echarts\/\w+)$/ },
  // The command line is the top.
  { of: /^suites\/cli\//, files: /^(suites|reports)\//, packages: new RegExp(`^(${ENGINE_BY_NAME}|zod)$`) },
  // Adapters load the libraries that they speak for where those are installed.
  {
    of: /^suites\/peers\/engines\//,
    files: /^(suites\/(?!cli\/)|reports\/schema\/)/,
    packages: new RegExp(`^(${ENGINE_BY_NAME}|numpy-ts|js-pytorch|@jax-js/jax|@tensorflow/.*)$`),
  },
  {
    of: /^suites\//,
    files: /^(suites\/(?!cli\/)|reports\/schema\/)/,
    packages: new RegExp(`^(${ENGINE_BY_NAME}|zod|tinybench|esbuild)$`),
  },
  // Set-up, generators and jobs.
  { of: /^scripts\//, files: /^(engine|scripts)\//, packages: /^$/ },
  // Examples are what a user writes.
  { of: /^examples\//, files: /^$/, packages: /^torchstone$/ },
];
/** The only files that load the native addon. */
const LOADS_ADDON = /^engine\/backend\//;

interface Edge extends Import {
  readonly from: string;
  /** The file that is imported; undefined for packages. */
  readonly file: string | undefined;
}

const edges: readonly Edge[] = sources('engine', 'reports', 'suites', 'scripts', 'examples').flatMap((from) =>
  importsOf(textOf(from)).map((one) => ({ ...one, from, file: resolved(from, one.target) })),
);
const shown = ({ from, target }: Edge): string => `${from} imports ${target}`;

describe('imports', () => {
  it('were found', () => {
    expect(edges.length).toBeGreaterThan(1500);
    expect(edges.filter(({ typeOnly }) => typeOnly).length).toBeGreaterThan(200);
    expect(edges.filter(({ dynamic }) => dynamic).length).toBeGreaterThan(10);
    expect(edges.filter(({ target }) => target === 'torchstone/internals').length).toBeGreaterThan(10);
  });

  it('point one way', () => {
    const wrong = edges.filter(({ from, file, target }) => {
      const zone = ZONES.find(({ of }) => of.test(from))!;
      return file === undefined
        ? !target.startsWith('node:') && !zone.packages.test(target)
        : !zone.files.test(file);
    });
    expect(wrong.map(shown)).toEqual([]);
  });

  it('reach the addon through engine/backend', () => {
    const requiring = sources('engine', 'reports', 'suites').filter((file) =>
      /\bcreateRequire\b|\bprocess\.dlopen\b/.test(textOf(file)),
    );
    // Packed builds carry packages in CommonJS, whose banner has the word; a user's function may be CommonJS.
    const known = ['suites/bench/pack.ts', 'suites/gradcheck/load.ts'];
    expect(requiring.filter((file) => !LOADS_ADDON.test(file) && !known.includes(file))).toEqual([]);
    expect(requiring).toContain('engine/backend/addon.ts');
  });

  it('leave private files and folders to the folder that they lie in', () => {
    const wrong = edges.filter(({ from, file }) => {
      if (file === undefined) return false;
      const parts = file.split('/');
      const at = parts.findIndex((part) => part.startsWith('_'));
      return at >= 0 && !`${posix.dirname(from)}/`.startsWith(`${parts.slice(0, at).join('/')}/`);
    });
    expect(wrong.map(shown)).toEqual([]);
  });

  it('make no circle when the program runs', () => {
    expect(circles(edges.filter(({ typeOnly, dynamic }) => !typeOnly && !dynamic))).toEqual([]);
  });
});

describe('torchstone/internals', () => {
  it('lists what the suites use, and no more', () => {
    const text = textOf('engine/internals.ts');
    const names = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) =>
      list!.split(',').map((name) => name.replace('type ', '').trim()),
    );
    const listed = [...names.filter((name) => name !== ''), 'engineUrl'];
    expect(listed.length).toBeGreaterThan(20);
    const users = sources('suites').map(textOf);
    const imported = users.flatMap((user) =>
      [...user.matchAll(/\{([^{}]*)\}\s*(?:from '|= await import\(')torchstone\/internals'/g)].map(
        ([, list]) => list!,
      ),
    );
    const words = new Set(imported.flatMap((list) => list.match(/\w+/g) ?? []));
    expect(listed.filter((name) => !words.has(name))).toEqual([]);
  });
});

/** The groups of files that import each other in a circle, each in order of names. */
function circles(runtime: readonly Edge[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, file } of runtime)
    if (file !== undefined) next.set(from, [...(next.get(from) ?? []), file]);
  // Tarjan's strongly connected components.
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const other of next.get(file) ?? []) {
      if (!index.has(other)) visit(other);
      if (stack.includes(other)) low.set(file, Math.min(low.get(file)!, low.get(other)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(group.sort());
  };
  for (const file of next.keys()) if (!index.has(file)) visit(file);
  return found;
}
