// The result file: the run as it is, checked against its schema before it is written.
import { type RunResult, RunResultSchema } from './schema/index.js';

/** The text of results.json. Throws when the run does not fit the schema: an unreadable file must not be written. */
export function resultJson(run: RunResult): string {
  return `${JSON.stringify(RunResultSchema.parse(run))}\n`;
}
