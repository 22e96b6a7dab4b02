// Holds the command block to its one room: engine/backend/commands. Elsewhere a number's place in a command is not to be known.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
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

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.m?ts$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

test('only the encoders, decoders and statuses touch the command block', () => {
  const all = ['engine', 'suites', 'test'].flatMap(sources).filter((file) => !LEFT_OUT.includes(file));
  const found = all.filter((file) => touches(readFileSync(join(ROOT, file), 'utf8')));
  expect(found.filter((file) => !file.startsWith(ROOM))).toEqual([]);
  // The search finds what it looks for: all of the room but the geometry.
  const inRoom = all.filter((file) => file.startsWith(ROOM));
  expect(inRoom.length).toBeGreaterThan(15);
  expect(inRoom.filter((file) => !found.includes(file))).toEqual([`${ROOM}coalesce.ts`]);
});
