// The process of one engine in a race of builds: prepares a row, runs blocks of it, and answers with times. It decides nothing.
import { manualSeed } from '../../engine/index.js';
import { answerRequests } from '../forked.js';
import { cpuRows, type Mode } from './cpu-rows.js';
import { BenchInputs } from './inputs.js';
import { notebookRows } from './notebook-rows.js';
import type { Prepared, RowPlan } from './plan.js';
import { loopOf, settle } from './race.js';
import { sweepRows } from './sweep.js';

interface Request {
  readonly cmd: 'list' | 'prepare' | 'run' | 'drop';
  readonly row?: string;
  readonly seed?: number;
  readonly iterations?: number;
}

const mode: Mode = process.env.TORCHSTONE_BENCH_MODE === 'quick' ? 'quick' : 'usual';
/** A slowdown put in on purpose, to see whether the bench notices: so many calls are made where one is counted. */
const plant = Number(process.env.TORCHSTONE_BENCH_PLANT ?? 1);
const plans = new Map<string, RowPlan>();
let prepared: Prepared | undefined;
let loop: ((n: number) => number) | undefined;

function rows(): Map<string, RowPlan> {
  if (plans.size === 0)
    for (const plan of [
      ...notebookRows(false, mode === 'quick'),
      ...sweepRows(mode === 'quick'),
      ...cpuRows(mode),
    ])
      if (plan.unavailable === undefined) plans.set(plan.id, plan);
  return plans;
}

async function answer({ cmd, row = '', seed = 0, iterations = 1 }: Request): Promise<object> {
  switch (cmd) {
    case 'list':
      return { rows: [...rows().keys()] };
    case 'prepare': {
      const plan = rows().get(row);
      if (plan === undefined) throw new Error(`this build has no row ${row}`);
      manualSeed(seed);
      prepared = plan.prepare(new BenchInputs(seed, plan.id, undefined));
      loop = loopOf(prepared.step);
      const output = prepared.output?.();
      return output === undefined ? {} : { output };
    }
    case 'run': {
      const ns = loop!(Math.max(1, Math.round(iterations * plant)));
      await settle();
      return { ns };
    }
    case 'drop':
      prepared = undefined;
      loop = undefined;
      return {};
  }
}

answerRequests<Request>(answer);
