// A suite's own process: whatever becomes of it, the run goes on and says what happened.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RunResultSchema } from '../../../reports/schema/index.js';
import { exitCode, outcome } from '../../../reports/verdict.js';
import { type Arguments, readArguments } from '../../../suites/cli/args.js';
import { runSuites } from '../../../suites/cli/run.js';

const folder = mkdtempSync(join(tmpdir(), 'torchstone-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = { missing: 'left out' };
const found = { references: { python: missing, numpy: missing, torch: missing } };
const done = `{ suite: order.suite, status: 'pass', counts: { passed: 1, failed: 0, skipped: 0, inconclusive: 0, errors: 0 }, compared: 1, seconds: 0,
  cases: [{ id: 'a', suite: order.suite, status: 'pass', seconds: 0, compared: 1 }] }`;

/** Runs two suites, the first with a process that does this with its order. */
async function run(
  body: string,
  { only = false, abortMs = 0, deadlineMs = 20_000, graceMs = 500, caseMs = 20_000 } = {},
) {
  const entry = join(folder, `child-${Math.random()}.mjs`);
  writeFileSync(
    entry,
    `import { appendFileSync } from 'node:fs';
let told = false;
process.on('message', (message) => {
  if (message.stop) { told = true; return; }
  const { order } = message;
  const answer = (what) => process.send(what, () => process.exit(0));
  if (order.suite !== 'validate') return answer({ result: ${done} });
  ${body}
});`,
  );
  const args = readArguments(['all', '--quiet']) as Arguments;
  const controller = new AbortController();
  if (abortMs > 0) setTimeout(() => controller.abort(), abortMs);
  const names = only ? (['validate'] as const) : (['validate', 'notebook'] as const);
  const hosting = { entry, deadlineMs, graceMs, caseMs };
  const result = await runSuites(names, args, found, 'torchstone all', controller.signal, hosting);
  return RunResultSchema.parse(result);
}

describe("a suite's process", () => {
  it('answers with its result', async () => {
    const result = await run(`answer({ result: ${done} });`);
    expect(result.suites.map((suite) => suite.status)).toEqual(['pass', 'pass']);
    expect(exitCode(result)).toBe(0);
  });

  it('that crashes is a failed case, and the next suite still runs', async () => {
    const result = await run("process.kill(process.pid, 'SIGSEGV');");
    expect(result.suites[0]?.cases[0]).toMatchObject({ id: 'validate/process', status: 'error' });
    expect(result.suites[0]?.reason).toContain('SIGSEGV');
    expect(result.suites[1]?.status).toBe('pass');
    expect(exitCode(result)).toBe(1);
  });

  it('whose device is lost hands what it finished to a new one, and blames no other case', async () => {
    const lines = (id: string) =>
      `>${id}\\n\${JSON.stringify({ id: '${id}', suite: order.suite, status: 'fail', seconds: 0, compared: 0 })}\\n`;
    const result = await run(
      `if (order.done) return answer({ result: ${done} });
      appendFileSync(order.journal, \`${lines('lost')}\`);
      process.exit(86);`,
    );
    const cases = result.suites[0]?.cases.map(({ id, status }) => [id, status]);
    expect(cases).toEqual([
      ['lost', 'fail'],
      ['a', 'pass'],
    ]);
  });

  it('that cannot run keeps the rest, and ends the command when it was all there was', async () => {
    const body = "answer({ cannotRun: 'fixtures/manifest.json: is missing' });";
    const result = await run(body);
    expect(result.suites[0]).toMatchObject({ status: 'error', reason: 'fixtures/manifest.json: is missing' });
    expect(outcome(result)).toBe('stopped');
    await expect(run(body, { only: true })).rejects.toThrow('manifest.json: is missing');
  });

  it('that answers with something else is not believed', async () => {
    const result = await run("answer({ result: { status: 'pass' } });");
    expect(result.suites[0]?.reason).toContain('malformed');
    expect(exitCode(result)).toBe(2);
  });

  it('that hangs is ended', async () => {
    const result = await run('setInterval(() => {}, 1000);', { deadlineMs: 300 });
    expect(result.suites[0]?.reason).toContain('did not finish');
    expect(exitCode(result)).toBe(1);
  });

  // The first process begins a case and does this; the one after it finds it done, and finishes the rest.
  const inHand = (deed: string) => `
    if (order.done) return answer({ result: ${done} });
    appendFileSync(order.journal, '{"id":"op/0","suite":"validate","status":"pass","seconds":0,"compared":2}\\n>op/1\\n');
    ${deed}`;
  it.each([
    ['hangs', 'setInterval(() => {}, 1000);', 'did not finish in 0.6 s', { timeout: 'fail' }],
    [
      'is killed',
      "process.kill(process.pid, 'SIGKILL');",
      'as the system does when memory runs out',
      { crash: 'fail' },
    ],
    ['aborts', 'process.abort();', 'SIGABRT', { crash: 'fail' }],
    ['ends by itself', 'process.exit(0);', 'ended with code 0', { crash: 'fail' }],
  ])('in which a case %s loses that case alone', async (_, deed, words, checks) => {
    const result = await run(inHand(deed), { caseMs: 600 });
    const { cases, counts } = result.suites[0]!;
    expect(cases.map((one) => one.id)).toEqual(['op/0', 'op/1', 'a']);
    expect(cases[1]).toMatchObject({ op: 'op', status: 'fail', checks });
    expect(cases[1]!.message).toContain(words);
    expect(cases[1]!.replay).toBe("npx torchstone validate --filter 'op/1'");
    expect(counts).toMatchObject({ passed: 2, failed: 1 });
    expect(exitCode(result)).toBe(1);
  });

  it('that is late keeps what it finished, without holding', async () => {
    const result = await run(`setInterval(() => told && answer({ result: ${done} }), 50);`, {
      deadlineMs: 300,
    });
    expect(result.suites[0]).toMatchObject({ status: 'fail', compared: 1 });
  });

  it('stops when the run is interrupted, and the run is marked partial', async () => {
    const result = await run(`setInterval(() => told && answer({ result: ${done} }), 50);`, { abortMs: 400 });
    expect(result).toMatchObject({ partial: true });
    expect(result.suites).toHaveLength(1);
    expect(result.suites[0]?.compared).toBe(1);
    expect(exitCode(result)).toBe(130);
  });
});
