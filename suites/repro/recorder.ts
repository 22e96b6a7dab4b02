// A running oracle that records cases on request (suites/reference/serve_fixtures.py).
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CannotRunError } from '../../reports/schema/index.js';
import type { Case } from '../common/cases.js';
import { type Fixtures, openFixtures } from '../common/fixtures.js';
import { packageRoot } from '../runner/machine.js';

/** Asks PyTorch about calls that no fixture has. */
export class Recorder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'torchstone-recorder-'));
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #trees = 0;

  constructor(python: string) {
    const script = join(packageRoot(), 'suites', 'reference', 'serve_fixtures.py');
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    this.#child = spawn(python, [script], { env });
    this.#child.stderr.resume();
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    // Writing to a process that is gone raises here; the missing answer carries the reason.
    this.#child.stdin.on('error', () => {});
  }

  /** A tree of those of the cases that PyTorch takes; null where it takes none. @throws CannotRunError when it does not answer. */
  async record(cases: readonly Case[]): Promise<Fixtures | null> {
    const tree = join(this.#folder, `tree-${this.#trees++}`);
    const file = `${tree}.json`;
    writeFileSync(file, JSON.stringify(cases));
    this.#child.stdin.write(`${JSON.stringify({ cases: file, folder: tree })}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new CannotRunError('the reference ended before it answered');
    const answer = JSON.parse(value) as { ok: boolean; error?: string; cases?: number };
    if (!answer.ok) throw new CannotRunError(`the reference did not record: ${answer.error}`);
    return answer.cases === 0 ? null : openFixtures(tree);
  }

  close(): void {
    this.#child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
