// First calls on a GPU, one kind of driver function after the other, each compared with the CPU: a failure stands alone
// here. A step of gpu-check.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, say, since } from './steps.mjs';

const engine = await import(pathToFileURL(join(ROOT, 'dist', 'engine', 'index.js')).href);
const { cuda, manualSeed, noGrad, ones, rand, randn, tensor } = engine;
manualSeed(0);
let failed = 0;

function check(name, body) {
  const started = performance.now();
  try {
    const told = body();
    say(`ok  ${name} (${since(started)})${told === undefined ? '' : `: ${told}`}`);
  } catch (error) {
    failed += 1;
    say(`NOT ${name} (${since(started)}): ${error instanceof Error ? error.stack : String(error)}`);
  }
}

/** @throws where the largest difference from the CPU's is more than `most` times the largest value */
function near(got, want, most) {
  const far = got.cpu().sub(want).abs().max().item() / Math.max(want.abs().max().item(), 1e-30);
  if (!(far <= most)) throw new Error(`off by ${far} of the largest value, allowed ${most}`);
  return `off by ${far.toExponential(1)}`;
}

/** @throws where the body does not fail as it should */
function fails(body, expected) {
  try {
    body();
  } catch (error) {
    if (expected.test(`${error.name}: ${error.message}`)) return `${error.name} as it should`;
    throw error;
  }
  throw new Error(`nothing was thrown, expected ${expected}`);
}

const step = (w, x) => {
  const y = x.matmul(w).tanh().sum();
  y.backward();
  noGrad(() => {
    w.sub_(w.grad.mul(0.01));
    w.grad.zero_();
  });
};

check(
  'context, name, memory',
  () => `${cuda.getDeviceName()}, ${(cuda.memoryReserved() / 1e6).toFixed(0)} MB reserved`,
);
check('copies to and from', () => near(randnOn(1000), randnOn(1000).cpu(), 0));
check('large copies, in parts', () => {
  const x = rand([5_000_000]);
  return near(x.cuda(), x, 0);
});
check('a pointwise kernel (NVRTC, cuModuleLoadData, cuLaunchKernel)', () => {
  const x = randn([1000, 1000]);
  return near(x.cuda().mul(2).add(1).sigmoid(), x.mul(2).add(1).sigmoid(), 1e-6);
});
check('a transposed operand (shared memory, barriers)', () => {
  const x = randn([700, 900]);
  const y = randn([900, 700]);
  return near(x.cuda().add(y.cuda().t()), x.add(y.t()), 0);
});
check('a sum of 10,000,000 (shuffles, two passes)', () => {
  const x = rand([10_000_000]);
  return near(x.cuda().sum(), x.sum(), 1e-6);
});
check('softmax, cumsum, sort', () => {
  const x = randn([200, 3000]);
  near(x.cuda().softmax(1), x.softmax(1), 1e-5);
  near(x.cuda().cumsum(1), x.cumsum(1), 1e-5);
  return near(x.cuda().sort(1).values, x.sort(1).values, 0);
});
for (const dtype of ['float32', 'float64'])
  check(`a product in ${dtype} (cuBLAS)`, () => {
    const [x, y] = [randn([300, 500], { dtype }), randn([500, 400], { dtype })];
    return near(x.cuda().matmul(y.cuda()), x.matmul(y), dtype === 'float32' ? 1e-5 : 1e-13);
  });
check('random numbers, bit for bit', () => {
  manualSeed(7);
  const want = randn([10_001]);
  manualSeed(7);
  return near(randn([10_001], { device: 'cuda' }), want, 0);
});
check('gradients', () => {
  const [w, x] = [randn([50, 20]), randn([30, 50])];
  const [a, b] = [w.clone().requiresGrad_(), w.cuda().requiresGrad_()];
  x.matmul(a).tanh().sum().backward();
  x.cuda().matmul(b).tanh().sum().backward();
  return near(b.grad, a.grad, 1e-5);
});
check('what a kernel finds wrong (the error cell)', () =>
  fails(() => {
    ones([5], { device: 'cuda' }).take(tensor([9], { device: 'cuda' }));
    cuda.synchronize();
  }, /IndexError/),
);
check('the device goes on after that', () => near(ones([3], { device: 'cuda' }).add(1), ones([3]).mul(2), 0));
check('more memory than there is', () =>
  fails(() => ones([2 ** 42], { device: 'cuda' }), /OutOfMemoryError/),
);
check('streams and events', () => {
  const [from, to, other] = [new cuda.Event(), new cuda.Event(), new cuda.Stream()];
  const x = ones([1_000_000], { device: 'cuda' });
  from.record();
  other.waitEvent(from);
  const y = cuda.stream(other, () => x.add(1).mul(3));
  to.record(other);
  to.synchronize();
  near(y, ones([1_000_000]).mul(6), 0);
  return `${from.elapsedTime(to).toFixed(3)} ms`;
});
check('a graph with a product in it, captured and replayed', () => {
  const [w, x] = [randn([40, 40]), randn([10, 40])];
  const [eager, other] = [w.cuda().requiresGrad_(), w.cuda().requiresGrad_()];
  const input = x.cuda();
  for (let i = 0; i < 2; i += 1) for (const one of [eager, other]) step(one, input);
  const graph = cuda.graph(() => step(other, input));
  for (let i = 0; i < 5; i += 1) {
    graph.replay();
    step(eager, input);
  }
  return near(other.detach(), eager.detach().cpu(), 1e-6);
});
check('memory given back', () => {
  cuda.synchronize();
  cuda.emptyCache();
  return `${(cuda.memoryReserved() / 1e6).toFixed(0)} MB reserved`;
});
process.exitCode = failed === 0 ? 0 : 1;

function randnOn(n) {
  manualSeed(1);
  return randn([n]).cuda();
}
