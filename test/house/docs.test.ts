// Links and file names in the documentation: every relative link and anchor leads somewhere, every file in backticks is there.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { textOf } from '../support/imports.js';
import { ROOT } from '../support/root.js';

/** Made by a run or a build. */
const MADE = /^(reports\/out|native\/build|engine\/generated|fixtures\/\.|engine\/dist|suites\/dist)/;
/** What a guide tells its reader to make. */
const TO_BE_MADE = ['engine/backend/metal/'];
/** What happened stays written as it was. */
const HISTORY = ['CHANGELOG.md'];

const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(posix.join(ROOT, file)));
const present = new Set(tracked.flatMap((file) => [file, ...foldersOf(file)]));
const pages = tracked.filter((file) => file.endsWith('.md'));

function foldersOf(file: string): string[] {
  const folder = posix.dirname(file);
  return folder === '.' ? ['.'] : [folder, ...foldersOf(folder)];
}

/** A page without its blocks of code. */
const proseOf = (page: string): string => textOf(page).replace(/^(\s*)```[\s\S]*?^\s*```/gm, '');

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = [...proseOf(page).matchAll(/^#{1,6}\s+(.+)$/gm)].map(([, heading]) => {
    const words = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const slug = words
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
  const named = [...textOf(page).matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, name]) => name!);
  return new Set([...anchors, ...named]);
}

describe('the documentation', () => {
  it('is found', () => {
    expect(pages.length).toBeGreaterThan(10);
    expect(pages).toContain('README.md');
  });

  it('links to files and headings that are there', () => {
    const broken: string[] = [];
    for (const page of pages) {
      const links = [...proseOf(page).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map(
        ([, link]) => link!,
      );
      for (const link of links) {
        if (/^[a-z]+:/i.test(link)) continue;
        const [path = '', anchor] = link.split('#', 2);
        const file = path === '' ? page : posix.join(posix.dirname(page), decodeURI(path)).replace(/\/$/, '');
        const there = present.has(file) || MADE.test(file);
        const onPage = anchor === undefined || !file.endsWith('.md') || anchorsOf(file).has(anchor);
        if (!there || !onPage) broken.push(`${page}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('names files that are there', () => {
    const names =
      /`((?:\.\/)?(?:engine|native|suites|reports|scripts|test|docs|fixtures|peers|examples)\/[^`\s]*)`/g;
    const missing: string[] = [];
    for (const page of pages.filter((one) => !HISTORY.includes(one))) {
      for (const [, name] of proseOf(page).matchAll(names)) {
        // A pattern stands for what is before its first wildcard or choice.
        const fixed = posix.normalize(name!).replace(/[*{<…].*$/, '');
        const file =
          fixed === name ? fixed.replace(/[:#].*$/, '').replace(/\/$/, '') : posix.dirname(`${fixed}x`);
        if (!present.has(file) && !MADE.test(file) && !TO_BE_MADE.includes(name!))
          missing.push(`${page}: ${name}`);
      }
    }
    expect(missing).toEqual([]);
  });
});
