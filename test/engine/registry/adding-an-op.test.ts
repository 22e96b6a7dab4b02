// Number of files that an op touches: its declaration and, where it has a kernel, one place of the addon. Only ops
// built on it may name it too.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ops, snakeCase } from '../../../engine/registry/define.js';
import '../../../engine/index.js';
import { ROOT } from '../../support/root.js';

const FOLDERS = ['engine', 'native', 'suites', 'reports', 'scripts'];
const SOURCE = /\.(ts|mjs|h|cc)$/;
/** Generated or built; workloads, faults and what other engines call an op are lists of ops by nature. */
// Layers, optimizers, loaders and file formats are made of public ops.
const LEFT_OUT =
  /^engine\/(generated|nn|optim|data|io)\/|^suites\/conformance\/modules|\/(build|dist)\/|^suites\/(accuracy|bench|notebook|peers|selftest)\//;
/** What may name an op beside ops and kernels, and why. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // The walk of the tape makes the gradients to start from.
  'engine/autograd/engine.ts': ['zerosLike', 'onesLike'],
  'engine/autograd/jvp.ts': ['zerosLike'],
  // Names of shape rules and of a family of the addon that are also ops.
  'engine/core/shape.ts': ['broadcastShapes'],
  'engine/backend/backend.ts': ['indexPut'],
  // Differences are taken in the parts of complex numbers.
  'suites/gradcheck/tensors.ts': ['viewAsReal', 'viewAsComplex'],
  // Recorded numbers of complex parameters are their parts.
  'suites/conformance/optim-recordings.ts': ['viewAsReal', 'viewAsComplex'],
  // The written tie policy: what PyTorch's gradient is at the kinks of an op.
  'suites/gradcheck/subgradients.ts': ['leakyRelu', 'clampMin', 'clampMax'],
  // Builds inputs in their recorded layout.
  'suites/common/bind.ts': ['asStrided'],
};

/** Word → files whose code (not comments) has it. */
function wordsByFile(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const folder of FOLDERS)
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const path = relative(ROOT, join(entry.parentPath, entry.name));
      if (!entry.isFile() || !SOURCE.test(path) || LEFT_OUT.test(path)) continue;
      const code = readFileSync(join(ROOT, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      for (const word of code.match(/[A-Za-z_]\w*/g) ?? []) {
        const files = found.get(word) ?? new Set();
        found.set(word, files.add(path));
      }
    }
  return found;
}

const words = wordsByFile();
const filesOf = (name: string): string[] => {
  const last = name.slice(name.lastIndexOf('.') + 1);
  return [...new Set([last, snakeCase(last)].flatMap((word) => [...(words.get(word) ?? [])]))].sort();
};
/** Ops whose names are no words of the language: `leakyRelu`, not `where`; nor a property of every dtype, `isComplex`. */
const distinct = [...ops.keys()].filter(
  (name) => name !== 'isComplex' && /[a-z][A-Z]/.test(name.slice(name.lastIndexOf('.') + 1)),
);

describe('an op is written in one place', () => {
  it('as the worked example of CONTRIBUTING is', () => {
    expect(filesOf('softsign')).toEqual(['engine/ops/nn/activation.ts']);
  });

  it('or in two, with its kernel, unless other ops are built on it', () => {
    expect(distinct.length).toBeGreaterThan(200);
    const more = distinct.filter((name) => filesOf(name).length > 2);
    expect(more.length / distinct.length).toBeLessThan(0.15);
  });

  it('and nowhere outside ops, primitives, kernels and their commands', () => {
    const stray = distinct.flatMap((name) =>
      filesOf(name)
        .filter((file) => !/^engine\/(ops|pointwise|backend\/commands)\/|^native\//.test(file))
        .filter((file) => !ALLOWED[file]?.includes(name))
        .map((file) => `${name} in ${file}`),
    );
    expect(stray).toEqual([]);
  });
});
