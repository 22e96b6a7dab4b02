// A device is reached through its backend: outside engine/backend/cuda nothing in the engine asks whether it is a CUDA one.
import { expect, it } from 'vitest';
import { codeOf, sources } from '../support/imports.js';

const HOME = 'engine/backend/cuda/';
const ASKED =
  /[!=]==?\s*['"`]cuda|['"`]cuda\w*['"`]\s*[!=]==?|\bcase\s+['"`]cuda|\b(startsWith|includes|test)\(\s*['"`]cuda/;

it('asks for CUDA in engine/backend/cuda alone', () => {
  const found = sources('engine').filter((file) => ASKED.test(codeOf(file)));
  expect(found.filter((file) => !file.startsWith(HOME))).toEqual([]);
});

it('knows the ways to ask', () => {
  const ways = [
    "x.type === 'cuda'",
    'x.type !== "cuda"',
    "'cuda' === type",
    "case 'cuda':",
    "name.startsWith('cuda:')",
  ];
  expect(ways.filter((way) => !ASKED.test(way))).toEqual([]);
  expect(ASKED.test("device: 'cuda'")).toBe(false);
});
