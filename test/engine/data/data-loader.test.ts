// Loaders in one thread: batches of random datasets, going on in the middle of an epoch, and what PyTorch refuses.
import { spawnSync } from 'node:child_process';
import { expect, expectTypeOf, it, vi } from 'vitest';
import * as torch from '../../../engine/index.js';
import { NODE_WORDS, urlOf } from '../../support/program.js';
import { below, generator, type Random } from '../../support/random.js';

const { data } = torch;
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const list = (samples: number[]): number[] => samples;

class Count extends data.IterableDataset<number> {
  readonly length: number;
  constructor(length: number) {
    super();
    this.length = length;
  }
  override *[Symbol.iterator](): Iterator<number> {
    yield* range(this.length);
  }
}

it('gives every sample once, in batches of one size', () => {
  const random = generator(1);
  for (let round = 0; round < 80; round++) {
    const [n, batchSize, dropLast, shuffle] = [
      1 + below(random, 40),
      1 + below(random, 9),
      random() < 0.5,
      random() < 0.5,
    ];
    const loader = new data.DataLoader(range(n), { batchSize, dropLast, shuffle, collateFn: list });
    const batches = [...loader];
    const kept = dropLast ? n - (n % batchSize) : n;
    expect(batches.length).toBe(loader.length);
    expect(batches.slice(0, -1).every((batch) => batch.length === batchSize)).toBe(true);
    expect(new Set(batches.flat()).size).toBe(kept);
    if (!shuffle) expect(batches.flat()).toEqual(range(kept));
    const stream = new data.DataLoader(new Count(n), { batchSize, dropLast, collateFn: list });
    expect([...stream].flat()).toEqual(range(kept));
    expect(stream.length).toBe(loader.length);
  }
});

it('collates pairs of tensors, with their types', () => {
  const set = new data.TensorDataset(torch.arange(10).view(5, 2), torch.arange(5));
  const loader = new data.DataLoader(set, { batchSize: 2 });
  expectTypeOf(loader).toEqualTypeOf<torch.data.DataLoader<[torch.Tensor, torch.Tensor]>>();
  const got: unknown[] = [];
  for (const [x, y] of loader) got.push([x.tolist(), y.tolist()]);
  expect(got).toEqual([
    [
      [
        [0, 1],
        [2, 3],
      ],
      [0, 1],
    ],
    [
      [
        [4, 5],
        [6, 7],
      ],
      [2, 3],
    ],
    [[[8, 9]], [4]],
  ]);
  const single = new data.DataLoader([new Float32Array([1, 2])], { batchSize: null });
  expect([...single].map((x) => (x as torch.Tensor).tolist())).toEqual([[1, 2]]);
});

it('waits for datasets and collation that are asynchronous, in for await alone', async () => {
  class Slow extends data.Dataset<Promise<number>> {
    get length(): number {
      return 5;
    }
    async get(i: number): Promise<number> {
      await new Promise((done) => setTimeout(done, 5 - i));
      if (i === 4) throw new torch.ValueError('bad sample');
      return i;
    }
  }
  const loader = new data.DataLoader(new Slow(), { batchSize: 2, collateFn: async (samples) => samples });
  const got: number[][] = [];
  await expect(async () => {
    for await (const batch of loader) got.push(batch);
  }).rejects.toThrow('bad sample');
  expect(got).toEqual([
    [0, 1],
    [2, 3],
  ]);
  expect(() => [...loader]).toThrow('required for await');
});

/** A loader of a random kind and its options; the same for the same numbers. */
function loaderOf(random: Random, n: number): torch.data.DataLoader<number, number[]> {
  const own = new torch.Generator().manualSeed(below(random, 1000));
  const g = random() < 0.5 ? own : null;
  const batchSize = 1 + below(random, 6);
  const common = { batchSize, collateFn: list, generator: g, dropLast: random() < 0.3 };
  const samplers = [
    () => new data.RandomSampler(range(n), { generator: g, replacement: true, numSamples: 2 * n }),
    () => new data.RandomSampler(range(n), { generator: g, numSamples: n + 3 }),
    () => new data.SubsetRandomSampler(range(n), { generator: g }),
    () =>
      new data.WeightedRandomSampler(
        range(n).map((i) => i + 1),
        n,
        { generator: g },
      ),
    () => new data.DistributedSampler(range(n), { numReplicas: 2, rank: 1 }),
  ];
  const kind = below(random, 7);
  if (kind === 5) return new data.DataLoader(range(n), { ...common, shuffle: true });
  if (kind === 6) return new data.DataLoader(new Count(n), common);
  const sampler = samplers[kind]!();
  if (sampler instanceof data.DistributedSampler) sampler.setEpoch(below(random, 9));
  return new data.DataLoader(range(n), { ...common, sampler });
}

