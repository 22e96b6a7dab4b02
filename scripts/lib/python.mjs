// The Python environment of the oracle: .venv with pinned NumPy and PyTorch. Optional: without it everything but the
// live comparison works from the committed fixtures.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash, isDone, setDone, stampNote } from './stamps.mjs';
import { already, ask, ROOT, remark, step } from './steps.mjs';

const REQUIREMENTS = 'suites/reference/requirements.txt';
// NVRTC, so that machines without a card compile every CUDA kernel too.
const CUDA_REQUIREMENTS = 'suites/reference/requirements-cuda.txt';
const VENV = join(ROOT, '.venv');
const PYTHON = join(VENV, 'bin', 'python');
const MINUTE = 60_000;
const INSTALL_MS = Number(process.env.TORCHSTONE_PIP_TIMEOUT_S || 600) * 1000;
// A registry that hangs is not asked again on every run; one that answers no quickly is.
const SLOW_FAILURE_S = 60;
const RETRY_AFTER_MS = 60 * MINUTE;
// PyTorch's own index of builds without CUDA, for machines whose pip finds no other.
const CPU_INDEX = 'https://download.pytorch.org/whl/cpu';

/** Makes .venv unless it is there; says what is missing and goes on. Resolves to whether it can be used. */
export async function pythonEnvironment() {
  if (process.env.TORCHSTONE_PYTHON) {
    already('Python references', `${process.env.TORCHSTONE_PYTHON} (TORCHSTONE_PYTHON)`);
    return true;
  }
  if (process.env.TORCHSTONE_NO_PYTHON) return without('TORCHSTONE_NO_PYTHON is set');
  const version = await ask('python3', ['--version']);
  if (!version.ok) return without('there is no python3');
  const key = contentHash([REQUIREMENTS], [version.output.trim()]);
  if (isDone('python', key) && existsSync(PYTHON)) {
    already('Python references', 'up to date');
    await compilerOfKernels();
    return true;
  }
  const failed = stampNote('python-failed');
  if (failed?.key === key && Date.now() - failed.at < RETRY_AFTER_MS) {
    return without('fetching them hung less than an hour ago (delete .torchstone/ to try again at once)');
  }
  return make(key);
}

async function make(key) {
  rmSync(VENV, { recursive: true, force: true });
  const venv = await step('Python environment', 'python3', ['-m', 'venv', VENV], {
    timeoutMs: 3 * MINUTE,
    optional: true,
  });
  if (!venv.ok) {
    rmSync(VENV, { recursive: true, force: true });
    return without('python3 makes no virtual environment (Debian: apt-get install python3-venv)');
  }
  const installed = await install(key);
  if (!installed) return without('NumPy and PyTorch could not be fetched');
  const works = await step('import numpy, torch', PYTHON, ['-c', 'import numpy, torch'], {
    timeoutMs: 3 * MINUTE,
    optional: true,
  });
  if (!works.ok) return without('the installed NumPy and PyTorch do not load');
  setDone('python', key);
  await compilerOfKernels({ fresh: true });
  return true;
}

/** A part of its own: without it only the compilation of CUDA kernels is left out. */
async function compilerOfKernels({ fresh = false } = {}) {
  const key = contentHash([REQUIREMENTS, CUDA_REQUIREMENTS], []);
  if (!fresh && isDone('nvrtc', key)) return already('NVRTC', 'up to date');
  if (process.platform !== 'linux') return already('NVRTC', 'for Linux only');
  const failed = stampNote('nvrtc-failed');
  if (failed?.key === key && Date.now() - failed.at < RETRY_AFTER_MS) return;
  const options = { timeoutMs: INSTALL_MS / 2, optional: true };
  const done = await step('NVRTC (pip install)', PYTHON, pipInstall(CUDA_REQUIREMENTS), options);
  if (done.ok) setDone('nvrtc', key);
  else {
    setDone('nvrtc-failed', key, { at: Date.now() });
    remark('No NVRTC: CUDA kernels are not compiled here.');
  }
}

const pipInstall = (file) => [
  '-m',
  'pip',
  'install',
  '--disable-pip-version-check',
  '--no-input',
  '--retries',
  '1',
  '-r',
  file,
];

async function install(key) {
  const args = pipInstall(REQUIREMENTS);
  const options = { timeoutMs: INSTALL_MS, optional: true };
  const first = await step('NumPy and PyTorch (pip install)', PYTHON, args, options);
  if (first.ok) return true;
  if (first.timedOut || first.seconds > SLOW_FAILURE_S) {
    setDone('python-failed', key, { at: Date.now() });
    return false;
  }
  const second = await step(
    "NumPy and PyTorch (PyTorch's own index)",
    PYTHON,
    [...args, '--timeout', '10', '--extra-index-url', CPU_INDEX],
    { ...options, timeoutMs: INSTALL_MS / 2 },
  );
  if (!second.ok && second.seconds > SLOW_FAILURE_S) setDone('python-failed', key, { at: Date.now() });
  return second.ok;
}

function without(reason) {
  remark(`No Python references: ${reason}. Everything but the live race works from the fixtures.`);
  return false;
}
