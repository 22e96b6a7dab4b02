// Stamps of finished set-up steps, valid while the hashed content is unchanged.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT, STATE } from './steps.mjs';

const FILE = join(STATE, 'stamps.json');

/** A hash over files and folders (relative to the root) and any further words. */
export function contentHash(paths, words = [], skip = []) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap((one) => filesUnder(join(ROOT, one), skip)).sort()) {
    hash
      .update(`${relative(ROOT, path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.update(JSON.stringify(words)).digest('hex');
}

/** Whether this stamp was set for this key. */
export function isDone(name, key) {
  return read()[name]?.key === key;
}

/** Sets a stamp; `note` is kept with it. */
export function setDone(name, key, note = {}) {
  mkdirSync(STATE, { recursive: true });
  writeFileSync(FILE, `${JSON.stringify({ ...read(), [name]: { key, ...note } }, null, 2)}\n`);
}

/** What was kept with a stamp. */
export function stampNote(name) {
  return read()[name];
}

function read() {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'));
  } catch {
    return {};
  }
}

function filesUnder(path, skip) {
  if (!existsSync(path)) return [];
  let entries;
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    return [path];
  }
  return entries.flatMap((entry) => {
    const child = join(path, entry.name);
    if (skip.includes(relative(ROOT, child))) return [];
    return entry.isDirectory() ? filesUnder(child, skip) : entry.isFile() ? [child] : [];
  });
}
