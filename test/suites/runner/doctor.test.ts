// The doctor on timings, with a made-up kernel state, and on devices that are or are not there.
import { describe, expect, it } from 'vitest';
import type { Mark } from '../../../reports/schema/index.js';
import type { Lane } from '../../../suites/bench/race.js';
import { gpuText } from '../../../suites/runner/doctor.js';
import {
  accuracyOf,
  frequencyFinding,
  loadFinding,
  quotaFinding,
  timingFindings,
} from '../../../suites/runner/doctor-timing.js';
import { machineFacts } from '../../../suites/runner/machine.js';

const kernel = (files: Record<string, string>) => ({ read: (path: string) => files[path] ?? '' });
const CLOCK = '/sys/devices/system/cpu/cpu0/cpufreq';

describe('the doctor', () => {
  it('tells a governor that changes the clock rate, and how to hold it', () => {
    const files = (governor: string) =>
      kernel({
        [`${CLOCK}/scaling_governor`]: `${governor}\n`,
        [`${CLOCK}/scaling_cur_freq`]: '1800000',
        [`${CLOCK}/scaling_min_freq`]: '800000',
        [`${CLOCK}/scaling_max_freq`]: '4200000',
      });
    expect(frequencyFinding(files('powersave'))).toMatchObject({
      state: 'warning',
      text: 'governor powersave, 1.80 GHz now, 0.80 to 4.20',
      advice: expect.stringContaining('performance'),
    });
    expect(frequencyFinding(files('performance')).state).toBe('good');
    const guest = kernel({ '/proc/cpuinfo': 'flags\t\t: fpu hypervisor avx2\n' });
    expect(frequencyFinding(guest).text).toContain('virtual machine');
  });

  it.each([
    ['/sys/fs/cgroup/cpu.max', '150000 100000', 'warning', '1.50 of 4 processors, held back 7 times so far'],
    ['/sys/fs/cgroup/cpu.max', '800000 100000', 'good', '8.00 of 4 processors, held back 7 times so far'],
    ['/sys/fs/cgroup/cpu.max', 'max 100000', 'good', 'none: every processor may be used'],
  ])('reads a quota from %s: %s', (path, text, state, said) => {
    const found = quotaFinding(
      { cores: 4 },
      kernel({ [path]: text, '/sys/fs/cgroup/cpu.stat': 'nr_throttled 7' }),
    );
    expect(found).toMatchObject({ state, text: said });
  });

  it('reads the older control groups too', () => {
    const folder = '/sys/fs/cgroup/cpu';
    const old = (quota: string) =>
      kernel({ [`${folder}/cpu.cfs_quota_us`]: quota, [`${folder}/cpu.cfs_period_us`]: '100000' });
    expect(quotaFinding({ cores: 2 }, old('50000')).text).toContain('0.50 of 2');
    expect(quotaFinding({ cores: 2 }, old('-1')).state).toBe('good');
  });

  it('goes by programs that wait, where the kernel counts them', () => {
    const pressed = (share: string) =>
      loadFinding({ cores: 1e6 }, kernel({ '/proc/pressure/cpu': `some avg10=${share} avg60=1.0\n` }));
    expect(pressed('89.55')).toMatchObject({ state: 'warning', text: expect.stringContaining('in 90 %') });
    expect(pressed('0.00').state).toBe('good');
  });

  it('says from which difference on a race tells, and what hit its blocks', () => {
    const lane = (scatter: number, by: Mark[]): Lane => ({
      name: 'a',
      iterations: 1000,
      samples: Array.from({ length: 60 }, (_, i) => 500 * (1 + scatter * Math.sin(7 * i + by.length))),
      atMs: [],
      marks: Array.from({ length: 60 }, (_, i) => (i % 4 === 0 ? by : [])),
    });
    const quiet = accuracyOf(lane(0.001, []), lane(0.001, []), 0);
    expect(quiet).toMatchObject({ topic: 'accuracy', state: 'good' });
    const noisy = accuracyOf(lane(0.4, ['preempted']), lane(0.4, []), 3);
    expect(noisy.state).toBe('warning');
    expect(noisy.text).toContain('13 % of the blocks lost their processor');
    expect(noisy.text).toContain('the host took 3 ticks');
  });

  it('tells everything on this machine without falling over', async () => {
    const found = await timingFindings(await machineFacts());
    expect(found.map((one) => one.topic)).toEqual(['timer', 'load', 'clock rate', 'quota', 'accuracy']);
  });

  it('names the card, or where its libraries were looked for', () => {
    const none = {
      available: false,
      reason: 'no driver',
      devices: [],
      driver: null,
      nvrtc: null,
      cublas: null,
    };
    const looked = [{ library: 'libcuda.so.1', path: '/usr/lib', result: 'no such file' }];
    expect(gpuText({ ...none, looked }).text).toBe(
      'none: no driver (looked for libcuda.so.1 at /usr/lib: no such file)',
    );
    const card = { name: 'Some Card', major: 9, minor: 0, memory: 80 * 2 ** 30, multiprocessors: 1 };
    const there = { ...none, available: true, devices: [card], driver: '13.0', looked };
    expect(gpuText(there).text).toBe(
      'Some Card (sm_90, 80 GiB); driver 13.0, NVRTC not found, cuBLAS not found',
    );
  });
});
