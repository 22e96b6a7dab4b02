// Holds the files that Biome does not read (C++, CUDA, Python) to the limit that biome.json sets for the others.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const most: number = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')).linter.rules.style
  .noExcessiveLinesPerFile.options.maxLines;

/** Longer ones, each with its reason. */
const excused: Readonly<Record<string, string>> = {
  'native/cuda/shim/libcuda.cc': "the driver's calls as one library exports them, each a few lines",
};

const read = ['native', 'scripts'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file).replaceAll('\\', '/'))
    .filter((file) => /\.(cc|h|cuh|py)$/.test(file) && !file.startsWith('native/build/')),
);
const linesOf = (file: string) => readFileSync(join(root, file), 'utf8').split('\n').length - 1;

it('no file of C++, CUDA or Python is longer than biome.json says, but for those excused', () => {
  expect(read.length).toBeGreaterThan(100);
  expect(read.filter((file) => linesOf(file) > most)).toEqual(Object.keys(excused));
});
