// Holds the command block to its one room: engine/backend/commands. Elsewhere a number's place in a command is not to be known.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sources } from '../support/imports.js';
import { ROOT } from '../support/root.js';

const ROOM = 'engine/backend/commands/';
/** A child process that has the addon alone: its words for the block are in this file. */
const LEFT_OUT = ['test/cuda/child.ts'];
/** Numbers of the block by their place, and its array's methods. */
const PLACES = /\bblock\s*(\?\.)?\[|\bblock\.(at|copyWithin|fill|set|slice|subarray|with)\(/;
/** The array under its own name. */
const IMPORTED = /import\s*\{[^}]*\bblock\b[^}]*\}\s*from\s*'[^']*\/addon\.js'/;

function touches(source: string): boolean {
  return PLACES.test(source) || IMPORTED.test(source);
}

test('only the encoders, decoders and statuses touch the command block', () => {
  const all = sources('engine', 'suites', 'test').filter((file) => !LEFT_OUT.includes(file));
  const found = all.filter((file) => touches(readFileSync(join(ROOT, file), 'utf8')));
  expect(found.filter((file) => !file.startsWith(ROOM))).toEqual([]);
  // The search finds what it looks for: all of the room but the geometry.
  const inRoom = all.filter((file) => file.startsWith(ROOM));
  expect(inRoom.length).toBeGreaterThan(15);
  expect(inRoom.filter((file) => !found.includes(file))).toEqual([`${ROOM}coalesce.ts`]);
});

/** The layouts that a file's comments write down, a line break being a space: `block = [dtype, n]`. */
function layouts(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8').replace(/\n\/\/\s*/g, ' ');
  return text.match(/\b(block|axis|indexGet|indexPut|nonzero) = \[[^\]]*\]/g) ?? [];
}

test('a layout is written alike for the encoder and for the decoder in C++', () => {
  const headers = readdirSync(join(ROOT, 'native', 'commands')).filter((name) => name !== 'cursor.h');
  expect(headers.length).toBeGreaterThan(12);
  for (const header of headers) {
    // File names have hyphens here, underscores there.
    const here = layouts(`${ROOM}${header.replaceAll('_', '-').replace(/\.h$/, '.ts')}`);
    expect(here.length, header).toBeGreaterThan(0);
    expect(here).toEqual(layouts(`native/commands/${header}`));
  }
});
