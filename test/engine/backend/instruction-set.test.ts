// TORCHSTONE_ISA: the names that it takes, and the error at load for others.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../support/root.js';

function loadedWith(name: string): { status: number | null; out: string } {
  const code = "import { backendInfo } from 'torchstone'; console.log(backendInfo().isa)";
  const run = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: ROOT,
    env: { ...process.env, TORCHSTONE_ISA: name },
    encoding: 'utf8',
  });
  return { status: run.status, out: `${run.stdout}${run.stderr}` };
}

describe('TORCHSTONE_ISA', () => {
  it.each(['baseline', 'sse4.2', 'sse4_2'])('%s takes the baseline', (name) => {
    const { status, out } = loadedWith(name);
    expect(out.trim()).toBe('baseline');
    expect(status).toBe(0);
  });
  it('names the valid ones where it is unknown', () => {
    const { status, out } = loadedWith('sse9');
    expect(status).not.toBe(0);
    expect(out).toContain(
      "TORCHSTONE_ISA: required one of baseline, avx2, avx512 (or sse4.2 for baseline), got 'sse9'",
    );
  });
});
