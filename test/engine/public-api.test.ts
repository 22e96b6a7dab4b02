// The public names: none may be lost. A new one is added to public-names.txt by `UPDATE_PUBLIC_NAMES=1 npx vitest run THIS`.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as torch from '../../engine/index.js';

const FILE = new URL('public-names.txt', import.meta.url);
const { Tensor, Size, Complex, DType, Device, Generator, FunctionContext } = torch;
const CLASSES = { Tensor, Size, Complex, DType, Device, Generator, FunctionContext };

/** Exports and what their namespaces hold, and the members of the public classes. */
function publicNames(): string[] {
  const names: string[] = [];
  const list = (value: object, prefix: string, depth: number): void => {
    for (const [key, inner] of Object.entries(value)) {
      names.push(`${prefix}${key}`);
      const isObject = typeof inner === 'object' && inner !== null;
      // A namespace has no prototype.
      const held = isObject && [Object.prototype, null].includes(Object.getPrototypeOf(inner));
      if (held && depth > 0) list(inner as object, `${prefix}${key}.`, depth - 1);
    }
  };
  list({ ...torch }, '', 3);
  for (const [name, made] of Object.entries(CLASSES))
    for (const member of Object.getOwnPropertyNames(made.prototype))
      names.push(`${name}.prototype.${member}`);
  return [...new Set(names)].sort();
}

it('no public name is lost, and every one is listed', () => {
  const names = publicNames();
  if (process.env.UPDATE_PUBLIC_NAMES === '1') writeFileSync(FILE, `${names.join('\n')}\n`);
  const listed = readFileSync(FILE, 'utf8').trim().split('\n');
  expect(listed.filter((name) => !names.includes(name))).toEqual([]);
  expect(names.filter((name) => !listed.includes(name))).toEqual([]);
});
