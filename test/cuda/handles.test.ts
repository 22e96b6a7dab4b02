// Lifetimes of streams, events and graphs on the host fake, which counts them; and blocking calls that name the failed
// product.
import { beforeAll, describe, expect, test } from 'vitest';
import { commandWords } from '../../engine/backend/commands/cursor.js';
import { encodeGemm } from '../../engine/backend/commands/gemm.js';
import { collectGarbage } from '../../engine/core/storage.js';
import * as torch from '../../engine/index.js';
import { cache, child, outOf, shim } from './child.js';

const { cuda } = torch;
beforeAll(() => {
  process.env.TORCHSTONE_CUDA_PATH = shim;
  process.env.TORCHSTONE_CUDA_CACHE = cache;
  expect(cuda.reason()).toBe('');
  torch.zeros([1], { device: 'cuda' });
});

/** Runs `body` where the device can hold so many streams, events and graphs at once. */
function within(handles: number, body: () => void): void {
  cuda.emptyCache(); // earlier tests' too
  process.env.TORCHSTONE_SHIM_HANDLES = String(handles);
  try {
    body();
  } finally {
    delete process.env.TORCHSTONE_SHIM_HANDLES;
  }
}

describe('what nobody holds is given back', () => {
  test('events', () => {
    within(4000, () => {
      for (let i = 0; i < 20_000; i++) new cuda.Event().record();
    });
  });
  test('streams', () => {
    within(300, () => {
      for (let i = 0; i < 600; i++) cuda.stream(new cuda.Stream(), () => torch.ones([4], { device: 'cuda' }));
    });
  });
  test('graphs, and their memory', () => {
    const x = torch.ones([1 << 12], { device: 'cuda' });
    const capture = (): void => {
      const graph = cuda.graph(() => x.mul(2).add(1).sum());
      expect(graph.replay().item()).toBe(3 * (1 << 12));
    };
    capture();
    const reserved = cuda.memoryReserved();
    within(40, () => {
      for (let i = 0; i < 60; i++) capture();
    });
    cuda.emptyCache();
    expect(cuda.memoryReserved()).toBeLessThanOrEqual(reserved);
  });
  test('but not what somebody holds', () => {
    const x = torch.ones([4], { device: 'cuda' });
    const { replay } = cuda.graph(() => x.add_(1));
    const [stream, event] = [new cuda.Stream(), new cuda.Event()];
    for (let i = 0; i < 200; i++) new cuda.Event();
    for (let i = 0; i < 70; i++) new cuda.Stream();
    collectGarbage('major');
    new cuda.Event();
    expect(replay().tolist()).toEqual([2, 2, 2, 2]);
    cuda.stream(stream, () => event.record());
    event.synchronize();
    expect([stream.query(), event.query()]).toEqual([true, true]);
  });
  test('a result outlives its graph', () => {
    const x = torch.ones([4], { device: 'cuda' });
    const result = ((): torch.Tensor => cuda.graph(() => x.mul(3)).replay())();
    collectGarbage('major');
    cuda.emptyCache();
    torch.full([4], 7, { device: 'cuda' });
    expect(result.tolist()).toEqual([3, 3, 3, 3]);
  });
});

