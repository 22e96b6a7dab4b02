// Owns the race against the peers: each row's call on all of them in alternating blocks of one run, after every result was compared
// with ours. It times nothing itself and judges no peer's speed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualSeed } from '../../engine/index.js';
import type { Mode } from '../bench/cpu-rows.js';
import { BenchInputs } from '../bench/inputs.js';
import type { RowPlan } from '../bench/plan.js';
import { type Lane, loopOf, race } from '../bench/race.js';
import { timing } from '../bench/run-row.js';
import { pairedRatio } from '../bench/statistics.js';
import { idMatcher } from '../cases.js';
import { type ArrayValue, compareArrays } from '../compare.js';
import {
  type CaseResult,
  nothingToRun,
  type PeerEngine,
  type PeerTiming,
  type SuiteOptions,
  type SuiteResult,
  suiteResult,
} from '../results.js';
import { chosenPeers, installed, type Peer, peersFolder } from './catalogue.js';
import { PeerProcess } from './process.js';
import type { Opened } from './protocol.js';
import { type Asked, askedOf, peerRows } from './rows.js';
import { unasked } from './survey.js';

/** How long a peer may take for a block, and for making a row ready. */
const ANSWER_MS = 15_000;
const BLOCK_MS = 3;
const ROW_MS = { quick: 600, usual: 2_000, full: 6_000 } as const;
const ROUNDS = { quick: 8, usual: 20, full: 30 } as const;

/** A peer in the race. */
interface Rival {
  readonly peer: Peer;
  readonly process: PeerProcess;
  readonly opened: Opened;
}

/** What may stand in for the rows and the peers: for tests. */
export interface RaceSources {
  readonly rows?: readonly RowPlan[];
  readonly peers?: readonly Peer[];
  readonly folder?: string;
  readonly answerMs?: number;
}

/** Races every row against the peers that are installed. */
export async function racePeers(options: SuiteOptions, sources: RaceSources = {}): Promise<SuiteResult> {
  const started = performance.now();
  const mode: Mode = options.full ? 'full' : options.quick ? 'quick' : 'usual';
  const matches = idMatcher(options.filter);
  const rows = (sources.rows ?? peerRows(mode)).filter((row) => matches(row.id));
  if (rows.length === 0) throw nothingToRun(`no row of the peers matches the filter '${options.filter}'`);
  const { rivals, engines, cases } = await open(options, sources);
  const timings: PeerTiming[] = [];
  options.progress.begin('bench against peers', rows.length);
  try {
    for (const row of rows) {
      if (options.signal.aborted) break;
      const timing = await raceRow(row, rivals, mode, options);
      timings.push(timing);
      options.progress.step(row.id, false);
    }
  } finally {
    for (const { process } of rivals) process.close();
  }
  options.progress.end(`${timings.length} rows against ${rivals.length} peers`);
  return suiteResult('bench', cases, (performance.now() - started) / 1000, {
    peers: { calls: 0, ops: 0, engines, timings },
  });
}

/** Starts every peer; one that is missing or does not load is told, and raced without. */
async function open(
  { peers: names, progress }: SuiteOptions,
  sources: RaceSources,
): Promise<{ rivals: Rival[]; engines: PeerEngine[]; cases: CaseResult[] }> {
  const folder = sources.folder ?? peersFolder();
  const rivals: Rival[] = [];
  const engines: PeerEngine[] = [];
  const cases: CaseResult[] = [];
  for (const peer of sources.peers ?? chosenPeers(names)) {
    const found = installed(peer, folder);
    const process = new PeerProcess(peer, folder, sources.answerMs ?? ANSWER_MS);
    let missing = 'missing' in found ? found.missing : undefined;
    try {
      if (missing === undefined) rivals.push({ peer, process, opened: await process.open() });
    } catch (error) {
      missing = `it does not load: ${reasonOf(error)}`;
    }
    if (missing !== undefined) progress.note(`${peer.name}: ${missing}`);
    engines.push(unasked(peer, missing === undefined ? found : { ...found, missing }, rivals.at(-1)?.opened));
    const base = { id: `peers/${peer.name}`, suite: 'bench', seconds: 0, compared: 0 } as const;
    cases.push(
      missing === undefined ? { ...base, status: 'pass' } : { ...base, status: 'skip', reason: missing },
    );
  }
  return { rivals, engines, cases };
}

async function raceRow(
  row: RowPlan,
  rivals: readonly Rival[],
  mode: Mode,
  { seed, signal }: SuiteOptions,
): Promise<PeerTiming> {
  const folder = mkdtempSync(join(tmpdir(), 'torchstone-peers-'));
  try {
    manualSeed(seed);
    const prepared = row.prepare(new BenchInputs(seed, row.id, folder));
    const asked = askedOf(prepared.reference.torch);
    const withheld = new Map<string, string>();
    for (const rival of rivals) {
      const reason = await ready(rival, asked, prepared.output!(), row.tolerance);
      if (reason !== undefined) withheld.set(rival.peer.name, reason);
    }
    const racing = rivals.filter(({ peer }) => !withheld.has(peer.name));
    const lanes = await race(
      [
        { name: 'ours', block: loopOf(prepared.step) },
        ...racing.map(({ peer, process }) => ({
          name: peer.name,
          remote: (iterations: number) => process.run(iterations),
        })),
      ],
      { budgetMs: ROW_MS[mode], maxRounds: ROUNDS[mode], blockMs: BLOCK_MS, signal },
    );
    const [ours, ...theirs] = lanes as [Lane, ...Lane[]];
    const { id, group, label, dtype } = row;
    const engines = rivals.map(({ peer: { name } }) => {
      const lane = theirs.find((one) => one.name === name);
      return { name, ...figures(ours, lane, withheld.get(name)) };
    });
    return { id, group, label, dtype, ours: timing(ours.samples), engines };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes the peer ready for the row; the reason why it has no figure. */
async function ready(
  { process, opened }: Rival,
  asked: Asked | undefined,
  ours: ArrayValue,
  tolerance: number,
): Promise<string | undefined> {
  if (asked === undefined) return 'no peer can be asked for it';
  if ('call' in asked && !opened.ops.includes(asked.call.op)) return `it has no ${asked.call.op}`;
  if ('training' in asked && !opened.trains) return 'it does not differentiate';
  try {
    const theirs = 'call' in asked ? await process.prepare(asked.call) : await process.train(asked.training);
    const allowed = { rtol: tolerance, atol: tolerance, signedZero: 'any' as const };
    const compared = compareArrays(theirs, ours, allowed, { what: 'result', ignoreDtype: true });
    return compared.ok ? undefined : `its result is wrong: ${compared.message.split('\n')[0]}`;
  } catch (error) {
    return reasonOf(error);
  }
}

function figures(ours: Lane, theirs: Lane | undefined, withheld: string | undefined) {
  if (withheld !== undefined || theirs === undefined) return { withheld: withheld ?? 'it was not raced' };
  if (theirs.lost !== undefined) return { withheld: theirs.lost };
  const ratio = pairedRatio(ours.samples, theirs.samples);
  return { theirs: timing(theirs.samples), ...(ratio ? { ratio } : { withheld: 'too few blocks' }) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
