// Kinds of dtypes are asked by name (`isFloatingPoint`, `isInexact`, `sameKind`): the order behind them is engine/core/dtype.ts's own.
import { expect, it } from 'vitest';
import { codeOf, sources } from '../support/imports.js';

const HOME = 'engine/core/dtype.ts';
const COMPARED = /\.category\s*(?:[!=]==?|[<>]=?)|(?:[!=]==?|[<>]=?)\s*(?:[\w$]+[!?]?\.)+category\b/;

it('compares categories of dtypes in engine/core/dtype.ts alone', () => {
  const found = sources('engine', 'suites', 'reports', 'scripts').filter((file) =>
    COMPARED.test(codeOf(file)),
  );
  expect(found).toEqual([HOME]);
});
