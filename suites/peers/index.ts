// The peers suite: recorded calls on other JavaScript libraries, each in its own process. Their failures are reported
// and fail nothing; the control must pass everything.

import {
  type CaseResult,
  nothingToRun,
  type PeerEngine,
  type SuiteResult,
} from '../../reports/schema/index.js';
import { type Fixtures, openFixtures } from '../common/fixtures.js';
import { type RegisteredOp, registeredOps } from '../common/registry.js';
import { type Suite, type SuiteOptions, suiteResult } from '../common/suite.js';
import { peerCases } from './calls.js';
import { CONTROL, chosenPeers, type Peer, peersFolder } from './catalogue.js';
import { Survey } from './survey.js';

/** The peers suite. */
export const peersSuite: Suite = { name: 'peers', run: (options) => askPeers(options) };

/** How long one call may take. */
const CASE_MS = 10_000;

/** What may stand in for the registry, the fixtures and the peers: for tests. */
export interface PeerSources {
  readonly ops?: readonly RegisteredOp[];
  readonly fixtures?: Fixtures;
  readonly peers?: readonly Peer[];
  readonly folder?: string;
  readonly caseMs?: number;
}

/** Asks this engine and every peer that is installed. */
export async function askPeers(options: SuiteOptions, sources: PeerSources = {}): Promise<SuiteResult> {
  const started = performance.now();
  const fixtures = sources.fixtures ?? (await openFixtures(options.fixtures));
  const cases = peerCases(sources.ops ?? registeredOps(), fixtures, options.filter);
  if (cases.length === 0)
    throw nothingToRun(`no recorded call for peers matches the filter '${options.filter}'`);
  const peers = [CONTROL, ...(sources.peers ?? chosenPeers(options.peers))];
  const { folder = peersFolder(), caseMs = CASE_MS } = sources;
  const engines: PeerEngine[] = [];
  const results: CaseResult[] = [];
  for (const peer of peers) {
    if (options.signal.aborted) break;
    const began = performance.now();
    const survey = new Survey(peer, { cases, fixtures, folder, caseMs });
    const engine = await survey.run(options);
    engines.push(engine);
    results.push(caseOf(peer, engine, survey, (performance.now() - began) / 1000));
  }
  const { torch } = fixtures.manifest;
  return suiteResult('peers', results, (performance.now() - started) / 1000, {
    peers: { calls: cases.length, ops: new Set(cases.map(({ op }) => op)).size, engines },
    notes: [`recorded with PyTorch ${torch}`],
  });
}

/** The control must pass; of a peer it is only told whether it could be asked. */
function caseOf(peer: Peer, engine: PeerEngine, survey: Survey, seconds: number): CaseResult {
  const base = { id: `peers/${peer.name}`, suite: 'peers', seconds, compared: engine.compared } as const;
  if (engine.missing !== undefined) return { ...base, status: 'skip', reason: engine.missing };
  const short = survey.short;
  if (peer !== CONTROL || short.length === 0) return { ...base, status: 'pass' };
  const message = `asked as its peers are, this engine fails: ${short.slice(0, 3).join('; ')}`;
  return { ...base, status: 'fail', message };
}
