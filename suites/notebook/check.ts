// Judges one cell: collects comparisons with the recorded answers into a CaseResult.
import { TorchstoneError } from 'torchstone';
import type { CaseResult, Worst } from '../../reports/schema/index.js';
import { arrayOf, type EngineTensor as Tensor } from '../common/bind.js';
import { type ArrayValue, compareArrays, worstOf } from '../common/compare.js';
import { toleranceFor } from '../common/tolerances.js';
import { printed } from '../runner/device.js';
import type { Recording } from './recording.js';

type Outcome = 'pass' | 'fail';

/** The judge of one case. Its methods never throw on a mismatch: the case goes on, so that everything wrong shows at once. */
export class Check {
  readonly #recording: Recording;
  readonly #cell: string;
  readonly #checks: Record<string, Outcome> = {};
  readonly #messages: string[] = [];
  #compared = 0;
  #worst: Worst | undefined;

  constructor(cell: string, recording: Recording) {
    this.#cell = cell;
    this.#recording = recording;
  }

  /** The recorded array of that name, as nested-free data with its shape. */
  recorded(name: string): ArrayValue {
    return this.#recording.array(this.#cell, name);
  }

  /** A recorded plain value. */
  value(name: string): unknown {
    return this.#recording.cell(this.#cell).values[name];
  }

  /** The tensor equals the recorded one: dtype, shape, values; and its text, where one is recorded. */
  tensor(name: string, got: Tensor, withText = true): void {
    const entry = this.#recording.cell(this.#cell).tensors[name];
    if (!entry) throw new Error(`nothing is recorded for ${this.#cell}/${name}`);
    this.array(name, arrayOf(got), this.recorded(name));
    if (withText && entry.text !== undefined) this.text(name, printed(got), entry.text);
  }

  /** Two arrays agree within the table's tolerance, or within the given one. */
  array(name: string, got: ArrayValue, want: ArrayValue, rtol?: number): void {
    const table = toleranceFor(want.dtype, 'values');
    const tolerance = rtol === undefined ? table : { ...table, rtol, atol: rtol };
    const comparison = compareArrays(got, want, tolerance, { what: name });
    this.#compared += comparison.compared;
    this.#note('values', comparison.ok, comparison.message);
    if (!comparison.ok) this.#worst ??= worstOf(comparison, name);
  }

  /** Two texts are the same to the character. */
  text(name: string, got: string, want: string): void {
    this.#compared += 1;
    this.#note('text', got === want, `${name} prints\n${got}\ninstead of\n${want}`);
  }

  /** A number is within `tolerance` of another. */
  near(name: string, got: number, want: number, tolerance = 0): void {
    this.#compared += 1;
    const ok = Math.abs(got - want) <= tolerance || Object.is(got, want);
    this.#note('values', ok, `${name} is ${got} instead of ${want}${tolerance ? ` ± ${tolerance}` : ''}`);
  }

  /** A statement holds. */
  holds(what: string, truth: boolean): void {
    this.#compared += 1;
    this.#note('facts', truth, `does not hold: ${what}`);
  }

  /** The call fails with a typed error of PyTorch's class (where one is recorded) whose message matches. */
  error(name: string, call: () => unknown, message: RegExp): void {
    this.#compared += 1;
    const want = this.#recording.cell(this.#cell).errors[name]?.class;
    try {
      call();
    } catch (error) {
      const { name: got, message: text } = error as Error;
      const typed = error instanceof TorchstoneError || error instanceof TypeError;
      this.#note(
        'errors',
        typed && (want === undefined || got === want),
        `${name} raises ${got} instead of ${want}: ${text}`,
      );
      this.#note('errors', message.test(text), `${name}: the message does not say ${message}: ${text}`);
      return;
    }
    this.#note('errors', false, `${name} raises nothing instead of ${want ?? 'an error'}`);
  }

  /** The case's result. */
  result(id: string, seconds: number, thrown?: unknown): CaseResult {
    if (thrown !== undefined) {
      const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
      this.#note('ran', false, text);
    } else if (this.#compared === 0) {
      this.#note('ran', false, 'the case compared nothing');
    }
    const failed = this.#messages.length > 0;
    return {
      id,
      op: `cell ${this.#cell}`,
      suite: 'notebook',
      status: failed ? 'fail' : 'pass',
      ...(failed
        ? { message: this.#messages.join('\n'), replay: `npx torchstone notebook --filter '${id}'` }
        : {}),
      seconds,
      compared: this.#compared,
      checks: this.#checks,
      ...(this.#worst ? { worst: this.#worst } : {}),
    };
  }

  #note(check: string, ok: boolean, message: string): void {
    if (!ok) this.#messages.push(message);
    this.#checks[check] = ok && this.#checks[check] !== 'fail' ? 'pass' : 'fail';
  }
}
