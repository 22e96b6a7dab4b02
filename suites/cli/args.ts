// Parsing of the command line by grammar.ts.
import { parseArgs } from 'node:util';
import type { Shard } from '../common/suite.js';
import { PEERS } from '../peers/catalogue.js';
import { COMMANDS, type Command, FLAGS, knows } from './grammar.js';

/** A word that the command line does not know: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What the words on the command line mean. */
export interface Arguments {
  command: Command;
  help: boolean;
  positionals: string[];
  filter?: string;
  /** True: print the result as JSON; a text: write it to that file. */
  json: true | string | false;
  out?: string;
  quiet: boolean;
  seed: number;
  full: boolean;
  quick: boolean;
  fixtures?: string;
  shapes: number[][];
  vs?: ('numpy' | 'torch')[];
  /** Save this build as the machine's baseline. */
  saveBaseline: boolean;
  /** The peers to ask or to race; empty: all. */
  peers?: string[];
  /** Peers only: race them too. */
  timings: boolean;
  /** Another build to race: `git:REV` or `addon:FILE`. */
  build?: string;
  rows?: 'notebook' | 'sweep' | 'cpu' | 'cuda' | 'all';
  /** Which part of the cases, as `--shard 2/4` says: 0-based here. */
  shard?: Shard;
  /** How many processes share a suite's cases. */
  jobs: number;
  /** Validate only: one case of each op. */
  eachOp: boolean;
  maxFailures?: number;
  /** Run again whenever a source or a fixture changes. */
  watch: boolean;
  /** Where tensors live: `cpu`, `cuda`, `cuda:1`. */
  device?: string;
  /** A timing that is undecided is not let through. */
  strictNoise: boolean;
  /** The expectations file. */
  expectations?: string;
  /** The results.json of an earlier run. */
  baseline?: string;
  /** Where one JSON line for each case goes. */
  jsonl?: string;
  /** Measure the accuracy of float32 results in ULP. A whole run does; a quick one does not. */
  accuracy: boolean;
  /** The file that gets a line about this run, and whose lines the report shows. */
  history?: string;
  /** Conformance only: ask PyTorch, instead of the recorded calls. */
  live: boolean;
  verbose: boolean;
  dtypes?: string[];
  /** Conformance only: the number of one sample. */
  sample?: number;
  /** Fuzz only: how many calls. */
  calls?: number;
  updateFloor: boolean;
  /** Where the page of the conformance run is written. */
  page?: string;
  /** Where the page of performance figures is written. */
  performance?: string;
}

/** Reads the words after `torchstone`. Throws a `UsageError` for any that it does not know. */
export function readArguments(words: readonly string[]): Arguments | { help: true; command?: undefined } {
  const [name, ...rest] = words;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return { help: true };
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new UsageError(`unknown command '${name}'; known: ${Object.keys(COMMANDS).join(', ')}`);
  }
  const command = name as Command;
  const { json, words: others } = takeJson(rest);
  const { values, positionals } = parse(command, others);
  checkPositionals(command, positionals);
  return {
    command,
    help: values.help === true,
    positionals,
    json,
    quiet: values.quiet === true,
    full: values.full === true,
    quick: values.quick === true,
    seed: wholeNumber('seed', text(values.seed) ?? '0'),
    shapes: list(values.shape).map(readShape),
    jobs: positive('jobs', text(values.jobs) ?? '1'),
    watch: values.watch === true,
    eachOp: values['each-op'] === true,
    strictNoise: values['strict-noise'] === true,
    ...optional('device', text(values.device)),
    ...optional('filter', text(values.filter)),
    ...optional('out', text(values.out)),
    ...optional('fixtures', text(values.fixtures)),
    ...optional('performance', text(values.performance)),
    ...optional('shard', readShard(text(values.shard))),
    ...optional('maxFailures', positiveOr('max-failures', text(values['max-failures']))),
    ...optional('expectations', text(values.expectations)),
    ...optional('baseline', text(values.baseline)),
    ...optional('jsonl', text(values.jsonl)),
    ...readVs(command, text(values.vs)),
    saveBaseline: values['save-baseline'] === true,
    timings: values.timings === true,
    ...optional('rows', readRows(text(values.suite))),
    accuracy: values.accuracy === true || (command === 'all' && values.quick !== true),
    ...optional('history', text(values.history)),
    live: values.live === true,
    verbose: values.verbose === true,
    updateFloor: values['update-floor'] === true,
    ...optional('page', text(values.page)),
    ...optional('dtypes', text(values.dtype)?.split(',')),
    ...optional('calls', positiveOr('calls', text(values.calls))),
    ...optional(
      'sample',
      text(values.sample) === undefined ? undefined : wholeNumber('sample', text(values.sample)!),
    ),
  };
}

