// Peer libraries that are right, wrong, throw, hang, crash or are missing: each costs its own case only.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { peersText } from '../../reports/peers.js';
import { peersPage } from '../../reports/peers-page.js';
import { type PeerEngine, type SuiteResult, SuiteResultSchema } from '../../reports/schema/index.js';
import { verdictSentence } from '../../reports/verdict.js';
import { readArguments } from '../../suites/cli/args.js';
import { registeredOps } from '../../suites/common/registry.js';
import { Call, type Parameter } from '../../suites/peers/call.js';
import { INSTALL, type Peer } from '../../suites/peers/catalogue.js';
import { askPeers } from '../../suites/peers/index.js';
import { denseArray } from '../../suites/peers/inputs.js';
import { racePeers } from '../../suites/peers/race.js';
import { peerRows } from '../../suites/peers/rows.js';
import { silentProgress } from '../../suites/runner/progress.js';
import { ROOT } from '../support/root.js';
import { sampleRun } from '../support/sample-run.js';

const FAKE: Peer = {
  name: 'fake',
  title: 'A fake',
  adapter: new URL('../support/fake-peer-engine.ts', import.meta.url).href,
};
const ABSENT: Peer = { ...FAKE, name: 'absent', package: 'a-package-that-nobody-has' };
const BROKEN: Peer = {
  ...FAKE,
  name: 'broken',
  adapter: new URL('../support/none.ts', import.meta.url).href,
};

const options = {
  seed: 0,
  signal: new AbortController().signal,
  progress: silentProgress(),
  fixtures: join(ROOT, 'fixtures'),
  quick: true,
};
const named = (names: readonly string[]) => registeredOps().filter(({ name }) => names.includes(name));

describe('asking peers', () => {
  let result: SuiteResult;
  const engine = (name: string): PeerEngine => result.peers!.engines.find((one) => one.name === name)!;
  const op = (name: string) => engine('fake').ops.find((one) => one.op === name)!;

  beforeAll(async () => {
    result = await askPeers(
      { ...options, filter: '*/layout@float32,transposed' },
      {
        ops: named(['add', 'sub', 'mul', 'div', 'neg', 'square', 'abs', 'exp']),
        peers: [FAKE, ABSENT, BROKEN],
        caseMs: 3000,
      },
    );
  }, 120_000);

  it('passes this engine, asked in the same way', () => {
    expect(result.status).toBe('pass');
    const { values, gradients, ops } = engine('torchstone');
    expect(ops.length).toBe(8);
    expect(values).toEqual({ passed: result.peers!.calls, wrong: 0, unsupported: 0, threw: 0, crashed: 0 });
    expect(gradients.passed).toBeGreaterThanOrEqual(8);
  });

  it('counts what is right and what is wrong, values and gradients apart', () => {
    expect(op('add').values).toMatchObject({ passed: 1, wrong: 0 });
    expect(op('add').gradients).toMatchObject({ passed: 1 });
    expect(op('sub').values).toMatchObject({ passed: 0, wrong: 1 });
    // Its gradient of the second input has the wrong sign.
    expect(op('sub').gradients).toMatchObject({ passed: 0, wrong: 1 });
    expect(op('sub').first).toContain('sub/layout@float32,transposed: out0');
  });

  it('lets a hang, a crash and an error cost their calls alone', () => {
    expect(op('mul').values).toMatchObject({ crashed: 1 });
    expect(op('mul').first).toContain('did not answer within 3 s');
    expect(op('div').values).toMatchObject({ crashed: 1 });
    expect(op('div').first).toContain('SIGABRT');
    expect(op('square').values).toMatchObject({ crashed: 1 });
    expect(op('square').first).toContain('memory access out of bounds');
    expect(op('neg').values).toMatchObject({ threw: 1 });
    expect(op('abs').values).toMatchObject({ unsupported: 1 });
    expect(op('abs').first).toBeUndefined();
    expect(engine('fake').ops.map((one) => one.op)).not.toContain('exp');
  });

  it('tells who is missing, with the command that gets it, and fails for nobody', () => {
    expect(engine('absent').missing).toBe(`a-package-that-nobody-has is not installed: ${INSTALL}`);
    expect(engine('broken').missing).toContain('it does not load');
    expect(result.cases.map(({ status }) => status)).toEqual(['pass', 'pass', 'skip', 'skip']);
  });

  it('is a result, a block of text and a page', () => {
    expect(() => SuiteResultSchema.parse(result)).not.toThrow();
    const run = { ...sampleRun(), suites: [result] };
    expect(peersText(run)).toMatch(/fake +\S+ +7 +7 +1 +1 +1 +1 +3/);
    expect(peersText(run)).toContain(`absent: a-package-that-nobody-has is not installed: ${INSTALL}`);
    expect(verdictSentence(run)).toContain('1 other engine asked');
    expect(peersPage(run)).toContain('| A fake |');
    expect(peersPage(run)).toContain('did not answer within 3 s');
  });

  it('fails where this engine does not pass', async () => {
    const [sub] = named(['sub']);
    const other = { ...sub!, torch: 'torch.add' };
    const filter = 'sub/layout@float32,transposed';
    const found = await askPeers({ ...options, filter }, { ops: [other], peers: [] });
    expect(found.status).toBe('fail');
    expect(found.cases[0]!.message).toContain('sub/layout@float32,transposed');
  }, 60_000);
});

