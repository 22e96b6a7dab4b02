// Crash log of a suite's process: the current case and the finished ones, written before anything can end the process.
import { appendFileSync, readFileSync } from 'node:fs';
import { type CaseResult, CaseResultSchema } from '../../reports/schema/index.js';

const HAND = '>';

/** The exit code of a process that ends because its device takes no more work: the case that did it has its result already. */
export const DEVICE_LOST = 86;

/** What a dead process left behind. */
export interface Remains {
  readonly finished: CaseResult[];
  /** The case that it did not come back from. */
  readonly inHand?: string;
}

/** Says that this case begins. */
export function begin(path: string | undefined, id: string): void {
  if (path !== undefined) appendFileSync(path, `${HAND}${id}\n`);
}

/** Says what became of the case in hand. */
export function finish(path: string | undefined, result: CaseResult): void {
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(result)}\n`);
}

/** Reads what is whole; a line that was cut off by the end of the process counts as not written. */
export function readJournal(path: string): Remains {
  const finished: CaseResult[] = [];
  let inHand: string | undefined;
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    if (line.startsWith(HAND)) {
      inHand = line.slice(HAND.length);
      continue;
    }
    finished.push(CaseResultSchema.parse(JSON.parse(line)));
    inHand = undefined;
  }
  return { finished, ...(inHand === undefined ? {} : { inHand }) };
}
