// Number of threads, and facts about the native build.

import { addon, addonPath } from '../backend/addon.js';
import { ArgumentError, describe, message } from './errors.js';

/** Threads that one op may use. */
export function getNumThreads(): number {
  return addon.getThreads();
}
/** Sets it. Results do not depend on it. @throws ArgumentError unless it is a whole number of at least 1. */
export function setNumThreads(n: number): void {
  if (!Number.isInteger(n) || n < 1)
    throw new ArgumentError(message('setNumThreads', 'a whole number of at least 1', describe(n)));
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
