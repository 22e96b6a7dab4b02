// `npm run sanitize`: the addon under AddressSanitizer and UndefinedBehaviorSanitizer, or under ThreadSanitizer, and what
// reaches its memory: fixtures, recorded conformance, the gradient check, random calls.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, STATE, say, since, step } from './lib/steps.mjs';

const HELP = `usage: npm run sanitize -- [address|thread] [SUITE …]

address (the default): memory errors and undefined behaviour. thread: data races between the threads of a kernel.
Suites: validate, conformance, gradcheck, fuzz; without a word all of them. The build stays in native/build/.`;
const MINUTE = 60_000;
const OUT = join(STATE, 'sanitize');

/** How each suite is run; a part of gradcheck, whose float64 differences call a kernel some million times. */
const SUITES = {
  validate: ['validate', '--jobs', '2', '--quiet'],
  conformance: ['conformance', '--quiet'],
  gradcheck: ['gradcheck', '--quick', '--jobs', '2', '--quiet'],
  fuzz: ['fuzz', '--calls', '2000', '--seed', '1', '--quiet'],
};

const KINDS = {
  address: {
    library: 'libasan.so',
    options: (log) => ({
      // V8 frees nothing at its end. A failed allocation is an error of ours to be typed, not the sanitizer's to end with.
      ASAN_OPTIONS: `detect_leaks=0:allocator_may_return_null=1:handle_segv=1:log_path=${log}`,
      UBSAN_OPTIONS: `print_stacktrace=1:log_path=${log}`,
      TORCHSTONE_SLABS: 'off',
    }),
  },
  thread: {
    library: 'libtsan.so',
    options: (log) => ({ TSAN_OPTIONS: `report_bugs=1:exitcode=66:log_path=${log}` }),
  },
};

process.exitCode = await main(process.argv.slice(2));

async function main(words) {
  const kind = words[0] in KINDS ? words[0] : 'address';
  const suites = words.filter((word) => !(word in KINDS));
  const unknown = suites.find((word) => !(word in SUITES));
  if (words.includes('--help') || unknown !== undefined) {
    say(
      unknown === undefined || unknown === '--help'
        ? HELP
        : `sanitize: no suite named ${unknown}.\n\n${HELP}`,
    );
    return words.includes('--help') ? 0 : 2;
  }
  const started = performance.now();
  if (!(await build(kind))) return 2;
  let code = 0;
  for (const name of suites.length > 0 ? suites : Object.keys(SUITES)) code ||= await run(kind, name);
  say(`${kind}: ${code === 0 ? 'nothing found' : 'see above'} (${since(started)})`);
  return code;
}

async function build(kind) {
  const words = ['--directory', 'native', '--out', `native/build/${kind}`, '--parallel', '2'];
  const args = ['cmake-js', 'build', ...words, `--CDTORCHSTONE_SANITIZE=${kind}`];
  return (await step(`native build with the ${kind} sanitizer`, 'npx', args, { timeoutMs: 60 * MINUTE })).ok;
}

/** 0: the suite passed and the sanitizer wrote nothing. */
async function run(kind, name) {
  const { library, options } = KINDS[kind];
  const folder = join(OUT, kind, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'report');
  const env = {
    ...process.env,
    // Node itself has no sanitizer in it: its library must be there before anything else is loaded.
    LD_PRELOAD: execFileSync('g++', [`-print-file-name=${library}`], { encoding: 'utf8' }).trim(),
    TORCHSTONE_ADDON: join(ROOT, 'native', 'build', kind, 'Release', 'torchstone.node'),
    ...options(log),
  };
  const args = [join('scripts', 'torchstone.mjs'), ...SUITES[name], '--out', join(folder, 'out')];
  const { ok } = await step(`${name} under ${kind}`, process.execPath, args, { timeoutMs: 60 * MINUTE, env });
  const reports = existsSync(folder) ? readdirSync(folder).filter((file) => file.startsWith('report.')) : [];
  for (const file of reports) say(summaryOf(readFileSync(join(folder, file), 'utf8'), join(folder, file)));
  return ok && reports.length === 0 ? 0 : 1;
}

/** The first lines of a report, and where the rest is. */
function summaryOf(text, path) {
  return `${text.split('\n').slice(0, 30).join('\n')}\n… ${path}`;
}
