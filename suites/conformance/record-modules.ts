// Recording of module_db: `npx tsx suites/conformance/record-modules.ts [PYTHON]` writes fixtures/modules/module-db.json.br.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'module-db-'));
const recorded = join(folder, 'module-db.json');
// Two samples of each module, dtype and mode keep the file small; a form that differs comes first.
execFileSync(
  process.argv[2] ?? local('../../.venv/bin/python'),
  [local('../reference/moddb.py'), recorded, '--most=2'],
  {
    stdio: 'inherit',
  },
);
const params = { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_LGWIN]: 24 };
writeFileSync(
  local('../../fixtures/modules/module-db.json.br'),
  brotliCompressSync(readFileSync(recorded), { params }),
);
rmSync(folder, { recursive: true });
