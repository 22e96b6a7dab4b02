// Graph replays: arguments that do not fit a kernel's parameters, and scratch memory of side branches.
import { beforeAll, expect, test } from 'vitest';
import { readStatus } from '../../engine/backend/commands/status.js';
import { cuda, define, laid, openShim, pointwise, Storage } from './blocks.js';

beforeAll(openShim);

const inputs = 60;
const sizes = [2, 3, 2, 3, 2, 3, 2, 3, 2];
const count = sizes.reduce((a, b) => a * b);
const strides = sizes.map((_, d) => sizes.slice(d + 1).reduce((a, b) => a * b, 1));

/** The sum of 60 inputs over nine dims: their strides alone are more than 4000 bytes. */
function wideSum(): { run: () => void; ins: Storage[]; out: Storage } {
  const program = define({
    compute: 'float32',
    ins: Array.from({ length: inputs }, () => 'float32' as const),
    outs: ['float32'],
    instructions: Array.from(
      { length: inputs - 1 },
      (_, i) => ['add', i === 0 ? 0 : inputs + i - 1, i + 1] as const,
    ),
    results: [2 * inputs - 2],
  });
  const ins = Array.from({ length: inputs }, (_, i) =>
    new Storage('float32', 2 * count).fill((k) => (k % 7) + i),
  );
  const out = new Storage('float32', 2 * count).fill(() => 0);
  // Every second element, so that no run is dense; each operand alike.
  const apart = strides.map((stride) => 2 * stride);
  const write = pointwise(
    program,
    sizes,
    [out, ...ins].map((s) => laid(s, apart)),
  );
  return {
    ins,
    out,
    run: () => {
      write(({ storage }) => storage.device);
      cuda.pointwise();
      expect(readStatus()).toBe(0);
    },
  };
}
const write = (s: Storage): void => cuda.copyIn(s.device, s.host, 0, s.bytes);
const read = (s: Storage): number[] => {
  const copy = new ArrayBuffer(s.bytes);
  cuda.copyOut(s.device, copy, 0, s.bytes);
  return Array.from(new Float32Array(copy)).filter((_, i) => i % 2 === 0);
};
const wanted = (ins: readonly Storage[]): number[] =>
  Array.from({ length: count }, (_, i) => ins.reduce((sum, s) => sum + new Float32Array(s.host)[2 * i]!, 0));

test('arguments above 4000 bytes are those of the capture in every replay', () => {
  const [first, second] = [wideSum(), wideSum()];
  for (const s of [...first.ins, ...second.ins, first.out, second.out]) write(s);
  expect(inputs * sizes.length * 8).toBeGreaterThan(4000);
  const large = new Storage('float32', 5e6); // more than the staging memory of the host
  cuda.graphBegin();
  first.run();
  second.run(); // the same scratch memory, with other arguments
  const graph = cuda.graphEnd({});
  for (let round = 0; round < 3; round++) {
    for (const { ins } of [first, second])
      for (const [i, s] of ins.entries()) {
        s.fill((k) => ((k * (round + 1)) % 5) + i * round);
        write(s);
      }
    // Work of others between: what it put in memory must not reach the replay.
    const other = wideSum();
    for (const s of other.ins) write(s);
    other.run();
    write(large);
    cuda.graphLaunch(graph);
    expect(read(first.out)).toEqual(wanted(first.ins));
    expect(read(second.out)).toEqual(wanted(second.ins));
    expect(read(other.out)).toEqual(wanted(other.ins));
  }
  cuda.graphDestroy(graph);
});

test("a graph's memory that died in one branch is not another's", () => {
  const release = (address: number): void => cuda.release(address);
  cuda.graphBegin();
  const alone = cuda.allocate({}, 1024, true);
  release(alone);
  expect(cuda.allocate({}, 1024, true)).toBe(alone);
  cuda.graphDestroy(cuda.graphEnd({}));
  const side = cuda.streamCreate({});
  cuda.graphBegin();
  const first = cuda.allocate({}, 1024, true);
  release(first);
  expect(cuda.allocate({}, 1024, true)).not.toBe(first);
  cuda.graphDestroy(cuda.graphEnd({}));
  cuda.streamDestroy(side);
});
