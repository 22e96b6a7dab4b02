// Child process of one group of rows: prepares them and runs batches on request.

import { placeRun } from '../runner/device.js';
import { answerRequests } from '../runner/forked.js';
import { cpuRows, type Mode } from './cpu-rows.js';
import { cudaRows } from './cuda-rows.js';
import type { EngineRequest } from './engine-process.js';
import { EngineRow } from './engine-row.js';
import { notebookRows } from './notebook-rows.js';
import type { RowPlan } from './plan.js';
import { sweepRows } from './sweep.js';

const mode = process.argv[2] as Mode;
const plans = new Map<string, RowPlan>();

function find(row: string): RowPlan {
  if (plans.size === 0)
    for (const plan of [
      ...notebookRows(mode === 'full', mode === 'quick'),
      ...sweepRows(mode === 'quick'),
      ...cpuRows(mode),
      ...cudaRows(mode),
    ])
      plans.set(plan.id, plan);
  const plan = plans.get(row);
  if (plan === undefined) throw new Error(`there is no row ${row}`);
  return plan;
}

placeRun();
const engine = new EngineRow(find);

async function answer(request: EngineRequest): Promise<object> {
  switch (request.cmd) {
    case 'prepare':
      return engine.prepare(request);
    case 'compare':
      return engine.compare(request.file);
    case 'warm':
      await engine.warm(request.ms);
      return {};
    case 'run':
      return engine.run(request.iterations);
    case 'launch':
      return engine.launch();
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1000 };
    }
  }
}

answerRequests<EngineRequest>(answer);
