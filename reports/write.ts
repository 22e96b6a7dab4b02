// Writes the report files of a run into one folder. The formats live beside it.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resultsCsv } from './csv.js';
import { htmlReport } from './html.js';
import { resultJson } from './json.js';
import { junitXml } from './junit.js';
import { markdownReport } from './markdown.js';
import { CannotRunError, type RunResult } from './schema/index.js';

/** The files of a report. */
export const REPORT_FILES = {
  'results.json': resultJson,
  'results.csv': resultsCsv,
  'junit.xml': junitXml,
  'report.md': markdownReport,
  'index.html': htmlReport,
} as const;

/** Writes all report files and returns their paths. Each appears whole or not at all. */
export async function writeReports(run: RunResult, folder: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, render] of Object.entries(REPORT_FILES)) {
      const path = join(folder, name);
      const unfinished = `${path}.${process.pid}.part`;
      try {
        await writeFile(unfinished, render(run));
        await rename(unfinished, path);
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
      paths.push(path);
    }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new CannotRunError(`the reports cannot be written to ${folder}: ${error.message}`);
  }
  return paths;
}
