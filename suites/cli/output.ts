// Output of a run: reports, JSON, and the summary on the console. Standard output carries the answer only; progress
// goes to standard error.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { conformancePage } from '../../reports/conformance.js';
import { consoleSummary } from '../../reports/console.js';
import { annotations } from '../../reports/github.js';
import { resultJson } from '../../reports/json.js';
import { jsonLines } from '../../reports/jsonl.js';
import { markdownReport } from '../../reports/markdown.js';
import { peersPage } from '../../reports/peers-page.js';
import { performancePage } from '../../reports/performance.js';
import { CannotRunError, EXIT, type RunResult } from '../../reports/schema/index.js';
import { exitCode } from '../../reports/verdict.js';
import { writeReports } from '../../reports/write.js';
import type { Arguments } from './args.js';

/** What the console is like; a parameter, so that tests can capture it. */
export interface Console {
  out(text: string): void;
  err(text: string): void;
  colour: boolean;
}

/** The console of this process. */
export function processConsole(): Console {
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    colour: process.stdout.isTTY === true && !process.env.NO_COLOR,
  };
}

/** Makes sure, before a long run, that its results can be written. */
export function checkWritable(args: Arguments, folder: string | undefined): void {
  if (folder !== undefined) probe(resolve(folder), 'the output folder');
  if (typeof args.json === 'string') probe(dirname(resolve(args.json)), `the folder of ${args.json}`);
  if (args.jsonl !== undefined) probe(dirname(resolve(args.jsonl)), `the folder of ${args.jsonl}`);
  if (args.page !== undefined) probe(dirname(resolve(args.page)), `the folder of ${args.page}`);
  if (args.history !== undefined) probe(dirname(resolve(args.history)), `the folder of ${args.history}`);
  if (args.performance !== undefined)
    probe(dirname(resolve(args.performance)), `the folder of ${args.performance}`);
}

/**
 * Tells the verdict, writes everything that was asked for and returns the exit code. What cannot be written is told after
 * the verdict, and is the exit code of a run that held.
 */
export async function deliver(
  run: RunResult,
  args: Arguments,
  folder: string | undefined,
  to: Console,
): Promise<number> {
  const summary = consoleSummary(run, { colour: to.colour, quiet: args.quiet });
  if (args.json === true) {
    to.err(summary);
    to.out(resultJson(run));
  } else {
    to.out(summary);
  }
  const reasons: string[] = [];
  for (const [what, write] of writings(run, args, folder, to)) {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof CannotRunError) && !(error instanceof Error && 'code' in error)) throw error;
      reasons.push(
        error instanceof CannotRunError ? error.message : `${what} cannot be written: ${error.message}`,
      );
    }
  }
  for (const reason of reasons) to.err(`torchstone ${args.command}: ${reason}\n`);
  const code = exitCode(run);
  return reasons.length > 0 && code === EXIT.held ? EXIT.usage : code;
}

type Writing = readonly [what: string, write: () => Promise<void>];

/** What was asked for besides the verdict. */
function writings(run: RunResult, args: Arguments, folder: string | undefined, to: Console): Writing[] {
  const file = (path: string | undefined, text: () => string): Writing[] =>
    path === undefined ? [] : [[path, () => writeFile(resolve(path), text())]];
  const reports = async (out: string): Promise<void> => {
    const page = (await writeReports(run, resolve(out))).find((path) => path.endsWith('.html'));
    if (page && !args.quiet) to.err(`\nReport: ${page}\n`);
  };
  return [
    ...file(typeof args.json === 'string' ? args.json : undefined, () => resultJson(run)),
    ...file(args.jsonl, () => jsonLines(run)),
    ...file(args.performance, () => performancePage(run)),
    ...file(args.page, () => (args.command === 'peers' ? peersPage(run) : conformancePage(run))),
    ...(process.env.GITHUB_ACTIONS === 'true'
      ? [["GitHub's summary", () => tellGitHub(run, to)] as const]
      : []),
    ...(folder === undefined ? [] : [['the reports', () => reports(folder)] as const]),
  ];
}

/** Annotations beside the code, and the step's summary page. */
async function tellGitHub(run: RunResult, to: Console): Promise<void> {
  // Workflow commands are read from either stream; standard output may be somebody's JSON.
  to.err(annotations(run));
  const { GITHUB_STEP_SUMMARY: summary } = process.env;
  if (summary) await appendFile(summary, markdownReport(run));
}

function probe(folder: string, what: string): void {
  const file = join(folder, `.torchstone-probe-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, '');
    rmSync(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CannotRunError(`${what} ${folder} cannot be written: ${reason}`);
  }
}
