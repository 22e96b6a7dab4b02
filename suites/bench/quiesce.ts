// Waits after a side's batch until its process is quiet.
import { setTimeout as sleep } from 'node:timers/promises';

const SETTLE_TURNS = 40;
const SETTLED_US = 300;

/**
 * Waits until this process is quiet, as the reference does on its side: OpenMP's threads spin for up to 20 ms after their last
 * loop, on a processor that the other side's block needs.
 */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) {
    const before = process.cpuUsage();
    await sleep(1);
    const { user, system } = process.cpuUsage(before);
    if (user + system < SETTLED_US) return;
  }
}