describe('dispose', () => {
  test('gives back at once, and what was given back says so', () => {
    const x = torch.ones([4], { device: 'cuda' });
    within(200, () => {
      for (let i = 0; i < 1000; i++) {
        new cuda.Event().dispose();
        if (i % 20 === 0) {
          new cuda.Stream().dispose();
          cuda.graph(() => x.add_(1)).dispose();
        }
      }
    });
    const [stream, event, graph] = [new cuda.Stream(), new cuda.Event(), cuda.graph(() => x.mul(2))];
    for (const it of [stream, event, graph]) {
      it.dispose();
      it.dispose();
    }
    for (const use of [
      () => stream.query(),
      () => cuda.stream(stream, () => null),
      () => new cuda.Event().record(stream),
      () => event.record(),
      () => new cuda.Stream().waitEvent(event),
      () => graph.replay(),
    ]) {
      expect(use).toThrow(torch.RuntimeError);
      expect(use).toThrow(/disposed/);
    }
  });
  test('a stream in use is refused, and lives on', () => {
    const [outer, inner] = [new cuda.Stream(), new cuda.Stream()];
    cuda.stream(outer, () =>
      cuda.stream(inner, () => {
        expect(() => outer.dispose()).toThrow(/not in use/);
        expect(() => inner.dispose()).toThrow(/not in use/);
      }),
    );
    expect(outer.query()).toBe(true);
    outer.dispose();
    inner.dispose();
  });
  test('within a capture it is put off to its end', () => {
    const x = torch.ones([4], { device: 'cuda' });
    const graph = cuda.graph(() => {
      const [side, fork, join] = [new cuda.Stream(), new cuda.Event(), new cuda.Event()];
      fork.record();
      side.waitEvent(fork);
      cuda.stream(side, () => {
        x.add_(1);
        join.record();
      });
      const mine = new cuda.Stream();
      mine.waitEvent(join);
      for (const it of [side, fork, join, mine]) it.dispose();
      collectGarbage('major');
      new cuda.Event();
    });
    graph.replay();
    graph.replay();
    expect(x.tolist()).toEqual([3, 3, 3, 3]);
  });
});

/** float32 matrices of 2 × 2 at addresses that a child knows by a name. */
const productOf = (a: string, c: string): string => {
  const names = [a, c];
  const at = (k: number) => ({ address: -1 - k, batch: [], row: 2, column: 1 });
  const sizes = { batch: [], m: 2, n: 2, k: 2 };
  const length = encodeGemm('product', {
    dtype: 8,
    ...sizes,
    accumulate: false,
    a: at(0),
    b: at(0),
    c: at(1),
  });
  return `[${commandWords(length).map((word) => names[-1 - word] ?? word)}]`;
};
const product = (c: string): string => `
const product = () => { write(${productOf('a', c)}); cuda.gemm(); };
const a = put(new Float32Array([1, 2, 3, 4]));`;

test('all is given back when the process ends, in an order that the driver takes', () => {
  const ended = child(`${product('put(new Float32Array(4))')}
product();
const hold = [{}, {}, {}, {}];
cuda.streamUse(cuda.streamCreate(hold[0])); held('stream'); product();
cuda.eventRecord(cuda.eventCreate(hold[1]), 0);
cuda.graphBegin(); product(); cuda.graphLaunch(cuda.graphEnd(hold[2])); held('graph');
cuda.streamCreate(); cuda.eventCreate(); cuda.graphBegin(); cuda.graphEnd(); held('unowned');
out.hold = hold.length;`);
  expect(ended.out).toEqual({ hold: 4 });
  expect(ended.stderr).not.toMatch(/left|destroyed/);
});

test("a stream's and a graph's workspaces end with them", () => {
  const got = outOf(`${product('to')}
const to = put(new Float32Array(4)), stats = new Float64Array(8);
const live = () => { cuda.trim(); held('trim'); cuda.memoryStats(stats); return stats[0] + stats[2]; };
product(); held('product');
const before = live();
const s = cuda.streamCreate(); cuda.streamUse(s); product(); held('on a stream'); out.stream = live() > before;
cuda.streamUse(0); cuda.streamDestroy(s); held('destroy'); out.afterStream = live() - before;
cuda.graphBegin(); product(); const g = cuda.graphEnd(); cuda.graphLaunch(g); held('graph'); out.graph = live() > before;
cuda.graphDestroy(g); held('end'); out.afterGraph = live() - before;
out.c = Array.from(get(to, new Float32Array(4)));`);
  expect(got).toEqual({ stream: true, afterStream: 0, graph: true, afterGraph: 0, c: [7, 10, 15, 22] });
});

test('a blocking call names the product that failed; else a later one does', () => {
  const code = (blocking: boolean): string => `${product('8')}
cuda.setBlocking(${blocking});
product(); out.product = [status(), cuda.failure().kind];
write([0]); cuda.synchronize(); out.later = [status(), cuda.failure().kind];`;
  expect(outOf(code(true))).toEqual({ product: [6, 'lost'], later: [6, 'lost'] });
  expect(outOf(code(false))).toEqual({ product: [0, 'none'], later: [6, 'lost'] });
});
