// What random calls are known to find: PyTorch's own oddities, and our shortcomings that are still open. Both are counted.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '../../reports/schema/index.js';
import type { Case } from '../common/cases.js';
import { packageRoot } from '../runner/machine.js';

/** An answer of PyTorch's that need not be copied. */
export interface Oddity {
  /** The op; absent: any. */
  readonly op?: string;
  readonly when: (call: Case, problem: string) => boolean;
  readonly reason: string;
}

export const ODDITIES: readonly Oddity[] = [
  {
    when: (_, problem) =>
      /^returns a result; PyTorch raises NotImplementedError: .* not implemented for '/.test(problem),
    reason: 'PyTorch has no kernel for the dtype; computing the result is an extension',
  },
];

interface Open {
  /** After this day the list excuses nothing. */
  readonly expires: string;
  /** Op → the checks that some random call of it is known to fail. */
  readonly ops: Readonly<Record<string, readonly string[]>>;
}

const PATH = join('suites', 'fuzz', 'open.json');

/** The checks of an op that are known to fail somewhere; none after the list's last day. */
export function openChecks(today = new Date()): (op: string) => readonly string[] {
  const { expires, ops } = JSON.parse(readFileSync(join(packageRoot(), PATH), 'utf8')) as Open;
  const expired = today.toISOString().slice(0, 10) > expires;
  return (op) => (expired ? [] : (ops[op] ?? []));
}

/** Adds what a run found to the list; says what it wrote. */
export function addToOpen(run: RunResult): string {
  const path = join(packageRoot(), PATH);
  const { expires, ops } = JSON.parse(readFileSync(path, 'utf8')) as Open;
  const found = new Map(Object.entries(ops).map(([op, kinds]) => [op, new Set(kinds)]));
  for (const one of run.suites.find((suite) => suite.suite === 'fuzz')?.cases ?? []) {
    if (one.op === undefined) continue;
    for (const [kind, state] of Object.entries(one.checks ?? {}))
      if (state === 'fail') found.set(one.op, (found.get(one.op) ?? new Set()).add(kind));
  }
  const sorted = [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([op, kinds]) => [op, [...kinds].sort()]);
  // A line for each op, so that a change shows as one.
  const lines = sorted.map(
    ([op, kinds]) =>
      `    ${JSON.stringify(op)}: [${(kinds as string[]).map((one) => JSON.stringify(one)).join(', ')}]`,
  );
  writeFileSync(
    path,
    `{\n  "expires": ${JSON.stringify(expires)},\n  "ops": {\n${lines.join(',\n')}\n  }\n}\n`,
  );
  return `${PATH}: ${sorted.length} ops with open disagreements`;
}