describe('racing peers', () => {
  it('times what is right, and says why the rest has no figure', async () => {
    const wanted = ['cpu/overhead/add', 'cpu/overhead/mul', 'cpu/overhead/sum'];
    const rows = peerRows('quick').filter(({ id }) => wanted.includes(id));
    const peers = [FAKE, ABSENT];
    const result = await racePeers(options, { rows, peers, answerMs: 3000 });
    expect(result.status).toBe('pass');
    const [add, mul, sum] = ['add', 'mul', 'sum'].map(
      (name) => result.peers!.timings!.find(({ id }) => id === `cpu/overhead/${name}`)!.engines,
    );
    expect(add).toMatchObject([{ name: 'fake', ratio: { median: expect.any(Number) } }]);
    expect(add![0]!.theirs!.samples.length).toBeGreaterThanOrEqual(6);
    expect(mul).toEqual([{ name: 'fake', withheld: 'fake did not answer within 3 s' }]);
    expect(sum).toEqual([{ name: 'fake', withheld: 'it has no sum' }]);
    expect(result.cases.map(({ status }) => status)).toEqual(['pass', 'skip']);
  }, 120_000);

  it('gives a wrong result no figure', async () => {
    const [row] = peerRows('quick').filter(({ id }) => id === 'cpu/overhead/add');
    const sub = {
      ...row!,
      prepare: (inputs: Parameters<typeof row.prepare>[0]) => renamed(row!.prepare(inputs)),
    };
    const { peers } = await racePeers(options, { rows: [sub], peers: [FAKE] });
    expect(peers!.timings![0]!.engines).toEqual([
      { name: 'fake', withheld: expect.stringContaining('its result is wrong') },
    ]);
  }, 60_000);

  it('times this engine alone where no peer is installed', async () => {
    const rows = peerRows('quick').filter(({ id }) => id === 'cpu/overhead/add');
    const result = await racePeers(options, { rows, peers: [ABSENT] });
    expect(result.status).toBe('pass');
    expect(result.peers!.timings![0]!.ours.medianNs).toBeGreaterThan(0);
    expect(result.peers!.engines[0]!.missing).toContain(INSTALL);
  }, 60_000);
});

/** The same row, for which the peer is asked another call than ours. */
function renamed(prepared: ReturnType<ReturnType<typeof peerRows>[number]['prepare']>) {
  return { ...prepared, reference: { torch: { ...prepared.reference.torch, torch: 'torch.sub' } } };
}

describe('a call', () => {
  const parameters: Parameter[] = [
    { name: 'input', value: { tensor: 0 }, given: true },
    { name: 'dim', value: [-1], given: true },
    { name: 'keepdim', value: false, given: false },
    { name: 'alpha', value: 2, given: true },
  ];
  const call = () => new Call(parameters, ['x'], [[2, 3]]);

  it('knows what was given and never read', () => {
    const one = call();
    expect([one.self, one.dims('dim')]).toEqual(['x', [1]]);
    expect(one.unread()).toEqual(['alpha']);
    expect(() => one.without('alpha')).toThrow('no parameter alpha');
    expect(() => one.without('keepdim')).not.toThrow();
  });

  it('refuses a parameter that the operation does not have: a slip of the adapter', () => {
    expect(() => call().flag('unbiased')).toThrow('the adapter asks for unbiased');
  });
});

it('sends the elements of any view', () => {
  const data = Float32Array.from({ length: 8 }, (_, i) => i);
  const view = { dtype: 'float32', shape: [2, 3], strides: [1, 2], offset: 1, data };
  expect([...(denseArray(view).data as Float32Array)]).toEqual([1, 3, 5, 2, 4, 6]);
});

describe('the command line', () => {
  it('knows the peers by name and all together', () => {
    expect(readArguments(['peers'])).toMatchObject({ peers: [], timings: false });
    expect(readArguments(['peers', '--vs', 'jax-js', '--timings'])).toMatchObject({
      peers: ['jax-js'],
      timings: true,
    });
    expect(readArguments(['bench', '--vs', 'peers'])).toMatchObject({ peers: [] });
    expect(readArguments(['bench', '--vs', 'tfjs-wasm,numpy-ts'])).toMatchObject({
      peers: ['tfjs-wasm', 'numpy-ts'],
    });
    expect(readArguments(['bench', '--vs', 'torch'])).not.toHaveProperty('peers');
    expect(() => readArguments(['peers', '--vs', 'torch'])).toThrow('--vs knows peers and tfjs-wasm');
    expect(() => readArguments(['bench', '--vs', 'peers,torch'])).toThrow("not 'peers'");
  });
});
