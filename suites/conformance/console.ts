// Owns the printed account of a conformance run: a line for every entry, and what fell short in it.
import { COLUMNS, type Column, type Outcome } from './replay.js';
import type { Frame, Header, Wire } from './wire.js';

interface Tally {
  pass: number;
  fail: number;
  'not done': number;
}

/** What is known of an entry while its samples come in. */
export class EntryTally {
  readonly entry: string;
  readonly columns = new Map<Column, Tally>();
  readonly lines: string[] = [];
  compared = 0;
  closer = 0;
  #shown = 0;

  constructor(entry: string) {
    this.entry = entry;
  }

  add(frame: Frame, outcome: Outcome, most: number): void {
    this.compared += outcome.compared;
    this.closer += outcome.closer;
    for (const [column, status] of Object.entries(outcome.columns) as [Column, keyof Tally][]) {
      const tally = this.columns.get(column) ?? { pass: 0, fail: 0, 'not done': 0 };
      tally[status]++;
      this.columns.set(column, tally);
    }
    if (outcome.findings.length === 0) return;
    this.#shown++;
    if (this.#shown === most + 1) this.lines.push('    … more (--verbose shows all)');
    if (this.#shown > most) return;
    this.lines.push(`    ${label(frame.header)}`);
    for (const one of outcome.findings) this.lines.push(`      ${one.column} ${one.status}: ${one.text}`);
  }

  get passes(): boolean {
    return [...this.columns.values()].every((one) => one.fail + one['not done'] === 0);
  }

  text(): string {
    const parts = COLUMNS.flatMap((column) => {
      const one = this.columns.get(column);
      if (one === undefined) return [];
      const total = one.pass + one.fail + one['not done'];
      const absent = one['not done'] > 0 ? ` (${one['not done']} not done)` : '';
      return [`${column} ${one.pass}/${total}${absent}`];
    });
    const mark = this.passes ? '✓' : '✗';
    const closer = this.closer > 0 ? ` · ${this.closer} by the float64 result` : '';
    return [`${mark} ${this.entry}: ${parts.join(', ') || 'no samples'}${closer}`, ...this.lines].join('\n');
  }
}

/** The sample's number and its call in short. */
export function label(header: Header): string {
  if (header.kind !== 'sample' && header.kind !== 'error') return header.kind;
  const which =
    header.kind === 'sample' ? `sample ${header.sample} (${header.dtype})` : `error ${header.sample}`;
  if (header.program === undefined) return which;
  const calls = header.program.calls.map((call) => {
    const args = call.args.map((one) => short(one, header.tensors));
    const named = Object.entries(call.kwargs).map(([key, one]) => `${key}=${short(one, header.tensors)}`);
    return `${call.paths[0]}(${[...args, ...named].join(', ')})`;
  });
  return `${which}: ${calls.join('; ')}`;
}

function short(
  value: Wire,
  tensors: readonly { dtype: string; shape: readonly number[]; strides: readonly number[] }[],
): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return `[${(value as Wire[]).map((one) => short(one, tensors)).join(', ')}]`;
  if (typeof value !== 'object') return String(value);
  const [tag, inner] = Object.entries(value)[0] as [string, unknown];
  if (tag === 't') {
    const t = tensors[inner as number]!;
    const last = t.shape.length - 1;
    const plain = last < 0 || t.strides[last] === 1 || t.shape[last]! <= 1;
    return `${t.dtype}[${t.shape}]${plain ? '' : ` strides [${t.strides}]`}`;
  }
  if (tag === 'tuple') return `(${(inner as Wire[]).map((one) => short(one, tensors)).join(', ')})`;
  if (tag === 'float' || tag === 'int') return String(inner);
  if (tag === 'dtype') return String(inner);
  return JSON.stringify(value);
}
