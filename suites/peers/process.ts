// Parent side of one peer's process; restarts it after a crash, within a limit.
import { entryPoint } from '../bench/fork.js';
import type { BlockTime } from '../bench/race.js';
import type { ArrayValue } from '../common/compare.js';
import { Forked, ProcessEnded } from '../runner/forked.js';
import type { Peer } from './catalogue.js';
import type { Answer, Opened, PeerCall, PeerRequest, PeerTraining } from './protocol.js';

const OPEN_MS = 60_000;
/** After so many deaths something is wrong with more than a case. */
const MOST_STARTS = 100;

/** A peer's process, whichever it is by now. */
export class PeerProcess {
  readonly peer: Peer;
  readonly #folder: string;
  readonly #answerMs: number;
  #process: Forked | undefined;
  #starts = 0;

  constructor(peer: Peer, folder: string, answerMs: number) {
    this.peer = peer;
    this.#folder = folder;
    this.#answerMs = answerMs;
  }

  /** What the peer is. @throws when it does not load. */
  async open(): Promise<Opened> {
    return (await this.#start()) as unknown as Opened;
  }

  /** One call; a process that dies of it, or does not answer in time, is told as `crashed`. */
  ask(call: PeerCall): Promise<Answer> {
    return this.#survive({ cmd: 'ask', call });
  }

  /** The gradients of a call, in the same way. */
  differentiate(call: PeerCall): Promise<Answer> {
    return this.#survive({ cmd: 'differentiate', call });
  }

  /** Makes a call ready to be timed; its result. */
  async prepare(call: PeerCall): Promise<ArrayValue> {
    return (await this.#request({ cmd: 'prepare', call })).output as ArrayValue;
  }

  /** Makes the training step ready; its result after one step. */
  async train(training: PeerTraining): Promise<ArrayValue> {
    return (await this.#request({ cmd: 'train', training })).output as ArrayValue;
  }

  /** Runs a block of what was made ready; its time as measured there. */
  async run(iterations: number): Promise<BlockTime> {
    const { ns, preempted } = await this.#request({ cmd: 'run', iterations });
    return { ns: Number(ns), marks: Number(preempted) > 0 ? ['preempted'] : [] };
  }

  close(): void {
    this.#process?.close();
  }

  async #survive(request: PeerRequest): Promise<Answer> {
    try {
      return (await this.#request(request)).answer as Answer;
    } catch (error) {
      const crashed = error instanceof Error ? error.message : String(error);
      // A process that says that it cannot go on is given no more calls.
      if (!(error instanceof ProcessEnded)) this.#process?.close();
      return { crashed };
    }
  }

  async #request(request: PeerRequest): Promise<Record<string, unknown>> {
    if (this.#process === undefined || this.#process.dead !== undefined) await this.#start();
    return this.#process!.request({ ...request }, this.#answerMs);
  }

  async #start(): Promise<Record<string, unknown>> {
    if (this.#starts >= MOST_STARTS)
      throw new ProcessEnded(`${this.peer.name} was started ${MOST_STARTS} times: ${this.#process?.dead}`);
    this.#starts += 1;
    this.#process = new Forked({
      label: this.peer.name,
      ...entryPoint('../peers/child'),
      answerMs: this.#answerMs,
    });
    const { adapter, option } = this.peer;
    const open: PeerRequest = { cmd: 'open', adapter, folder: this.#folder, ...(option ? { option } : {}) };
    return this.#process.request({ ...open }, OPEN_MS);
  }
}
