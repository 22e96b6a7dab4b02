// `npm start`: set-up, then every suite and the report. Flags after `--` go to `torchstone all`.
import { join } from 'node:path';
import { attached, ROOT, say, since } from './lib/steps.mjs';
import { setUp } from './setup.mjs';

const started = performance.now();
if (await setUp()) {
  const flags = process.argv.slice(2);
  const result = await attached(process.execPath, [join(ROOT, 'scripts', 'torchstone.mjs'), 'all', ...flags]);
  say(`Whole job: ${since(started)}`);
  process.exitCode = result.code;
} else {
  say('Set-up did not succeed; see above.');
  process.exitCode = 2;
}
