// Owns a live run: the oracle's frames replayed one by one, an account of every entry printed as it ends.
import { CannotRunError } from '../results.js';
import { EntryTally } from './console.js';
import { replayError } from './errors.js';
import { askOracle } from './oracle.js';
import { COLUMNS, type Column, replaySample } from './replay.js';
import type { Frame } from './wire.js';

export interface LiveOptions {
  readonly python: string;
  readonly filter: readonly string[];
  readonly dtypes: readonly string[];
  readonly seed: number;
  readonly sample?: number;
  readonly verbose: boolean;
  readonly print: (text: string) => void;
}

/** Runs and prints; resolves to whether everything held. */
export async function runLive(options: LiveOptions): Promise<boolean> {
  const done: EntryTally[] = [];
  let current: EntryTally | null = null;
  const close = () => {
    if (current === null) return;
    options.print(`${current.text()}\n`);
    done.push(current);
    current = null;
  };
  const most = options.verbose ? Number.POSITIVE_INFINITY : 3;
  for await (const frame of askOracle(options.python, options)) {
    const { header } = frame;
    if (header.kind === 'hello' && header.entries.length === 0)
      throw new CannotRunError(`no entry matches the filter '${options.filter.join(', ')}'`);
    if (header.kind === 'entry' || header.kind === 'end') close();
    if (header.kind === 'entry') current = new EntryTally(header.entry);
    if (header.kind === 'broken') options.print(`! ${header.entry} (${header.dtype}): ${header.message}\n`);
    if (header.kind === 'sample')
      (current as EntryTally | null)?.add(frame, replaySample(frame as Frame<typeof header>), most);
    if (header.kind === 'error')
      (current as EntryTally | null)?.add(frame, replayError(frame as Frame<typeof header>), most);
  }
  options.print(`\n${totals(done)}\n`);
  return done.every((one) => one.passes);
}

function totals(done: readonly EntryTally[]): string {
  const lines = COLUMNS.map((column: Column) => {
    const having = done.flatMap((one) => one.columns.get(column) ?? []);
    const whole = having.filter((one) => one.fail + one['not done'] === 0).length;
    const sum = (key: 'pass' | 'fail' | 'not done') => having.reduce((n, one) => n + one[key], 0);
    const [pass, fail, absent] = [sum('pass'), sum('fail'), sum('not done')];
    return `${column.padEnd(13)} ${whole} of ${having.length} entries; calls: ${pass} passed, ${fail} failed, ${absent} not done`;
  });
  const compared = done.reduce((n, one) => n + one.compared, 0);
  return [...lines, `${compared.toLocaleString('en')} elements compared`].join('\n');
}
