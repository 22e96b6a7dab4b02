// Number of threads, and facts about the native build.

import { addon, addonPath } from '../backend/addon.js';
import { ArgumentError, describe, message, ValueError } from './errors.js';

/** Threads that one op may use. */
export function getNumThreads(): number {
  return addon.getThreads();
}
/** The most that one op takes. */
const mostThreads = 1024;
/**
 * Sets it. Results do not depend on it; threads that the system does not let the process make are done without.
 * @throws ValueError unless it is a whole number from 1 to 1024; ArgumentError for what is no number.
 */
export function setNumThreads(n: number): void {
  const required = `a whole number from 1 to ${mostThreads}`;
  if (typeof n !== 'number') throw new ArgumentError(message('setNumThreads', required, describe(n)));
  if (!Number.isInteger(n) || n < 1 || n > mostThreads)
    throw new ValueError(message('setNumThreads', required, describe(n)));
  addon.setThreads(n);
}
/** The instruction set, threads and compiler of the loaded addon, and where it was loaded from. */
export function backendInfo(): {
  isa: string;
  threads: number;
  sleef: boolean;
  compiler: string;
  path: string;
} {
  return { ...addon.info(), path: addonPath };
}
