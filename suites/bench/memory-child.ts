// Child process of a memory figure: runs one loop, watches its resident memory, answers and ends.
import * as engine from 'torchstone';
import { placeRun } from '../runner/device.js';
import { trainingStep } from './notebook-rows.js';

const WARM_STEPS = 1_000;
const WATCH_EVERY = 100;

/** The memory that tensors of this run take: what the pool holds of a card's, else all that is resident. */
function taken(): number {
  const onCard = engine.getDefaultDevice().type === 'cuda';
  return onCard ? engine.cuda.memoryReserved() : process.memoryUsage.rss();
}

/** The greatest growth of memory over that after the first 1,000 steps. One synchronous loop: no finalizer runs. */
function steps(count: number): number {
  const step = trainingStep();
  let after = 0;
  let most = 0;
  for (let i = 1; i <= count; i += 1) {
    step();
    if (i === WARM_STEPS) after = taken();
    else if (i > WARM_STEPS && i % WATCH_EVERY === 0) most = Math.max(most, taken() - after);
  }
  return most;
}

/** The peak of resident memory, as the system counted it. */
function additions(count: number): number {
  const [x, y] = [engine.rand([10_000_000]), engine.rand([10_000_000])];
  let last = x;
  for (let i = 0; i < count; i += 1) last = x.add(y);
  // Read at the end, so that no result could have been left out.
  last.at(0).item();
  return process.resourceUsage().maxRSS * 1024;
}

placeRun();
const [task, turns] = process.argv.slice(2);
try {
  const bytes = task === 'steps' ? steps(Number(turns)) : additions(Number(turns));
  process.send?.({ bytes });
} catch (error) {
  process.send?.({ bytes: 0, error: error instanceof Error ? error.message : String(error) });
}
process.disconnect?.();
