// Samplers and splits against PyTorch's index sequences, with PyTorch's draws in place of ours: the calls, their order and their use.
import { readFileSync } from 'node:fs';
import { beforeEach, expect, it, vi } from 'vitest';
import * as torch from '../../../engine/index.js';

const { data } = torch;
type Draw = [call: string, args: unknown[], result: unknown];
interface Options {
  replacement: boolean;
  numSamples: number;
  numReplicas: number;
  rank: number;
  shuffle: boolean;
  seed: number;
  dropLast: boolean;
}
interface Case {
  kind: string;
  n: number;
  options: Options;
  own: boolean;
  batchSize: number | null;
  dropLast: boolean;
  epochs: unknown[];
  draws: Draw[];
}
const recorded = JSON.parse(readFileSync(new URL('sequences.json', import.meta.url), 'utf8')) as {
  samplers: Case[];
  splits: { n: number; lengths: number[]; parts: number[][]; draws: Draw[] }[];
};

const replay = vi.hoisted(() => ({ draws: [] as unknown[][], on: false }));
/** The result of the next recorded draw, which must be of this call. */
function next(call: string, args: unknown[]): unknown {
  const draw = replay.draws.shift();
  expect([call, args]).toEqual(draw?.slice(0, 2));
  return draw![2];
}
vi.mock('../../../engine/generated/functions.js', async (original) => {
  const real = await original<typeof torch>();
  const replayed =
    (name: 'randperm' | 'randint' | 'multinomial') =>
    (...args: unknown[]): unknown => {
      if (!replay.on) return (real[name] as (...all: unknown[]) => unknown)(...args);
      const plain = args.slice(0, -1).map((arg) => (arg instanceof torch.Tensor ? arg.tolist() : arg));
      return real.tensor(next(name, plain) as number[], { dtype: 'int64' });
    };
  return {
    ...real,
    randperm: replayed('randperm'),
    randint: replayed('randint'),
    multinomial: replayed('multinomial'),
  };
});
vi.mock('../../../engine/data/_random.js', async (original) => {
  const real = await original<typeof import('../../../engine/data/_random.js')>();
  const drawSeed: typeof real.drawSeed = (g) =>
    replay.on ? BigInt(next('seed', []) as string) : real.drawSeed(g);
  return { ...real, drawSeed };
});

beforeEach(() => {
  replay.on = false;
});

function samplerOf({ kind, n, options, own }: Case): torch.data.Sampler {
  const range = Array.from({ length: n }, (_, i) => i);
  const generator = own ? new torch.Generator() : null;
  switch (kind) {
    case 'sequential':
      return new data.SequentialSampler(range);
    case 'random':
      return new data.RandomSampler(range, { ...options, generator });
    case 'subset':
      return new data.SubsetRandomSampler(
        range.map((i) => 3 * i + 1),
        { generator },
      );
    case 'weighted': {
      const { replacement, numSamples } = options;
      return new data.WeightedRandomSampler(
        range.map((i) => 1 + (i % 4)),
        numSamples,
        { replacement, generator },
      );
    }
    default:
      return new data.DistributedSampler(range, options);
  }
}

it.each(recorded.samplers.map((one, i) => [`${i} ${one.kind}`, one] as const))('sampler %s', (_, one) => {
  const sampler = samplerOf(one);
  replay.draws = [...one.draws];
  replay.on = true;
  const { batchSize, dropLast } = one;
  const batches =
    batchSize === null
      ? sampler
      : new data.DataLoader(
          Array.from({ length: 1000 }, (_, i) => i),
          { sampler, batchSize, dropLast, collateFn: (samples) => samples },
        );
  one.epochs.forEach((want, epoch) => {
    if (sampler instanceof data.DistributedSampler) sampler.setEpoch(epoch);
    expect([...(batches as Iterable<unknown>)]).toEqual(want);
  });
  expect(replay.draws).toEqual([]);
});

it.each(recorded.splits.map((one, i) => [`${i}`, one] as const))('split %s', (_, one) => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  replay.draws = [...one.draws];
  replay.on = true;
  const parts = data.randomSplit(
    Array.from({ length: one.n }, (_, i) => i),
    one.lengths,
  );
  expect(parts.map(({ indices }) => Array.from(indices))).toEqual(one.parts);
  expect(replay.draws).toEqual([]);
});

it('samplers refuse what PyTorch refuses, in its words', () => {
  const bad: [() => unknown, new (text: string) => Error, string][] = [
    [
      () => new data.RandomSampler([]),
      torch.ValueError,
      'num_samples should be a positive integer value, but got num_samples=0',
    ],
    [
      () => new data.RandomSampler([1], { replacement: 1 as never }),
      TypeError,
      'replacement should be a boolean value, but got replacement=1',
    ],
    [
      () => new data.WeightedRandomSampler([1], 0),
      torch.ValueError,
      'num_samples should be a positive integer value, but got num_samples=0',
    ],
    [
      () => new data.WeightedRandomSampler(torch.ones(2, 2), 1),
      torch.ValueError,
      'weights should be a 1d sequence but given weights have shape (2, 2)',
    ],
    [
      () => new data.BatchSampler([1], 0, false),
      torch.ValueError,
      'batch_size should be a positive integer value, but got batch_size=0',
    ],
    [
      () => new data.BatchSampler([1], 1, 1 as never),
      torch.ValueError,
      'drop_last should be a boolean value, but got drop_last=1',
    ],
    [
      () => new data.DistributedSampler([1], { numReplicas: 2, rank: 2 }),
      torch.ValueError,
      'Invalid rank 2, rank should be in the interval [0, 1]',
    ],
    [
      () => data.randomSplit([1, 2], [1, 2]),
      torch.ValueError,
      'Sum of input lengths does not equal the length of the input dataset!',
    ],
    [
      () => data.randomSplit([1, 2], [1.5, -0.5]),
      torch.ValueError,
      'Fraction at index 0 is not between 0 and 1',
    ],
    [() => new data.RandomSampler([1], { numSample: 2 } as never), TypeError, 'numSamples'],
  ];
  for (const [run, kind, text] of bad) {
    expect(run).toThrow(kind);
    expect(run).toThrow(text);
  }
});
