// Smallest parts of the schema: counts, seconds, and numbers that JSON cannot hold.
import { z } from 'zod';
import { SUITE_NAMES } from './outcome.js';

/**
 * A number as a result file can hold it: JSON has no NaN, infinities or −0, and int64 values lose digits,
 * so those travel as the strings that `figure` writes.
 */
export const FigureSchema = z.union([z.number(), z.string()]);

export type Figure = z.infer<typeof FigureSchema>;

/** Encodes any element for a result file; what JSON cannot hold becomes a string. */
export function figure(value: number | bigint | boolean | string): Figure {
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    return Object.is(value, -0) ? '-0' : value;
  }
  return String(value);
}

export const Count = z.int().nonnegative();

export const Seconds = z.number().nonnegative();

export const SuiteNameSchema = z.enum(SUITE_NAMES);
