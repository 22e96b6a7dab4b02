// Our declarations of CUDA are NVIDIA's, where a Python environment or a toolkit has its headers: the compiler checks
// headers.cc.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { pythonFolders } from '../../engine/backend/cuda/index.js';

const SOURCE = fileURLToPath(new URL('headers.cc', import.meta.url));
const NATIVE = fileURLToPath(new URL('../../native', import.meta.url));

const folders = [...pythonFolders().map((lib) => join(lib, '..')), '/usr/local/cuda']
  .flatMap((root) => [join(root, 'include'), join(root, 'include', 'cccl')])
  .filter((folder) => existsSync(folder));
const has = (header: string): boolean => folders.some((folder) => existsSync(join(folder, header)));
const found = has('cuda.h') && has('nvrtc.h');
const blas = has('cublas_api.h') && has('nv/target') ? ['-DHEADERS_CUBLAS'] : [];

function compile(...flags: string[]): string {
  const words = ['-std=c++20', '-fsyntax-only', '-I', NATIVE, ...folders.flatMap((folder) => ['-I', folder])];
  const { stderr, status, error } = spawnSync('g++', [...words, ...blas, ...flags, SOURCE], {
    encoding: 'utf8',
  });
  return error?.message ?? (status === 0 ? '' : stderr);
}

test.skipIf(!found)('every function, flag and error that we declare is the one in the headers', () => {
  expect(compile()).toBe('');
});

test.skipIf(!found)('one that is not stops it', () => {
  expect(compile('-DCU_EVENT_DISABLE_TIMING=CU_EVENT_BLOCKING_SYNC')).toMatch(/kEventUntimed is not/);
});