it('goes on where a state says, next epochs too', () => {
  const random = generator(3);
  for (let round = 0; round < 150; round++) {
    const [seed, n] = [below(random, 1e6), 2 + below(random, 40)];
    torch.manualSeed(round);
    const loader = loaderOf(generator(seed), n);
    const all = [...loader];
    const state0 = loader.stateDict();
    const epoch = [...loader];
    expect(state0.given).toBe(null);
    if (epoch.length === 0) continue;
    const cut = 1 + below(random, epoch.length);
    const first = loaderOf(generator(seed), n);
    torch.manualSeed(round);
    expect([...first]).toEqual(all);
    const before: number[][] = [];
    let state = first.stateDict();
    for (const batch of first) {
      before.push(batch);
      state = first.stateDict();
      if (before.length === cut) break;
    }
    expect(before).toEqual(epoch.slice(0, cut));
    expect(first.stateDict()).toEqual(state);
    const other = loaderOf(generator(seed), n);
    other.loadStateDict(JSON.parse(JSON.stringify(state)));
    torch.manualSeed(999);
    const after = torch.rand([3]).tolist();
    torch.manualSeed(999);
    const left = [...other];
    expect(left).toEqual(epoch.slice(cut));
    // The default generator is others' too, and stays.
    expect(torch.rand([3]).tolist()).toEqual(after);
    if (loader.generator !== null) expect([...other]).toEqual([...loader]);
  }
});

it('goes on in another process', () => {
  const engine = urlOf('engine/index');
  const run = (body: string): string => {
    const code = `import * as torch from '${engine}';
      const loader = new torch.data.DataLoader([...Array(50).keys()], { batchSize: 4, shuffle: true, collateFn: (x) => x });\n${body}`;
    const out = spawnSync(process.execPath, [...NODE_WORDS, '--input-type=module', '-e', code], {
      encoding: 'utf8',
    });
    if (out.status !== 0) throw new Error(out.stderr);
    return out.stdout.trim();
  };
  const first = JSON.parse(
    run(`torch.manualSeed(8); const seen = []; let state;
      for (const batch of loader) { seen.push(batch); if (seen.length === 5) state = JSON.stringify(loader.stateDict()); }
      console.log(JSON.stringify({ seen, state }));`),
  ) as { seen: number[][]; state: string };
  const rest = run(`loader.loadStateDict(${first.state}); console.log(JSON.stringify([...loader]));`);
  expect(JSON.parse(rest)).toEqual(first.seen.slice(5));
});

it('refuses what PyTorch refuses, in its words', () => {
  const make = (options: object, set: unknown = [1, 2]) => new data.DataLoader(set as number[], options);
  const bad: [() => unknown, new (text: string) => Error, string][] = [
    [
      () => make({ sampler: [0], shuffle: true }),
      torch.ValueError,
      'sampler option is mutually exclusive with shuffle',
    ],
    [
      () => make({ batchSampler: [[0]], batchSize: 2 }),
      torch.ValueError,
      'batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last',
    ],
    [
      () => make({ batchSize: null, dropLast: true }),
      torch.ValueError,
      'batch_size=None option disables auto-batching and is mutually exclusive with drop_last',
    ],
    [
      () => make({ prefetchFactor: 2 }),
      torch.ValueError,
      'prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None.',
    ],
    [
      () => make({ persistentWorkers: true }),
      torch.ValueError,
      'persistent_workers option needs num_workers > 0',
    ],
    [
      () => make({ numWorkers: -1 }),
      torch.ValueError,
      'num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.',
    ],
    [() => make({ timeout: -1 }), torch.ValueError, 'timeout option should be non-negative'],
    [() => make({ timeout: 1 }), torch.AssertionError, 'requires timeout == 0'],
    [
      () => make({ shuffle: true }, new Count(2)),
      torch.ValueError,
      'DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle=true',
    ],
    [
      () => make({ sampler: [0] }, new Count(2)),
      torch.ValueError,
      'DataLoader with IterableDataset: expected unspecified sampler option, but got sampler=',
    ],
    [
      () => make({ batchSampler: [[0]] }, new Count(2)),
      torch.ValueError,
      'expected unspecified batch_sampler option',
    ],
    [
      () => make({ batchSize: 0 }),
      torch.ValueError,
      'batch_size should be a positive integer value, but got batch_size=0',
    ],
    [
      () => make({ shuffle: true }, []),
      torch.ValueError,
      'num_samples should be a positive integer value, but got num_samples=0',
    ],
    [() => make({ batch: 2 }), TypeError, 'batchSize'],
    [() => make({}, torch.ones(2)), TypeError, 'TensorDataset'],
    [() => make({ batch_size: 2 }).loadStateDict(null as never), TypeError, 'state dict'],
  ];
  for (const [run, kind, text] of bad) {
    expect(run).toThrow(kind);
    expect(run).toThrow(text);
  }
});

it('warns as PyTorch where memory cannot be pinned', () => {
  if (torch.cuda.isAvailable()) return;
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  for (const _ of new data.DataLoader([1], { pinMemory: true }));
  expect(warn.mock.calls[0]![0]).toContain(
    "'pin_memory' argument is set as true but no accelerator is found",
  );
});
