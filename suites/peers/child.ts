// Child process of one peer library: opens its adapter, answers recorded calls, runs timed batches.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { settle } from '../bench/quiesce.js';
import { loopOf } from '../bench/race.js';
import type { ArrayValue } from '../common/compare.js';
import { answerRequests } from '../runner/forked.js';
import { Call, type Foreign, Unsupported } from './call.js';
import type { Packages, PeerEngine, PeerModule } from './engine.js';
import { denseArray } from './inputs.js';
import type { Answer, PeerCall, PeerRequest, PeerTraining } from './protocol.js';

/** The peer's own state is lost: this process cannot go on. */
class Broken extends Error {
  override readonly name = 'Broken';
}

let engine: PeerEngine | undefined;
let block: ((iterations: number) => number | Promise<number>) | undefined;

async function answer(request: PeerRequest): Promise<object> {
  switch (request.cmd) {
    case 'open': {
      const packages = (await import(pathToFileURL(join(request.folder, 'load.mjs')).href)) as Packages;
      const { openPeer } = (await import(request.adapter)) as PeerModule;
      engine = await openPeer(packages, request.option);
      const { dtypes, ops, gradient, training } = engine;
      return {
        dtypes,
        ops: Object.keys(ops),
        differentiates: gradient !== undefined,
        trains: training !== undefined,
      };
    }
    case 'ask':
      return { answer: attempt(() => outputs(request.call).map((one) => engine!.output(one))) };
    case 'differentiate':
      return { answer: attempt(() => gradients(request.call)) };
    case 'prepare':
      return prepare(request.call);
    case 'train':
      return train(request.training);
    case 'run': {
      const before = process.resourceUsage().involuntaryContextSwitches;
      const ns = await block!(request.iterations);
      const preempted = process.resourceUsage().involuntaryContextSwitches - before;
      await settle();
      return { ns, preempted };
    }
  }
}

/** What the peer gives, or why it gives nothing. */
function attempt(give: () => readonly (ArrayValue | null)[]): Answer {
  try {
    return { values: engine!.scope ? engine!.scope(give) : give() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const first = text.split('\n')[0]!.slice(0, 200);
    if (error instanceof Unsupported) return { unsupported: first };
    // A trap of WebAssembly leaves its memory as it was in the middle of a call: nothing after it could be trusted.
    if (error instanceof Error && error.name === 'RuntimeError') throw new Broken(first);
    return { threw: first };
  }
}

function gradients(recorded: PeerCall): readonly (ArrayValue | null)[] {
  const { inputs, weight } = recorded.gradient!;
  const tensors = recorded.tensors.map((one) => engine!.input(denseArray(one)));
  const run = (given: readonly Foreign[]): Foreign => {
    const all = [...tensors];
    inputs.forEach((k, at) => {
      all[k] = given[at];
    });
    return outputs(recorded, all)[0];
  };
  const leaves = inputs.map((k) => tensors[k]);
  const found = engine!.gradient!(run, leaves, engine!.input(denseArray(weight)));
  return found.map((one) => (one === null ? null : engine!.output(one)));
}

function outputs(recorded: PeerCall, tensors?: readonly Foreign[]): readonly Foreign[] {
  const { call, run } = bound(recorded, tensors);
  const result = run();
  const ignored = call.unread();
  if (ignored.length > 0) throw new Unsupported(`it has no parameter ${ignored.join(', ')}`);
  return Array.isArray(result) ? result : [result];
}

function bound(
  recorded: PeerCall,
  tensors: readonly Foreign[] = recorded.tensors.map((one) => engine!.input(denseArray(one))),
): { call: Call; run: () => Foreign | readonly Foreign[] } {
  const op = engine!.ops[recorded.op];
  if (op === undefined) throw new Unsupported(`it has no ${recorded.op}`);
  const shapes = recorded.tensors.map((one) => one.shape);
  const call = new Call(recorded.parameters, tensors, shapes, engine!.take?.bind(engine));
  return { call, run: () => op(call) };
}

/** Makes a call ready to be timed; answers with its result. */
function prepare(recorded: PeerCall): { output: ArrayValue } {
  const { call, run } = bound(recorded);
  const { calls } = engine!;
  calls.reset();
  const result = run();
  const ignored = call.unread();
  if (ignored.length > 0) throw new Unsupported(`it has no parameter ${ignored.join(', ')}`);
  const { last, count } = calls;
  const alone = last !== undefined && count === 1 && last.result === result && !engine!.take;
  const first = Array.isArray(result) ? (result as readonly Foreign[])[0] : result;
  const output = engine!.output(first);
  timed(alone ? direct(last.call, last.args) : run);
  return { output };
}

function timed(run: () => Foreign | readonly Foreign[]): void {
  block = loop(engine!.step?.(run) ?? run);
}

/** A lazy engine's step is a promise, which the loop waits for. */
function loop(step: () => unknown): (iterations: number) => number | Promise<number> {
  const first = step();
  if (!(first instanceof Promise)) return loopOf(step);
  return async (iterations) => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < iterations; i += 1) await step();
    return Number(process.hrtime.bigint() - start);
  };
}

/** The call of the peer alone, without the adapter in the timed path. */
function direct(call: (...args: readonly unknown[]) => Foreign, args: readonly unknown[]): () => Foreign {
  const [a, b, c] = args;
  switch (args.length) {
    case 1:
      return () => call(a);
    case 2:
      return () => call(a, b);
    case 3:
      return () => call(a, b, c);
    default:
      return () => call(...args);
  }
}

/** The training step: its result after one step, then ready to be timed. */
async function train({ x, rate }: PeerTraining): Promise<{ output: ArrayValue }> {
  const { training, input } = engine!;
  if (training === undefined) throw new Unsupported('it does not differentiate');
  const start = () => training.call(engine, input.call(engine, denseArray(x)), rate);
  const once = start();
  await once.step();
  const output = once.state();
  const many = start();
  block = loop(() => many.step());
  return { output };
}

answerRequests<PeerRequest>((request) =>
  answer(request).catch((error: unknown) => {
    if (error instanceof Broken) process.stderr.write(error.message, () => process.exit(1));
    throw error;
  }),
);
