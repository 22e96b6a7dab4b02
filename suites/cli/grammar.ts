// Grammar of the command line as a table: commands, flags, and the help text made of them.

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
  fuzz: 'make random calls of every op here and in PyTorch, and compare all that comes back',
  peers: 'ask other JavaScript engines the recorded calls; those that are not installed are left out',
  replay: 'run one recorded case again and tell all about it: inputs, errors, where they sit',
  minimise: 'find the smallest call that fails as a recorded case does (asks PyTorch)',
  report: 'write the reports again from a results.json',
  all: 'validate, gradcheck, notebook, bench and the report: what `npm start` runs',
} as const;

/** A command's name. */
export type Command = keyof typeof COMMANDS;

/** One flag. */
export interface Flag {
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
  'fuzz',
  'all',
];

/** Suites whose cases can be split. */
const SPLIT: readonly Command[] = ['validate', 'gradcheck', 'conformance', 'fuzz', 'notebook', 'all'];

/** Every flag by its name. */
export const FLAGS: Readonly<Record<string, Flag>> = {
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
      'fuzz',
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
  quiet: { type: 'boolean', help: 'no progress; only the verdict and failures' },
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
  'max-failures': { type: 'string', value: 'N', help: 'stop after N cases that failed', of: SPLIT },
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
  verbose: { type: 'boolean', help: 'show every call that fails', of: ['conformance', 'peers', 'fuzz'] },
  calls: { type: 'string', value: 'N', help: 'how many calls (default 5000)', of: ['fuzz'] },
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
    help: 'write the passing entries and compared elements of this run as the floor to hold; fuzz: add what disagrees to the list of open ops',
    of: ['conformance', 'fuzz'],
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
  fuzz: 'torchstone fuzz [--calls N] [--seed S] [--filter OP] [--shard I/N] [--jobs N] [--verbose]',
  peers: 'torchstone peers [--vs tfjs-wasm,numpy-ts] [--filter TEXT] [--timings] [--page FILE.md]',
  replay: 'torchstone replay ID|FILE.capsule.json',
  minimise: 'torchstone minimise ID|FILE.capsule.json [--out FOLDER]',
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

/** Whether a command takes a flag. */
export function knows(flag: Flag, command: Command): boolean {
  return flag.of === undefined || flag.of.includes(command);
}
