// Child process of T2's memory figure: how far its resident memory rises after loading the engine.
import { readFileSync, writeFileSync } from 'node:fs';
import * as engine from 'torchstone';

function resident(field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  if (!found) throw new Error(`the system does not tell ${field}`);
  return Number(found[1]) * 1024;
}

const [rows, columns, rounds] = process.argv.slice(2).map(Number) as [number, number, number];
try {
  // The peak so far is that of the start.
  writeFileSync('/proc/self/clear_refs', '5');
  const before = resident('VmRSS');
  // A step is a function, as in the reference and in every row. In the loop's own frame V8's interpreter keeps the last value of each
  // register alive, here one operand of the step before: 168 MB instead of 126.
  const step = (): unknown => engine.randn([rows, columns]).add(engine.randn([rows, columns]));
  for (let round = 0; round < rounds; round += 1) step();
  process.send?.({ bytes: resident('VmHWM') - before });
} catch (error) {
  process.send?.({ bytes: 0, error: error instanceof Error ? error.message : String(error) });
}
process.disconnect?.();
