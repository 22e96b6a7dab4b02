// Every module of PyTorch's module database, recorded: text, state dict, forward, gradients, buffers and errors.
// Recorded by: npx tsx suites/conformance/record-modules.ts
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  apart,
  type ModuleRecording,
  replayModule,
  replayModuleError,
} from '../../../suites/conformance/modules.js';

const file = new URL('./module-db.json.br', import.meta.url);
const recording = JSON.parse(brotliDecompressSync(readFileSync(file)).toString()) as ModuleRecording;
const modules = [...new Set(recording.cases.map((one) => one.module))];

describe('module_db', () => {
  it('is recorded whole', () => {
    expect(modules.length).toBe(recording.entries);
    expect(recording.entries).toBe(114);
    expect(recording.errors.filter((one) => apart(one) === undefined).length).toBeGreaterThan(75);
  });

  it.each(modules)('nn.%s is as PyTorch has it', (module) => {
    const cases = recording.cases.filter((one) => one.module === module);
    const found = cases.flatMap((one) =>
      replayModule(one).map((text) => `${one.dtype} training=${one.training} ${one.desc}: ${text}`),
    );
    expect(found).toEqual([]);
  });

  it('refuses what PyTorch refuses, in its class and words', () => {
    const found = recording.errors
      .filter((one) => apart(one) === undefined)
      .flatMap((one) => replayModuleError(one).map((text) => `${one.module}: ${text}`));
    expect(found).toEqual([]);
  });
});