type Value = string | boolean | (string | boolean)[] | undefined;

function parse(command: Command, words: string[]): { values: Record<string, Value>; positionals: string[] } {
  const known = Object.entries(FLAGS).filter(([name, flag]) => name !== 'json' && knows(flag, command));
  const options = Object.fromEntries(
    known.map(([name, flag]) => [
      name,
      {
        type: flag.type,
        ...(flag.multiple ? { multiple: true } : {}),
        ...(name === 'help' ? { short: 'h' } : {}),
      },
    ]),
  );
  try {
    const parsed = parseArgs({ args: words, options, allowPositionals: true, strict: true });
    for (const [name, value] of Object.entries(parsed.values))
      if (value === '' && name !== 'filter') throw new Error(`--${name} names nothing`);
    return parsed;
  } catch (error) {
    const first = (error instanceof Error ? error.message : String(error)).split('. ')[0];
    throw new UsageError(
      `${first}; 'torchstone ${command}' knows ${known.map(([name]) => `--${name}`).join(', ')}, --json`,
    );
  }
}

/** `--json` may stand alone, which parseArgs cannot express: it takes the next word only when that names a .json file. */
function takeJson(words: readonly string[]): { json: true | string | false; words: string[] } {
  const rest = [...words];
  const at = rest.findIndex((word) => word === '--json' || word.startsWith('--json='));
  if (at < 0) return { json: false, words: rest };
  const [word = ''] = rest.splice(at, 1);
  if (word !== '--json') {
    const file = word.slice('--json='.length);
    if (file === '')
      throw new UsageError("'--json=' names no file; '--json' alone prints to standard output");
    return { json: file, words: rest };
  }
  const next = rest[at];
  if (next?.endsWith('.json') && !next.startsWith('-')) {
    rest.splice(at, 1);
    return { json: next, words: rest };
  }
  return { json: true, words: rest };
}

function checkPositionals(command: Command, positionals: readonly string[]): void {
  const most = ['gradcheck', 'report', 'replay', 'minimise'].includes(command) ? 1 : 0;
  const extra = positionals[most];
  if (extra === undefined) return;
  throw new UsageError(`'torchstone ${command}' does not know what to do with '${extra}'`);
}

function readShape(words: string): number[] {
  if (words === ',' || words === '') return [];
  return words.split(',').map((part) => wholeNumber('shape', part.trim()));
}

function readShard(words: string | undefined): Shard | undefined {
  if (words === undefined) return undefined;
  const [index, count, ...more] = words.split('/').map((part) => positive('shard', part));
  if (index === undefined || count === undefined || more.length > 0 || index > count)
    throw new UsageError(`--shard takes I/N with I from 1 to N, not '${words}'`);
  return { index: index - 1, count };
}

type Against = Pick<Arguments, 'vs' | 'build' | 'peers'>;

function readVs(command: Command, words: string | undefined): Against {
  if (words === undefined) return command === 'peers' ? { peers: [] } : {};
  if ((/^(git|addon):./.test(words) || words === 'baseline') && command === 'bench') return { build: words };
  const list = words.split(',');
  const names = PEERS.map(({ name }) => name);
  if (command !== 'all' && list.every((word) => word === 'peers' || names.includes(word)))
    return { peers: list.filter((word) => word !== 'peers') };
  const vs = list.map((word) => {
    if (command !== 'peers' && (word === 'numpy' || word === 'torch')) return word;
    throw new UsageError(
      `--vs knows ${command === 'peers' ? '' : 'torch, numpy, git:REV, addon:FILE, baseline, '}peers and ${names.join(', ')}, not '${word}'`,
    );
  });
  return { vs };
}

function readRows(word: string | undefined): Arguments['rows'] {
  if (word === undefined || word === 'notebook' || word === 'sweep' || word === 'cpu' || word === 'all')
    return word;
  if (word === 'cuda') return word;
  throw new UsageError(`--suite knows notebook, sweep, cpu, cuda and all, not '${word}'`);
}

function wholeNumber(flag: string, word: string): number {
  const value = Number(word);
  if (/^\d+$/.test(word) && Number.isSafeInteger(value)) return value;
  throw new UsageError(`--${flag} takes whole numbers, not '${word}'`);
}

function positive(flag: string, word: string): number {
  const value = wholeNumber(flag, word);
  if (value > 0) return value;
  throw new UsageError(`--${flag} takes whole numbers from 1 on, not '${word}'`);
}

function positiveOr(flag: string, word: string | undefined): number | undefined {
  return word === undefined ? undefined : positive(flag, word);
}

function text(value: Value): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function list(value: Value): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
