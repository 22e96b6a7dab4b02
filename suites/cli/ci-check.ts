// Checks of a finished run besides its own cases: the expectations file and a baseline.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CannotRunError, EXIT, parseRunResult, type RunResult } from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import { type Asked, applyExpectations, readExpectations } from '../runner/expectations.js';
import { packageRoot } from '../runner/machine.js';
import { changesSince } from '../runner/regression-diff.js';
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
    const asked = askedOf(args, run);
    const today = run.finished.slice(0, 10);
    const held = known.length === 0 ? run : applyExpectations(run, known, { file, today, asked });
    return before === undefined
      ? held
      : { ...held, changes: changesSince(before, held, args.baseline!, asked) };
  };
}

/** What the words on the command line asked for; nothing certain of a run that is a part by its nature. */
function askedOf(args: Arguments, run: RunResult): Asked {
  if (run.partial || args.eachOp || args.shard !== undefined || args.maxFailures !== undefined)
    return () => false;
  const matches = idMatcher(args.filter);
  const named = args.filter !== undefined;
  const chosen = [args.rows, args.vs, args.build, args.dtypes, args.sample].some((one) => one !== undefined);
  return (suite, id) => {
    // Their rows and calls are chosen by more than an id.
    if ((suite === 'bench' || suite === 'conformance') && (chosen || named || args.quick)) return false;
    return matches(id);
  };
}

function readBaseline(path: string): RunResult {
  if (!existsSync(path))
    throw new CannotRunError(`the baseline ${path} does not exist`, { code: EXIT.integrity });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CannotRunError(`the baseline ${path} cannot be read: ${reason}`, { code: EXIT.integrity });
  }
  return parseRunResult(text, path);
}
