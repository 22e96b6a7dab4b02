// What a finished run is held against besides its own cases: the expectations file and an earlier run. It runs nothing.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { changesSince } from '../changes.js';
import { applyExpectations, readExpectations } from '../expectations.js';
import { packageRoot } from '../machine.js';
import { CannotRunError, EXIT, parseRunResult, type RunResult } from '../results.js';
import type { Arguments } from './args.js';

/** Reads the two files, before a long run, so that a mistake in them costs nothing. */
export function readGate(args: Arguments): (run: RunResult) => RunResult {
  const file = args.expectations ?? 'expectations.json';
  const path = args.expectations === undefined ? join(packageRoot(), file) : resolve(file);
  if (args.expectations !== undefined && !existsSync(path))
    throw new CannotRunError(`${path} does not exist`);
  const known = existsSync(path) ? readExpectations(path) : [];
  const before = args.baseline === undefined ? undefined : readBaseline(args.baseline);
  return (run) => {
    const complete =
      !run.partial && args.filter === undefined && args.shard === undefined && args.maxFailures === undefined;
    const today = run.finished.slice(0, 10);
    const held = known.length === 0 ? run : applyExpectations(run, known, { file, today, complete });
    if (before === undefined) return held;
    const changes = changesSince(before, held, args.baseline!);
    // Part of a run compares less, and loses cases, by nature.
    return { ...held, changes: complete ? changes : { ...changes, fewer: [], gone: [] } };
  };
}

function readBaseline(path: string): RunResult {
  if (!existsSync(path))
    throw new CannotRunError(`the baseline ${path} does not exist`, { code: EXIT.integrity });
  return parseRunResult(readFileSync(path, 'utf8'), path);
}
