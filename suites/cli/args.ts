// The command line's grammar: commands, flags, help text. It reads words and runs nothing.
import { parseArgs } from 'node:util';
import { PEERS } from '../peers/catalogue.js';
import type { Shard } from '../results.js';

/** The commands, in the order in which the help lists them. */
export const COMMANDS = {
  doctor: 'say what this machine can do: addon, references, fixtures, timer, load',
  validate:
    'hold every fixture: values, dtypes, shapes, printed text, gradients and errors against NumPy and PyTorch',
  gradcheck: 'check every gradient, or your own function, against central differences in float64',
  bench: 'race NumPy and PyTorch on this machine, call for call',
  notebook: 'run the introductory notebook cell by cell',
  selftest: 'put deliberate faults into the engine and see whether the suites notice each of them',
  conformance: "replay the calls of PyTorch's own test database against PyTorch",
  peers: 'ask other JavaScript engines the recorded calls; those that are not installed are left out',
  replay: 'run one recorded case again and tell all about it: inputs, errors, where they sit',
  minimise: 'find the smallest call that falls short as a recorded case does (asks PyTorch)',
  report: 'write the reports again from a results.json',
  all: 'validate, gradcheck, notebook, bench and the report: what `npm start` runs',
} as const;

/** A command's name. */
export type Command = keyof typeof COMMANDS;

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
  updateFloor: boolean;
  /** Where the page of the conformance run is written. */
  page?: string;
  /** Where the page of performance figures is written. */
  performance?: string;
}

interface Flag {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly value?: string;
  readonly help: string;
  /** The commands that know it; absent: all. */
  readonly of?: readonly Command[];
}

const RUNS: readonly Command[] = [
  'validate',
  'gradcheck',
  'bench',
  'notebook',
  'selftest',
  'conformance',
  'peers',
  'all',
];

/** Suites whose cases can be split. */
const SPLIT: readonly Command[] = ['validate', 'gradcheck', 'conformance', 'notebook', 'all'];

const FLAGS: Readonly<Record<string, Flag>> = {
  filter: {
    type: 'string',
    value: 'TEXT',
    help: 'only what has TEXT in its id (doctor: topic), or matches it as a glob',
    // Not `all`: a filter that matches nothing is an error, and no filter matches something in every suite.
    of: [
      'doctor',
      'validate',
      'gradcheck',
      'bench',
      'notebook',
      'selftest',
      'conformance',
      'peers',
      'report',
    ],
  },
  json: {
    type: 'string',
    value: '[FILE.json]',
    help: 'write the result as JSON to FILE.json; without a file, to standard output',
  },
  out: {
    type: 'string',
    value: 'FOLDER',
    help: 'where the reports go (default reports/out, for one suite reports/out/<suite>)',
    of: [...RUNS, 'report', 'minimise'],
  },
  quiet: { type: 'boolean', help: 'no progress; only the verdict and what fell short' },
  seed: { type: 'string', value: 'N', help: 'the seed of every random input (default 0)', of: RUNS },
  full: { type: 'boolean', help: "the notebook's full sizes; takes long", of: ['bench', 'notebook', 'all'] },
  quick: {
    type: 'boolean',
    help: 'fewer samples or rounds',
    of: ['gradcheck', 'bench', 'notebook', 'peers', 'all'],
  },
  fixtures: {
    type: 'string',
    value: 'FOLDER',
    help: 'the fixture folder (default: the one of this package)',
    of: [...RUNS, 'doctor', 'replay'],
  },
  shape: {
    type: 'string',
    multiple: true,
    value: '3,4',
    help: 'the shape of the next input of your function; repeat it for more inputs, `--shape ,` is 0-d',
    of: ['gradcheck'],
  },
  vs: {
    type: 'string',
    value: 'torch,numpy',
    help: 'whom to race (default both); peers: other JavaScript engines; or a build of this one: git:REV, addon:FILE.node, baseline',
    of: ['bench', 'peers', 'all'],
  },
  timings: { type: 'boolean', help: 'race the peers too, as `bench --vs peers` does', of: ['peers'] },
  'save-baseline': {
    type: 'boolean',
    help: 'save this build and its times as the baseline of this machine, for --vs baseline',
    of: ['bench'],
  },
  suite: {
    type: 'string',
    value: 'notebook|sweep|cpu|cuda|all',
    help: 'which rows to time (default all: notebook and sweep; cpu, cuda: the required ratios)',
    of: ['bench'],
  },
  performance: {
    type: 'string',
    value: 'FILE.md',
    help: 'write the page of required ratios, rates and ceilings to FILE.md',
    of: ['bench', 'report'],
  },
  shard: { type: 'string', value: 'I/N', help: 'only the I-th of N parts of the cases (from 1)', of: SPLIT },
  'each-op': {
    type: 'boolean',
    help: 'only one case of each op: the first with a gradient, else the first with a result',
    of: ['validate'],
  },
  jobs: { type: 'string', value: 'N', help: 'share the cases among N processes', of: SPLIT },
  'max-failures': { type: 'string', value: 'N', help: 'stop after N cases that fell short', of: SPLIT },
  watch: { type: 'boolean', help: 'run again whenever a source or a fixture changes', of: RUNS },
  device: {
    type: 'string',
    value: 'cpu|cuda[:N]',
    help: 'where the tensors of the cases live (default cpu)',
    of: SPLIT,
  },
  'strict-noise': {
    type: 'boolean',
    help: 'a required ratio inside its interval of uncertainty ends with exit code 4',
    of: ['bench', 'all'],
  },
  expectations: {
    type: 'string',
    value: 'FILE.json',
    help: 'known shortcomings, each with kind, reason and expiry (default: expectations.json where there is one)',
    of: RUNS,
  },
  baseline: {
    type: 'string',
    value: 'results.json',
    help: 'an earlier run: shows what changed, and refuses fewer compared elements',
    of: [...RUNS, 'report'],
  },
  jsonl: {
    type: 'string',
    value: 'FILE.jsonl',
    help: 'write one JSON line for each case to FILE.jsonl',
    of: RUNS,
  },
  accuracy: {
    type: 'boolean',
    help: 'measure float32 results in ULP of float64 ones, beside NumPy and PyTorch (all does, unless quick)',
    of: ['validate'],
  },
  history: {
    type: 'string',
    value: 'FILE.jsonl',
    help: 'append a line about this run to FILE.jsonl, and chart its lines (default: history.jsonl beside the reports)',
    of: RUNS,
  },
  live: {
    type: 'boolean',
    help: 'ask PyTorch for every sample, instead of replaying the recorded ones',
    of: ['conformance'],
  },
  verbose: { type: 'boolean', help: 'show every call that falls short', of: ['conformance', 'peers'] },
  dtype: {
    type: 'string',
    value: 'float32,errors',
    help: 'the dtypes of the samples; errors: the calls that must fail (default float32,float64,errors)',
    of: ['conformance'],
  },
  sample: {
    type: 'string',
    value: 'N',
    help: 'only the sample of this number',
    of: ['conformance'],
  },
  'update-floor': {
    type: 'boolean',
    help: 'write the passing entries and compared elements of this run as the floor to hold',
    of: ['conformance'],
  },
  page: {
    type: 'string',
    value: 'FILE.md',
    help: 'write the page of totals to FILE.md',
    of: ['conformance', 'peers'],
  },
  help: { type: 'boolean', help: 'show this' },
};

