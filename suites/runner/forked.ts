// Parent side of a Node process that answers numbered requests; the other side is `answerRequests`. Whatever happens to
// it is an error with a reason, never a hang.
import { type ChildProcess, fork } from 'node:child_process';

interface Waiting {
  readonly resolve: (answer: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

/** How a process is started. */
export interface ForkOptions {
  /** For people, in every reason. */
  readonly label: string;
  readonly entry: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly execArgv?: readonly string[];
  /** How long an answer may take where a request does not say. */
  readonly answerMs: number;
}

/** The process died or was ended: it can answer no more. An error of the other side is a plain one. */
export class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded';
}

const STDERR_KEPT = 2000;

/** A running process. */
export class Forked {
  readonly label: string;
  readonly #child: ChildProcess;
  readonly #answerMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #dead: string | undefined;
  #stderr = '';

  constructor({ label, entry, args = [], env = {}, cwd, execArgv, answerMs }: ForkOptions) {
    this.label = label;
    this.#answerMs = answerMs;
    this.#child = fork(entry, [...args], {
      env: { ...process.env, ...env },
      // Typed arrays and −0 travel as they are.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    });
    this.#child.on('message', (message) => this.#receive(message as Record<string, unknown>));
    this.#child.on('error', (error) => this.#die(`${label} did not start: ${error.message}`));
    this.#child.on('close', (code, signal) => {
      const last = this.#stderr.trim().split('\n').at(-1);
      this.#die(`${label} ended with ${signal ?? `code ${code}`}${last ? `: ${last}` : ''}`);
    });
  }

  /** Why it can answer no more; undefined while it lives. */
  get dead(): string | undefined {
    return this.#dead;
  }

  /** One request and its answer. A process that does not answer in time is ended: nobody knows what state it is in. */
  request(request: Record<string, unknown>, ms = this.#answerMs): Promise<Record<string, unknown>> {
    if (this.#dead !== undefined) return Promise.reject(new ProcessEnded(this.#dead));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#end(`did not answer within ${ms / 1000} s`), ms);
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          then(value);
        };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      // A process that has just gone is reported by its end.
      this.#child.send({ id, ...request }, () => {});
    });
  }

  /** Ends the process: it has nothing to save. */
  close(): void {
    this.#end('was closed');
  }

  #end(reason: string): void {
    this.#die(`${this.label} ${reason}`);
    this.#child.kill('SIGKILL');
  }

  #receive(answer: Record<string, unknown>): void {
    const waiting = this.#waiting.get(Number(answer.id));
    this.#waiting.delete(Number(answer.id));
    // The number stays here: an answer is spread into results, which have ids of their own.
    if (answer.error === undefined) waiting?.resolve(answer.result as Record<string, unknown>);
    else waiting?.reject(new Error(String(answer.error)));
  }

  #die(reason: string): void {
    this.#dead ??= reason;
    for (const one of this.#waiting.values()) one.reject(new ProcessEnded(this.#dead));
    this.#waiting.clear();
  }
}

/** The other side: answers every request of the parent, and ends with it. */
export function answerRequests<R>(answer: (request: R) => object | Promise<object>): void {
  const reply = (id: unknown, body: object) => process.send?.({ id, ...body });
  // On a terminal Ctrl-C reaches this process too; the parent decides.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message) => {
    const { id } = message as { id: number };
    // A throw before the first await must be an answer too.
    Promise.resolve()
      .then(() => answer(message as R))
      .then(
        (result) => reply(id, { result }),
        (error: unknown) => reply(id, { error: error instanceof Error ? error.message : String(error) }),
      );
  });
}
