// Unit tests read the TypeScript sources, packages of this repository too; forks, because native state must not be shared
// between test files.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^torchstone$/, replacement: source('engine/index.ts') },
      { find: /^torchstone\/internals$/, replacement: source('engine/internals.ts') },
      { find: /^(torchstone|@torchstone\/harness)\/vitest$/, replacement: source('suites/vitest.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Vitest leaves one processor free, which is half of a small machine; many tests wait for processes of their own.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
