// Sources of calls, recorded or live: the list of cases and their frames.

import { nothingToRun } from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import { askOracle, type OracleOrder } from './oracle.js';
import type { CaseName, ErrorHeader, Frame, HelloHeader, SampleHeader } from './wire.js';

/** A recorded or live call. */
export type CallFrame = Frame<SampleHeader> | Frame<ErrorHeader>;

export interface Source {
  readonly mode: 'recorded' | 'live';
  readonly torch: string;
  /** Entries of the whole database. */
  readonly total: number;
  readonly empty: readonly string[];
  readonly cases: readonly CaseName[];
  /** The calls of a case; cases are asked for in their order. A string is a problem with the case as such. */
  calls(one: CaseName): AsyncIterable<CallFrame | string>;
}

/** PyTorch's answers. */
export async function liveSource(python: string, order: OracleOrder, signal: AbortSignal): Promise<Source> {
  const frames = askOracle(python, order, signal);
  const hello = (await frames.next()).value as Frame<HelloHeader> | undefined;
  if (hello?.header.kind !== 'hello') throw nothingToRun('the oracle says nothing');
  const { torch, total, empty, cases } = hello.header;
  if (cases.length === 0) throw nothingToRun(`no entry matches the filter '${order.filter.join(',')}'`);
  // The frame that announced the next case.
  let ahead = (await frames.next()).value as Frame | undefined;
  async function* calls(one: CaseName): AsyncGenerator<CallFrame | string> {
    if (ahead?.header.kind !== 'case' || ahead.header.id !== one.id) return;
    for (;;) {
      const next = await frames.next();
      ahead = next.done ? undefined : next.value;
      const header = ahead?.header;
      if (header?.kind === 'broken') yield header.message;
      else if (header?.kind === 'sample' || header?.kind === 'error') yield ahead as CallFrame;
      else return;
    }
  }
  return { mode: 'live', torch, total, empty, cases, calls };
}

/** Names that the patterns mean, by the oracle's rule: the very name and its variants, or a glob, or text in the name. */
export function chosen(patterns: readonly string[], names: readonly string[]): Set<string> {
  if (patterns.length === 0) return new Set(names);
  const found = new Set<string>();
  for (const one of patterns) {
    const exact = names.filter((name) => name === one || name.startsWith(`${one}/`));
    const matches = exact.length > 0 ? exact : names.filter(idMatcher(one));
    for (const name of matches) found.add(name);
  }
  return found;
}
