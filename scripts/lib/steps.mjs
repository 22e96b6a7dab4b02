// Runs one step of a job: announces it, shows progress, ends it when it hangs, prints its duration. Plain Node, because
// it runs before any package is installed.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** What set-up remembers between runs; never committed. */
export const STATE = join(ROOT, '.torchstone');

const live = process.stdout.isTTY === true && !process.env.CI && process.env.TERM !== 'dumb';
const colour = live && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const HEARTBEAT_MS = live ? 200 : 20_000;
const TAIL_LINES = 40;

/** Prints one plain line. */
export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** The time that `started` (from performance.now) lies back, for a person. */
export function since(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

/** Announces a step that needed no work. */
export function already(name, why) {
  say(`${paint('32', '✓')} ${name}: ${why}`);
}

/** Announces what a person should know or do. */
export function remark(text) {
  say(`${paint('33', '!')} ${text}`);
}

/**
 * Runs a command as a step: its output goes to a log file, its last line is shown while it runs, and the log's tail
 * is printed when it fails. Resolves to { ok, code, timedOut, interrupted, seconds, output }; never rejects.
 */
export async function step(name, command, args, options = {}) {
  const started = performance.now();
  mkdirSync(join(STATE, 'logs'), { recursive: true });
  const logPath = join(STATE, 'logs', `${name.replace(/[^a-z0-9]+/gi, '-')}.log`);
  const log = createWriteStream(logPath);
  let last = '';
  const beat = setInterval(() => {
    if (live) process.stdout.write(`\r\u001b[2K… ${name}  ${since(started)}  ${last}`.slice(0, columns()));
    else say(`  ${name}: ${since(started)}`);
  }, HEARTBEAT_MS);
  if (!live) say(`… ${name}`);
  const result = await run(command, args, {
    ...options,
    onText: (text) => {
      log.write(text);
      const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '');
      last = lines.at(-1)?.trim() ?? last;
    },
  });
  clearInterval(beat);
  log.end();
  if (live) process.stdout.write('\r\u001b[2K');
  const took = since(started);
  if (result.ok) say(`${paint('32', '✓')} ${name} (${took})`);
  else reportFailure(name, result, took, logPath, options);
  return { ...result, seconds: (performance.now() - started) / 1000 };
}

function reportFailure(name, result, took, logPath, { optional = false, echo = true }) {
  const why = result.interrupted
    ? 'was interrupted'
    : result.timedOut
      ? 'took too long and was ended'
      : `failed: ${result.reason}`;
  say(`${optional ? paint('33', '!') : paint('31', '✗')} ${name} ${why} (${took}; log: ${logPath})`);
  if (!echo) return;
  const tail = result.output
    .trimEnd()
    .split('\n')
    .slice(optional ? -4 : -TAIL_LINES);
  for (const line of tail) say(`    ${line}`);
}

/** Runs a command with its output on this terminal. Resolves to { ok, code }. */
export async function attached(command, args, options = {}) {
  return run(command, args, { ...options, stdio: 'inherit' });
}

/** Runs a command quietly and resolves to { ok, output }. */
export async function ask(command, args, timeoutMs = 20_000) {
  return run(command, args, { timeoutMs });
}

/**
 * `graceMs`: a command whose time is up, or that Ctrl-C stops, is told so by SIGTERM and has that long to write what it has.
 * Ctrl-C then ends the command alone, and the result says `interrupted`.
 */
function run(
  command,
  args,
  { cwd = ROOT, env = process.env, timeoutMs, graceMs, onText = () => {}, stdio } = {},
) {
  return new Promise((resolveRun) => {
    const inherit = stdio === 'inherit';
    // A group of its own, so that a hanging step goes with all that it started; not with a terminal of its own,
    // where Ctrl-C must reach it.
    const child = spawn(command, args, {
      cwd,
      env,
      detached: !inherit,
      stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let timedOut = false;
    let interrupted = false;
    let killer;
    const take = (text) => {
      output = (output + text).slice(-200_000);
      onText(text);
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    const kill = () => killGroup(child, inherit);
    const end = () => {
      if (graceMs === undefined) return kill();
      child.kill('SIGTERM');
      killer ??= setTimeout(kill, graceMs);
    };
    const stop = () => {
      // Attached, the child was told by the terminal and ends by itself with a partial result.
      if (inherit) return;
      if (graceMs === undefined || interrupted) {
        kill();
        process.exit(130);
      }
      interrupted = true;
      end();
    };
    process.on('SIGINT', stop);
    const timer =
      timeoutMs &&
      setTimeout(() => {
        timedOut = true;
        end();
      }, timeoutMs);
    const finish = (code, reason) => {
      clearTimeout(timer);
      clearTimeout(killer);
      process.off('SIGINT', stop);
      resolveRun({
        ok: code === 0 && !timedOut && !interrupted,
        code,
        timedOut,
        interrupted,
        reason,
        output,
      });
    };
    child.on('error', (error) => finish(127, error.message));
    child.on('close', (code, signal) =>
      finish(code ?? 128, signal ? `ended by ${signal}` : `exit code ${code}`),
    );
  });
}

function killGroup(child, inherit) {
  if (child.pid === undefined) return;
  try {
    process.kill(inherit ? child.pid : -child.pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

function columns() {
  return Math.max(40, (process.stdout.columns ?? 80) - 1);
}
