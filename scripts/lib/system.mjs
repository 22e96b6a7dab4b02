// System packages that set-up needs: a compiler, CMake and, for the oracle, Python with venv.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { already, ask, remark, say, step } from './steps.mjs';

const MINUTE = 60_000;

/** The tools, how to see that one is there, and Debian's package of it. */
const TOOLS = [
  { package: 'g++', required: true, there: () => succeeds('c++', ['--version']) },
  { package: 'make', required: true, there: () => succeeds('make', ['--version']) },
  { package: 'cmake', required: true, there: () => succeeds('cmake', ['--version']) },
  { package: 'git', required: false, there: () => succeeds('git', ['--version']) },
  { package: 'python3', required: false, there: () => succeeds('python3', ['--version']) },
  // Debian's python3 comes without ensurepip, and a venv without pip is of no use.
  {
    package: 'python3-venv',
    required: false,
    there: () => succeeds('python3', ['-c', 'import ensurepip, venv']),
  },
  { package: 'libsleef-dev', required: false, there: async () => hasHeader('sleef.h') },
  {
    package: 'libeigen3-dev',
    required: false,
    there: async () => hasHeader('eigen3/Eigen/Dense') || hasHeader('Eigen/Dense'),
  },
];

const CHROMIUM = {
  package: 'chromium',
  required: false,
  there: async () => (await chromiumPath()) !== undefined,
};

/** Installs what is missing when it may, else prints the one command. False when the build cannot go on. */
export async function systemPackages({ browser = false } = {}) {
  const wanted = browser ? [...TOOLS, CHROMIUM] : TOOLS;
  const missing = await absent(wanted);
  if (missing.length === 0) {
    already('system packages', 'all there');
    return true;
  }
  if (!(await succeeds('apt-get', ['--version'])) || process.getuid?.() !== 0) return tellHow(missing);
  await install(missing);
  const still = await absent(missing);
  for (const tool of still)
    remark(`${tool.package} could not be installed${tool.required ? '' : '; going on without it'}`);
  return still.every((tool) => !tool.required) || tellHow(still);
}

/** Where Chromium is, if it is. */
export async function chromiumPath() {
  const named = process.env.TORCHSTONE_CHROMIUM;
  const names = named ? [named] : ['chromium', 'chromium-browser', 'google-chrome'];
  for (const name of names) if (await succeeds(name, ['--version'])) return name;
  return undefined;
}

async function install(missing) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, timeoutMs: 8 * MINUTE, optional: true };
  await step('apt-get update', 'apt-get', ['update'], { ...options, timeoutMs: 3 * MINUTE });
  const apt = (names) =>
    step(
      `apt-get install ${names.join(' ')}`,
      'apt-get',
      ['install', '-y', '--no-install-recommends', ...names],
      options,
    );
  const names = missing.map((tool) => tool.package);
  const together = await apt(names);
  if (together.ok || together.timedOut || names.length === 1) return;
  // One package that this release does not have must not keep the others out.
  for (const name of names) await apt([name]);
}

function tellHow(missing) {
  const names = missing.map((tool) => tool.package).join(' ');
  const required = missing.filter((tool) => tool.required);
  say(required.length > 0 ? 'These are needed and missing. Install them with:' : 'Not needed, but missing:');
  say(`    sudo apt-get update && sudo apt-get install -y ${names}`);
  return required.length === 0;
}

async function absent(tools) {
  const present = await Promise.all(tools.map((tool) => tool.there()));
  return tools.filter((_, i) => !present[i]);
}

async function succeeds(command, args) {
  return (await ask(command, args)).ok;
}

/** Debian keeps some headers in a folder of the machine's name: x86_64-linux-gnu. */
function hasHeader(name) {
  const roots = ['/usr/include', '/usr/local/include', '/opt/homebrew/include'].filter(existsSync);
  const machines = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  const folders = roots.flatMap((folder) => [folder, ...machines.map((machine) => join(folder, machine))]);
  return folders.some((folder) => existsSync(join(folder, name)));
}