const USAGE: Readonly<Record<Command, string>> = {
  doctor: 'torchstone doctor [--json [FILE.json]]',
  validate: 'torchstone validate [--filter TEXT] [--json [FILE.json]] [--out FOLDER]',
  gradcheck: 'torchstone gradcheck [FILE.ts#FUNCTION --shape 3,4 [--shape 4]] [--filter TEXT] [--seed N]',
  bench: 'torchstone bench [--vs torch,numpy] [--suite notebook|sweep|cpu|cuda|all] [--quick|--full]',
  notebook: 'torchstone notebook [--filter TEXT] [--full]',
  selftest: 'torchstone selftest [--filter MUTANT|timing]',
  conformance:
    'torchstone conformance [--live [--seed N]] [--filter ENTRY] [--dtype float32] [--sample N] [--verbose]',
  peers: 'torchstone peers [--vs tfjs-wasm,numpy-ts] [--filter TEXT] [--timings] [--page FILE.md]',
  replay: 'torchstone replay ID|FILE.capsule.json',
  minimise: 'torchstone minimise ID [--out FOLDER]',
  report: 'torchstone report [results.json] [--out FOLDER]',
  all: 'torchstone all [--full|--quick] [--out FOLDER]',
};

const EXIT_CODES = `Exit codes
  0    everything held
  1    something is wrong: a value, a gradient, an error, a crash
  2    it could not run: unknown command or flag, unwritable folder, bad function
  3    right, but slower than required, or over a memory limit
  4    right, but a required time is undecided (with --strict-noise)
  5    a fixture or another file is missing, edited or malformed
  6    nothing ran, or fewer elements were compared than in the baseline
  7    an expectation names nothing, holds after all, or has expired
  130  interrupted: what was finished is written and marked partial`;

/** The help text of the program, or of one command. */
export function helpText(command?: Command): string {
  if (command === undefined) {
    const lines = Object.entries(COMMANDS).map(([name, what]) => `  ${name.padEnd(11)} ${what}`);
    return [
      'torchstone: a tensor and autograd engine for Node.js, held against NumPy and PyTorch',
      `Usage: torchstone COMMAND [flags]\n\nCommands\n${lines.join('\n')}`,
      '`torchstone COMMAND --help` lists the flags of a command.',
      EXIT_CODES,
    ].join('\n\n');
  }
  const flags = Object.entries(FLAGS).filter(([, flag]) => knows(flag, command));
  const lines = flags.map(([name, flag]) => {
    const word = `--${name}${flag.value ? ` ${flag.value}` : ''}`;
    return `  ${word.padEnd(28)} ${flag.help}`;
  });
  return `${COMMANDS[command]}\n\nUsage: ${USAGE[command]}\n\nFlags\n${lines.join('\n')}\n\n${EXIT_CODES}`;
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
    return parseArgs({ args: words, options, allowPositionals: true, strict: true });
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

function knows(flag: Flag, command: Command): boolean {
  return flag.of === undefined || flag.of.includes(command);
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
