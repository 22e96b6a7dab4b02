// Regenerates fixtures/ with the reference Python: cases, ops, notebook, printed texts, optimizers, manifest last.
// `--drift` regenerates into a temporary folder and reports every difference. It installs nothing.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(fileURLToPath(import.meta.url), '../..');
const REFERENCE = join(ROOT, 'suites', 'reference');
const FIXTURES = join(ROOT, 'fixtures');
const HELP = `usage: node scripts/fixtures.mjs [--drift] [--cases FILE] [--out FOLDER] [--conformance]

Regenerates fixtures/ with NumPy and PyTorch.
  --conformance  only the calls of PyTorch's own test database, about five minutes; the rest stays
  --drift        regenerate into a temporary folder and compare: exit 1 when anything differs
  --cases FILE   use these cases instead of asking suites/common/cases.ts
  --out FOLDER   write there instead of fixtures/

The interpreter: TORCHSTONE_PYTHON, else .venv/bin/python, else python3.
Exit codes: 0 done, 1 drift or refused cases, 2 could not run.`;

/** Runs a command with its output shown; returns its exit code. */
function run(command, args, env = {}) {
  const { status, error, signal } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (error) fail(`${command}: ${error.message}`);
  if (signal) fail(`${command} was ended by ${signal}`);
  return status ?? 2;
}

// Thrown, not exited: the temporary folder is removed on the way out.
function fail(message) {
  throw new Error(message);
}

function findPython() {
  const named = process.env.TORCHSTONE_PYTHON;
  const venv = join(ROOT, '.venv', 'bin', 'python');
  const python = named ?? (existsSync(venv) ? venv : 'python3');
  const probe = spawnSync(python, ['-c', 'import numpy, torch'], { encoding: 'utf8' });
  if (probe.status !== 0) {
    const why = probe.error?.message ?? probe.stderr.trim().split('\n').at(-1);
    fail(
      `no reference: ${python} cannot import numpy and torch (${why}). Set TORCHSTONE_PYTHON, or run npm start.`,
    );
  }
  return python;
}

/** Writes the cases; whether every op is covered by them. */
function writeCases(path) {
  const status = run('npx', ['--no-install', 'tsx', 'suites/common/cases.ts', '--json', path]);
  if (!existsSync(path)) fail('suites/common/cases.ts did not write the cases');
  return status === 0;
}

/** Fills `folder` with the whole tree; true when no case was refused. */
function generate(python, cases, folder) {
  const script = (name, ...args) =>
    run(python, [join(REFERENCE, name), ...args], { PYTHONDONTWRITEBYTECODE: '1' });
  const written = (status, what) => {
    if (status !== 0 && status !== 3) fail(`${what} failed with exit code ${status}`);
    return status === 0;
  };
  let held = written(script('make_fixtures.py', cases, folder), 'make_fixtures.py');
  held = written(script('make_notebook.py', folder), 'make_notebook.py') && held;
  for (const [module, part] of [
    ['make_print', 'print'],
    ['make_random', 'random'],
  ]) {
    const call = `import sys; sys.path.insert(0, ${JSON.stringify(REFERENCE)}); import ${module}; ${module}.write(sys.argv[1])`;
    written(run(python, ['-c', call, join(folder, part)], { PYTHONDONTWRITEBYTECODE: '1' }), `${module}.py`);
  }
  written(script('make_optim.py', folder), 'make_optim.py');
  recordConformance(python, folder);
  if (script('manifest.py', folder) !== 0) fail('the manifest was not written');
  return held;
}

/** The calls of PyTorch's own test database. */
function recordConformance(python, folder) {
  const env = { TORCHSTONE_PYTHON: python, PYTHONDONTWRITEBYTECODE: '1' };
  const status = run('npx', ['--no-install', 'tsx', 'suites/conformance/record.ts', folder], env);
  if (status !== 0) fail(`suites/conformance/record.ts failed with exit code ${status}`);
}

/** Replaces the database's calls alone, and the manifest. */
function onlyConformance(python, work, target) {
  recordConformance(python, work);
  rmSync(join(target, 'conformance'), { recursive: true, force: true });
  cpSync(join(work, 'conformance'), join(target, 'conformance'), { recursive: true });
  const manifest = [join(REFERENCE, 'manifest.py'), target];
  if (run(python, manifest, { PYTHONDONTWRITEBYTECODE: '1' }) !== 0) fail('the manifest was not written');
}

function main() {
  const argv = process.argv.slice(2);
  const value = (flag) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : undefined);
  const known = new Set(['--drift', '--cases', '--out', '--help', '--conformance']);
  const unknown = argv.find((one, at) => !known.has(one) && !['--cases', '--out'].includes(argv[at - 1]));
  if (unknown) fail(`unknown argument ${unknown}\n\n${HELP}`);
  if (argv.includes('--help')) return console.log(HELP);
  const python = findPython();
  const work = mkdtempSync(join(tmpdir(), 'torchstone-fixtures-'));
  try {
    if (argv.includes('--conformance'))
      return onlyConformance(python, work, resolve(value('--out') ?? FIXTURES));
    const cases = value('--cases') ?? join(work, 'cases.json');
    const covered = value('--cases') !== undefined || writeCases(cases);
    if (argv.includes('--drift')) {
      const fresh = join(work, 'fixtures');
      const held = generate(python, cases, fresh);
      const drifted = run(python, [join(REFERENCE, 'drift.py'), FIXTURES, fresh]) !== 0;
      process.exitCode = covered && held && !drifted ? 0 : 1;
      return;
    }
    // Written beside and copied over at the end: an interrupted run leaves the committed tree whole.
    const fresh = join(work, 'fixtures');
    mkdirSync(fresh);
    const held = generate(python, cases, fresh);
    const target = resolve(value('--out') ?? FIXTURES);
    for (const part of ['ops', 'notebook', 'print', 'random', 'conformance'])
      rmSync(join(target, part), { recursive: true, force: true });
    cpSync(fresh, target, { recursive: true });
    process.exitCode = covered && held ? 0 : 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

try {
  main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
