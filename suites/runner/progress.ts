// Progress of a run: one live line on a terminal, plain lines elsewhere, on stderr by default.

/** What a suite tells while it works. */
export interface Progress {
  /** A new stage begins; `total` is the number of steps, where known. */
  begin(label: string, total?: number): void;
  /** One step is done; `id` names it. `failed` counts it as fallen short. */
  step(id?: string, failed?: boolean): void;
  /** A line that stays. */
  note(text: string): void;
  /** The stage is over. */
  end(summary?: string): void;
}

/** Where progress is written and how. */
export interface ProgressOptions {
  stream?: NodeJS.WriteStream;
  quiet?: boolean;
  env?: NodeJS.ProcessEnv;
  /** For tests. */
  now?: () => number;
}

const LINE_EVERY_MS = 10_000;
const REDRAW_EVERY_MS = 80;
const SILENT: Progress = { begin() {}, step() {}, note() {}, end() {} };

/** A progress display that fits where it is shown: a live line on a terminal, a plain line every ten seconds elsewhere. */
export function createProgress(options: ProgressOptions = {}): Progress {
  if (options.quiet) return SILENT;
  const stream = options.stream ?? process.stderr;
  const env = options.env ?? process.env;
  const live = stream.isTTY === true && env.CI === undefined && env.TERM !== 'dumb';
  const colour = live && !env.NO_COLOR;
  return new StreamProgress(stream, live, colour, options.now ?? (() => performance.now()));
}

/** Progress that says nothing. */
export function silentProgress(): Progress {
  return SILENT;
}

class StreamProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: boolean;
  readonly #colour: boolean;
  readonly #now: () => number;
  #label = '';
  #total: number | undefined;
  #done = 0;
  #failed = 0;
  #started = 0;
  #shown = 0;

  constructor(stream: NodeJS.WriteStream, live: boolean, colour: boolean, now: () => number) {
    this.#stream = stream;
    this.#live = live;
    this.#colour = colour;
    this.#now = now;
  }

  begin(label: string, total?: number): void {
    this.#label = label;
    this.#total = total;
    this.#done = 0;
    this.#failed = 0;
    this.#started = this.#now();
    this.#shown = this.#started;
    if (this.#live) this.#draw();
    else this.#stream.write(`${label}${total === undefined ? '' : ` (${total})`} …\n`);
  }

  step(id?: string, failed = false): void {
    this.#done += 1;
    if (failed) this.#failed += 1;
    const now = this.#now();
    if (now - this.#shown < (this.#live ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
    this.#shown = now;
    if (this.#live) this.#draw(id);
    else this.#stream.write(`  ${this.#state()}${id ? `  ${id}` : ''}\n`);
  }

  note(text: string): void {
    this.#clear();
    this.#stream.write(`  ${text}\n`);
  }

  end(summary?: string): void {
    this.#clear();
    const seconds = ((this.#now() - this.#started) / 1000).toFixed(1);
    const mark = this.#failed > 0 ? this.#paint('31', '✗') : this.#paint('32', '✓');
    this.#stream.write(`${mark} ${this.#label}: ${summary ?? this.#state()} (${seconds} s)\n`);
  }

  #state(): string {
    const of = this.#total === undefined ? '' : ` of ${this.#total}`;
    return `${this.#done}${of}${this.#failed > 0 ? `, ${this.#failed} failed` : ''}`;
  }

  #draw(id = ''): void {
    const width = Math.max(20, (this.#stream.columns ?? 80) - 1);
    const text = `${this.#label}  ${this.#state()}  ${id}`.slice(0, width);
    this.#stream.write(`\r\u001b[2K${this.#failed > 0 ? this.#paint('31', text) : text}`);
  }

  #clear(): void {
    if (this.#live) this.#stream.write('\r\u001b[2K');
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}
