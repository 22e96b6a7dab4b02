// Cells E, G and M: the NumPy bridge, devices, timing a block.
import * as ts from 'torchstone';
import type { Cell } from './cell.js';
import { showTime, timeBlock } from './time.js';

/** Cell E: numpy() and fromNumpy() share memory, both ways. */
export const bridge: readonly Cell[] = [
  {
    id: 'E/shared',
    run(check) {
      const x = ts.ones(3, 2);
      const array = x.numpy();
      array.data[0] = 7;
      check.tensor('seenByTensor', x);
      x.setAt([2, 1], 9);
      check.near('the array element that the tensor wrote', Number(array.data[5]), 9);
      check.tensor('seenByArray', ts.fromNumpy(array));
      ts.fromNumpy(array).add_(0);
      check.tensor('seenByArray', x);
    },
  },
  {
    id: 'E/dtypes',
    run(check) {
      const data = Float64Array.from(check.recorded('double').data as ArrayLike<number>);
      const double = ts.fromNumpy({ data, shape: [2, 3], strides: [3, 1], dtype: 'float64' });
      check.tensor('double', double);
      double.setAt([1, 2], -1);
      check.near('the array element that the tensor wrote', data[5]!, -1);
      const whole = Int32Array.from([0, 1, 2, 3, 4, 5]);
      check.tensor(
        'transposed',
        ts.fromNumpy({ data: whole, shape: [3, 2], strides: [1, 3], dtype: 'int32' }),
      );
    },
  },
  {
    id: 'E/needs-grad',
    run(check) {
      check.error('needsGrad', () => ts.ones(2, { requiresGrad: true }).numpy(), /detach/);
    },
  },
];

/** Cell G, as far as it holds without a GPU: what is asked for is refused by name, never quietly put elsewhere. */
export const devices: readonly Cell[] = [
  {
    id: 'G/devices',
    run(check) {
      check.text('device', String(ts.device('cuda:0')), String(check.value('device')));
      check.text('cpu', String(ts.device('cpu')), String(check.value('cpu')));
      check.error('unknown', () => ts.device('gpu'), /gpu/);
      check.text('device of a tensor', String(ts.ones(3, 2, { device: 'cpu' }).device), 'cpu');
    },
  },
  {
    id: 'G/no-gpu',
    run(check) {
      const available = ts.cuda.isAvailable();
      check.holds('without a GPU deviceCount() is 0', available || ts.cuda.deviceCount() === 0);
      if (available) return;
      check.error('noGpu', () => ts.ones(3, 2, { device: 'cuda:0' }), /cuda/i);
      check.error('noGpu', () => ts.ones(3, 2).to('cuda:0'), /cuda/i);
    },
  },
  {
    id: 'G/mixed',
    run(check) {
      const here = ts.ones(3, 2, { device: 'cpu' });
      const elsewhere = ts.empty(3, 2, { device: 'meta' });
      check.error('mixed', () => here.add(elsewhere), /cpu.*meta|meta.*cpu/);
    },
  },
];

/** Cell M: user, sys and wall time of a block. */
export const timing: readonly Cell[] = [
  {
    id: 'M/time',
    run(check, context) {
      const block = timeBlock(() => {
        const until = performance.now() + 20;
        let turns = 0;
        while (performance.now() < until) turns += 1;
        return turns;
      });
      check.holds('the block ran', block.result > 0);
      check.holds('20 ms of work take 20 ms of wall time or more', block.wall >= 20);
      check.holds('total is user and sys', Math.abs(block.total - block.user - block.sys) < 1e-9);
      check.holds('work costs processor time', block.total > 0);
      check.holds(
        'it prints as %%time does',
        /^CPU times: user [\d.]+ .?s, sys: [\d.]+ .?s, total: [\d.]+ .?s\nWall time: [\d.]+ .?s$/.test(
          String(block),
        ),
      );
      const curve: [number, number][] = [16, 64, 256].map((size) => {
        const x = ts.ones(size, size);
        return [size, timeBlock(() => x.matmul(x)).wall];
      });
      context.series({ id: 'M/matmul', label: 'matmul n × n, one call', x: 'n', y: 'ms', points: curve });
    },
  },
  {
    id: 'M/units',
    run(check) {
      check.text('152 ms', showTime(152.3), '152 ms');
      check.text('21.4 s', showTime(21_400), '21.4 s');
      check.text('1min 42s', showTime(102_000), '1min 42s');
      check.text('4min 11s', showTime(251_000), '4min 11s');
      check.text('33.3 µs', showTime(0.0333), '33.3 µs');
    },
  },
];
