// Asks one library every recorded call that it has the operation and dtypes for, and counts the outcomes.
import { setImmediate } from 'node:timers/promises';
import type { PeerEngine, PeerOp, PeerTally } from '../../reports/schema/index.js';
import type { Fixtures } from '../common/fixtures.js';
import type { SuiteOptions } from '../common/suite.js';
import { type PeerCase, recordedCall } from './calls.js';
import { installed, type Peer } from './catalogue.js';
import { type Judgement, judgeGradients, judgeValues } from './judge.js';
import { PeerProcess } from './process.js';
import type { Opened } from './protocol.js';

const emptyTally = (): PeerTally => ({ passed: 0, wrong: 0, unsupported: 0, threw: 0, crashed: 0 });

/** What a survey is made of. */
export interface SurveySources {
  readonly cases: readonly PeerCase[];
  readonly fixtures: Fixtures;
  /** Where the peers' packages are. */
  readonly folder: string;
  /** How long one call may take. */
  readonly caseMs: number;
}

/** All calls of one engine. */
export class Survey {
  readonly #peer: Peer;
  readonly #cases: readonly PeerCase[];
  readonly #fixtures: Fixtures;
  readonly #folder: string;
  readonly #caseMs: number;
  readonly #ops = new Map<string, PeerOp>();
  readonly #values = emptyTally();
  readonly #gradients = emptyTally();
  readonly #float32 = emptyTally();
  /** Calls that did not pass, and why. */
  readonly short: string[] = [];
  #zeroSign = 0;
  #compared = 0;

  constructor(peer: Peer, { cases, fixtures, folder, caseMs }: SurveySources) {
    this.#peer = peer;
    this.#cases = cases;
    this.#fixtures = fixtures;
    this.#folder = folder;
    this.#caseMs = caseMs;
  }

  async run({ signal, progress, verbose }: SuiteOptions): Promise<PeerEngine> {
    const found = installed(this.#peer, this.#folder);
    if ('missing' in found) {
      progress.note(`${this.#peer.name}: ${found.missing}`);
      return this.#engine(found);
    }
    const process = new PeerProcess(this.#peer, this.#folder, this.#caseMs);
    try {
      const opened = await process.open();
      const mine = this.#cases.filter((one) => isFor(one, opened));
      progress.begin(`peers: ${this.#peer.name}`, mine.length);
      for (const one of mine) {
        if (signal.aborted) break;
        progress.step(one.id, await this.#ask(one, process, opened.differentiates));
        // Ctrl-C is only heard between turns.
        await setImmediate();
      }
      progress.end();
      if (verbose) for (const one of this.short) progress.note(`${this.#peer.name}: ${one}`);
      return this.#engine(found, opened);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return this.#engine({ ...found, missing: `it does not load: ${why}` });
    } finally {
      process.close();
    }
  }

  /** Whether the call failed. */
  async #ask(one: PeerCase, process: PeerProcess, differentiates: boolean): Promise<boolean> {
    const call = recordedCall(one, this.#fixtures);
    const values = judgeValues(one, this.#fixtures, await process.ask(call));
    const leaves = differentiates && isGiven(values) ? call.gradient?.inputs : undefined;
    const gradients =
      leaves && judgeGradients(one, this.#fixtures, leaves, await process.differentiate(call));
    if (values.zeroSign) this.#zeroSign += 1;
    this.#note(one, values, gradients);
    return [values, gradients].some((each) => each && !['passed', 'unsupported'].includes(each.outcome));
  }

  #note(one: PeerCase, values: Judgement, gradients: Judgement | undefined): void {
    const op = this.#ops.get(one.op) ?? { op: one.op, values: emptyTally() };
    this.#ops.set(one.op, op);
    op.values[values.outcome] += 1;
    this.#values[values.outcome] += 1;
    if (one.dtypes.every((dtype) => dtype === 'float32')) this.#float32[values.outcome] += 1;
    if (gradients) {
      op.gradients ??= emptyTally();
      op.gradients[gradients.outcome] += 1;
      this.#gradients[gradients.outcome] += 1;
    }
    for (const each of [values, gradients]) {
      this.#compared += each?.compared ?? 0;
      if (each?.message === undefined) continue;
      this.short.push(`${one.id}: ${each.message}`);
      if (each.outcome !== 'unsupported') op.first ??= `${one.id}: ${each.message}`;
    }
  }

  #engine(found: Found, opened?: Opened): PeerEngine {
    return {
      ...unasked(this.#peer, found, opened),
      values: this.#values,
      gradients: this.#gradients,
      float32: this.#float32,
      zeroSign: this.#zeroSign,
      compared: this.#compared,
      ops: [...this.#ops.values()],
    };
  }
}

/** The installed version, or why there is none. */
type Found = Pick<PeerEngine, 'version' | 'missing'>;

/** A peer of whom nothing was asked. */
export function unasked(peer: Peer, found: Found, opened?: Opened): PeerEngine {
  return {
    name: peer.name,
    title: peer.title,
    package: peer.package ?? 'torchstone',
    ...(peer.remark === undefined ? {} : { remark: peer.remark }),
    ...found,
    dtypes: [...(opened?.dtypes ?? [])],
    differentiates: opened?.differentiates ?? false,
    values: emptyTally(),
    gradients: emptyTally(),
    float32: emptyTally(),
    zeroSign: 0,
    compared: 0,
    ops: [],
  };
}

/** There is a result whose gradient can be asked for. */
function isGiven({ outcome }: Judgement): boolean {
  return outcome === 'passed' || outcome === 'wrong';
}

/** The peer has the operation, for these dtypes. */
function isFor({ op, dtypes }: PeerCase, opened: Opened): boolean {
  return opened.ops.includes(op) && dtypes.every((dtype) => opened.dtypes.includes(dtype));
}
