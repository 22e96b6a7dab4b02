// A/B benchmark against the peers: each row's call on all of them in alternating batches, after every result was
// compared with ours.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualSeed } from 'torchstone';
import {
  type CaseResult,
  nothingToRun,
  type PeerEngine,
  type PeerTiming,
  type SuiteResult,
} from '../../reports/schema/index.js';
import type { Mode } from '../bench/cpu-rows.js';
import { blockHere } from '../bench/engine-row.js';
import { BenchInputs } from '../bench/inputs.js';
import type { RowPlan } from '../bench/plan.js';
import { type Lane, race } from '../bench/race.js';
import { timing } from '../bench/run-row.js';
import { pairedRatio } from '../bench/statistics.js';
import { idMatcher } from '../common/cases.js';
import { type ArrayValue, compareArrays } from '../common/compare.js';
import { type SuiteOptions, suiteResult } from '../common/suite.js';
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
  /** Elements of results that were compared. */
  compared: number;
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
  const entrants: Entrant[] = [];
  for (const peer of sources.peers ?? chosenPeers(options.peers)) entrants.push(await enter(peer, sources));
  for (const { engine } of entrants)
    if (engine.missing !== undefined) options.progress.note(`${engine.name}: ${engine.missing}`);
  const rivals = entrants.flatMap(({ rival }) => (rival ? [rival] : []));
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
  const engines = entrants.map(({ engine }) => engine);
  return suiteResult('bench', entrants.map(caseOf), (performance.now() - started) / 1000, {
    peers: { calls: 0, ops: 0, engines, timings },
  });
}

/** A peer that was asked to race: without a rival where it is missing or does not load. */
interface Entrant {
  readonly engine: PeerEngine;
  readonly rival?: Rival;
}

async function enter(
  peer: Peer,
  { folder = peersFolder(), answerMs = ANSWER_MS }: RaceSources,
): Promise<Entrant> {
  const found = installed(peer, folder);
  if ('missing' in found) return { engine: unasked(peer, found) };
  const process = new PeerProcess(peer, folder, answerMs);
  try {
    const opened = await process.open();
    return { engine: unasked(peer, found, opened), rival: { peer, process, opened, compared: 0 } };
  } catch (error) {
    process.close();
    return { engine: unasked(peer, { ...found, missing: `it does not load: ${reasonOf(error)}` }) };
  }
}

function caseOf({ engine: { name, missing }, rival }: Entrant): CaseResult {
  const base = { id: `peers/${name}`, suite: 'bench', seconds: 0, compared: rival?.compared ?? 0 } as const;
  return missing === undefined ? { ...base, status: 'pass' } : { ...base, status: 'skip', reason: missing };
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
        { name: 'ours', remote: blockHere(prepared.step) },
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
    return { id, group, label, dtype, ours: timing(ours), engines };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes the peer ready for the row; the reason why it has no figure. */
async function ready(
  rival: Rival,
  asked: Asked | undefined,
  ours: ArrayValue,
  tolerance: number,
): Promise<string | undefined> {
  const { process, opened } = rival;
  if (asked === undefined) return 'no peer can be asked for it';
  if ('call' in asked && !opened.ops.includes(asked.call.op)) return `it has no ${asked.call.op}`;
  if ('training' in asked && !opened.trains) return 'it does not differentiate';
  try {
    const theirs = 'call' in asked ? await process.prepare(asked.call) : await process.train(asked.training);
    const allowed = { rtol: tolerance, atol: tolerance, signedZero: 'any' as const };
    const compared = compareArrays(rounded(theirs, ours.dtype), ours, allowed, {
      what: 'result',
      ignoreDtype: true,
    });
    rival.compared += compared.compared;
    return compared.ok ? undefined : `its result is wrong: ${compared.message.split('\n')[0]}`;
  } catch (error) {
    return reasonOf(error);
  }
}

/** A result in double precision as our dtype holds it: more digits are no mistake. */
function rounded(theirs: ArrayValue, dtype: string): ArrayValue {
  if (dtype !== 'float32' || theirs.dtype !== 'float64') return theirs;
  return { ...theirs, data: Float32Array.from(theirs.data as ArrayLike<number>) };
}

function figures(ours: Lane, theirs: Lane | undefined, withheld: string | undefined) {
  if (withheld !== undefined || theirs === undefined) return { withheld: withheld ?? 'it was not raced' };
  if (theirs.lost !== undefined) return { withheld: theirs.lost };
  const ratio = pairedRatio(ours.samples, theirs.samples);
  return { theirs: timing(theirs), ...(ratio ? { ratio } : { withheld: 'too few blocks' }) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
