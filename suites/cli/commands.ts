// The commands, from arguments to exit code.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  CannotRunError,
  EXIT,
  FULL_RUN,
  nothingToRun,
  parseRunResult,
  type RunResult,
  type SuiteName,
} from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import { suiteResult } from '../common/suite.js';
import { updateFloor } from '../conformance/baseline.js';
import { addToOpen } from '../fuzz/known.js';
import { examine, type Finding } from '../runner/doctor.js';
import { packageRoot } from '../runner/machine.js';
import { findReferences } from '../runner/references.js';
import type { Arguments } from './args.js';
import { readGate } from './ci-check.js';
import type { Command } from './grammar.js';
import { remember } from './history.js';
import { type Console, checkWritable, deliver } from './output.js';
import { minimiseCase, replay } from './replay.js';
import { interruptSignal, runSuites } from './run.js';
import { gradcheckUser } from './user.js';
import { whileChanging } from './watch.js';

type Run = (args: Arguments, to: Console, words: readonly string[]) => Promise<number>;

const OUT = join('reports', 'out');

/** The commands by name. */
export const COMMAND_TABLE: Readonly<Record<Command, Run>> = {
  doctor,
  validate: (args, to, words) => suites(['validate'], args, to, words),
  gradcheck: (args, to, words) =>
    args.positionals.length > 0 ? gradcheckUser(args, to, words) : suites(['gradcheck'], args, to, words),
  bench: (args, to, words) => suites(['bench'], args, to, words),
  notebook: (args, to, words) => suites(['notebook'], args, to, words),
  selftest: (args, to, words) => suites(['selftest'], args, to, words),
  conformance: (args, to, words) => suites(['conformance'], args, to, words),
  fuzz: (args, to, words) => suites(['fuzz'], args, to, words),
  peers: (args, to, words) => suites(args.timings ? ['peers', 'bench'] : ['peers'], args, to, words),
  all: (args, to, words) => suites(FULL_RUN, args, to, words),
  replay,
  minimise: minimiseCase,
  report,
};

async function suites(
  names: readonly SuiteName[],
  args: Arguments,
  to: Console,
  words: readonly string[],
): Promise<number> {
  if (args.shapes.length > 0) throw new CannotRunError('--shape belongs to a function: FILE.ts#FUNCTION');
  const folder = args.out ?? (names.length === 1 ? join(OUT, names[0] ?? '') : OUT);
  checkWritable(args, folder);
  const gate = readGate(args);
  const found = await findReferences();
  const once = async () => {
    const interrupt = interruptSignal();
    const run = await runSuites(
      names,
      args,
      found,
      `torchstone ${words.join(' ')}`,
      interrupt.signal,
      undefined,
      folder,
    );
    interrupt.off();
    if (args.updateFloor) to.err(`${args.command === 'fuzz' ? addToOpen(run) : updateFloor(run)}\n`);
    return told(gate(run), args, folder, to);
  };
  return args.watch ? whileChanging(once, to.err) : once();
}

/** Delivers a run with its history; where that cannot be written, the verdict still comes first. */
async function told(run: RunResult, args: Arguments, folder: string, to: Console): Promise<number> {
  let whole = run;
  let problem: string | undefined;
  try {
    whole = remember(run, args, folder);
  } catch (error) {
    if (!(error instanceof CannotRunError)) throw error;
    problem = error.message;
  }
  const code = await deliver(whole, args, folder, to);
  if (problem === undefined) return code;
  to.err(`torchstone ${args.command}: ${problem}\n`);
  return code === EXIT.held ? EXIT.usage : code;
}

async function report(args: Arguments, to: Console): Promise<number> {
  const file = resolve(args.positionals[0] ?? join(OUT, 'results.json'));
  if (!existsSync(file)) {
    throw new CannotRunError(`${file} does not exist; run \`npm start\` first, or name a results.json`);
  }
  const folder = args.out ?? dirname(file);
  checkWritable(args, folder);
  const run = parseRunResult(await readFile(file, 'utf8'), file);
  const shown = args.filter === undefined ? run : only(run, args.filter);
  return deliver(args.baseline === undefined ? shown : readGate(args)(shown), args, folder, to);
}

/** The part of a run whose ids match. Counted and judged anew. */
function only(run: RunResult, filter: string): RunResult {
  const matches = idMatcher(filter);
  const suites = run.suites.flatMap((suite) => {
    const cases = suite.cases.filter((one) => matches(one.id));
    const rows = suite.rows?.filter((row) => matches(row.id));
    const memory = suite.memory?.filter((one) => matches(one.id));
    if (cases.length + (rows?.length ?? 0) + (memory?.length ?? 0) === 0) return [];
    return [suiteResult(suite.suite, cases, suite.seconds, { rows, memory, ceilings: suite.ceilings })];
  });
  if (suites.length === 0) throw nothingToRun(`nothing in the results matches the filter '${filter}'`);
  return { ...run, suites };
}

async function doctor(args: Arguments, to: Console): Promise<number> {
  checkWritable(args, undefined);
  const matches = idMatcher(args.filter);
  const examined = await examine({
    fixtures: args.fixtures ?? join(packageRoot(), 'fixtures'),
    references: await findReferences(),
    checkFixtures,
  });
  const findings = examined.filter((one) => matches(one.topic));
  if (findings.length === 0) throw nothingToRun(`no topic matches the filter '${args.filter}'`);
  const json = `${JSON.stringify(findings, null, 2)}\n`;
  if (typeof args.json === 'string') await writeFile(resolve(args.json), json);
  if (args.json === true) to.out(json);
  else to.out(findingsText(findings, to.colour, args.quiet));
  return findings.some((one) => one.state === 'bad') ? 1 : 0;
}

async function checkFixtures(folder: string): Promise<string> {
  const { openFixtures } = await import('../common/fixtures.js');
  return (await openFixtures(folder)).summary;
}

function findingsText(findings: readonly Finding[], colour: boolean, quiet: boolean): string {
  const codes = { good: '32', warning: '33', bad: '31' };
  const marks = { good: '✓', warning: '!', bad: '✗' };
  const shown = quiet ? findings.filter((one) => one.state !== 'good') : findings;
  const lines = shown.map(({ topic, state, text, advice }) => {
    const mark = colour ? `\u001b[${codes[state]}m${marks[state]}\u001b[0m` : marks[state];
    return `${mark} ${topic.padEnd(17)} ${text}${advice ? `\n${' '.repeat(20)}→ ${advice}` : ''}`;
  });
  const bad = findings.filter((one) => one.state === 'bad').length;
  const warnings = findings.filter((one) => one.state === 'warning').length;
  const verdict =
    bad > 0
      ? `${bad} thing${bad > 1 ? 's' : ''} must be mended before everything works`
      : `ready${warnings > 0 ? `, with ${warnings} remark${warnings > 1 ? 's' : ''}` : ''}`;
  return `${lines.join('\n')}\n${verdict}\n`;
}
