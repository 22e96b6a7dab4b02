// Saved baselines: a packed build with its times, kept for the machine that it was saved on. A later run benchmarks
// that build again; times alone would mislead on a machine that became slower.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch, release } from 'node:os';
import { join } from 'node:path';
import { addonPath } from 'torchstone/internals';
import { z } from 'zod';
import { type BenchRow, CannotRunError } from '../../reports/schema/index.js';
import { machineFacts, packageRoot, toolFacts } from '../runner/machine.js';
import type { Build } from './builds.js';
import { pack } from './pack.js';

/** What must be the same for times to be comparable, and for the addon to load. */
export type Fingerprint = Readonly<Record<string, string>>;

const BaselineSchema = z.object({
  fingerprint: z.record(z.string(), z.string()),
  saved: z.iso.datetime(),
  version: z.string(),
  commit: z.string().optional(),
  /** Our median of each row, for people. */
  rows: z.array(z.object({ id: z.string(), medianNs: z.number().nonnegative() })),
});

/** A baseline as it was saved. */
export type Baseline = z.infer<typeof BaselineSchema>;

/** There is a baseline, of another machine. */
export class FingerprintMismatch extends CannotRunError {
  /** What differs: there, and here. */
  readonly differs: readonly string[];

  constructor(saved: Baseline, here: Fingerprint) {
    const differs = differences(saved.fingerprint, here);
    super(
      `the baseline of ${saved.saved.slice(0, 10)} is of another machine: ${differs.join('; ')}. Save one here: torchstone bench --save-baseline`,
    );
    this.differs = differs;
  }
}

/** This machine's. The load is not part of it: a race bears that. */
export async function fingerprintHere(): Promise<Fingerprint> {
  const { cpu, cores, memory, isa, threads, node, os } = await machineFacts();
  return {
    processor: cpu,
    cores: String(cores),
    memory: `${Math.round(memory / 2 ** 30)} GiB`,
    'instruction set': isa,
    threads: String(threads),
    node,
    architecture: arch(),
    kernel: release(),
    system: os,
  };
}

/** What two fingerprints differ in, as `node v20.20.2, here v22.1.0`. */
export function differences(there: Fingerprint, here: Fingerprint): string[] {
  return [...new Set([...Object.keys(there), ...Object.keys(here)])]
    .filter((name) => there[name] !== here[name])
    .map((name) => `${name} ${there[name] ?? 'unknown'}, here ${here[name] ?? 'unknown'}`);
}

/** Where baselines lie: a folder for each fingerprint. */
export function baselinesFolder(): string {
  return join(packageRoot(), '.torchstone', 'baselines');
}

function keyOf(fingerprint: Fingerprint): string {
  const sorted = Object.entries(fingerprint).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16);
}

const FILES = { facts: 'baseline.json', module: 'build.mjs', addon: 'torchstone.node' } as const;

/** Saves this build and its times for this machine, in place of what was saved before; the folder. */
export async function saveBaseline(
  rows: readonly BenchRow[],
  home = baselinesFolder(),
  fingerprint?: Fingerprint,
): Promise<string> {
  const here = fingerprint ?? (await fingerprintHere());
  const folder = join(home, keyOf(here));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(await pack(), join(folder, FILES.module));
  copyFileSync(addonPath, join(folder, FILES.addon));
  const { version, commit } = toolFacts();
  const times = new Map(rows.map((row) => [row.id.replace(/\/[^/]+$/, ''), row.ours.medianNs]));
  const facts: Baseline = {
    fingerprint: { ...here },
    saved: new Date().toISOString(),
    version,
    ...(commit === undefined ? {} : { commit }),
    rows: [...times].filter(([, medianNs]) => medianNs > 0).map(([id, medianNs]) => ({ id, medianNs })),
  };
  // Last: a folder without it is none.
  writeFileSync(join(folder, FILES.facts), `${JSON.stringify(facts, null, 2)}\n`);
  return folder;
}

/** The build saved for this machine. @throws FingerprintMismatch where there are only others, CannotRunError where there is none. */
export async function savedBaseline(
  home = baselinesFolder(),
  fingerprint?: Fingerprint,
): Promise<{ build: Build; baseline: Baseline }> {
  const here = fingerprint ?? (await fingerprintHere());
  const key = keyOf(here);
  const all = readAll(home);
  const own = all.find((one) => one.key === key);
  if (own === undefined) {
    const far = ({ baseline }: (typeof all)[number]) => differences(baseline.fingerprint, here).length;
    const [nearest] = [...all].sort((a, b) => far(a) - far(b));
    if (nearest !== undefined) throw new FingerprintMismatch(nearest.baseline, here);
    throw new CannotRunError('no baseline is saved; save one: torchstone bench --save-baseline');
  }
  const { baseline } = own;
  const folder = join(home, key);
  const what = baseline.commit ?? baseline.version;
  return {
    baseline,
    build: {
      label: `baseline of ${baseline.saved.slice(0, 16).replace('T', ' ')} (${what})`,
      module: join(folder, FILES.module),
      addon: join(folder, FILES.addon),
    },
  };
}

function readAll(home: string): { key: string; baseline: Baseline }[] {
  if (!existsSync(home)) return [];
  return readdirSync(home).flatMap((key) => {
    const path = join(home, key, FILES.facts);
    if (!existsSync(path)) return [];
    const parsed = BaselineSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    if (!parsed.success)
      throw new CannotRunError(`${path} is not a baseline: ${z.prettifyError(parsed.error)}`);
    return [{ key, baseline: parsed.data }];
  });
}

/** How far our own times of then are from those of the same build now: the machine and the way of racing, not the engine. */
export function driftNote(baseline: Baseline, rows: readonly BenchRow[]): string[] {
  const then = new Map(baseline.rows.map(({ id, medianNs }) => [id, medianNs]));
  const logs = rows.flatMap(({ id, theirs }) => {
    const old = then.get(id.replace(/\/[^/]+$/, ''));
    return old === undefined || theirs === undefined || theirs.medianNs <= 0
      ? []
      : [Math.log(theirs.medianNs / old)];
  });
  if (logs.length === 0) return [];
  const middle = [...logs].sort((a, b) => a - b)[logs.length >> 1]!;
  return [
    `The saved build takes ${Math.exp(middle).toFixed(2)} times what it took when it was saved (the middle of ${logs.length} rows): that is the machine and how it is raced, and no part of any verdict.`,
  ];
}
