// The CUDA runtime on the host fake: kernels, atomics, faults, memory, streams, graphs, the kernel cache.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type addon, addonPath } from '../../engine/backend/addon.js';
import { cache, child, childCode, outOf } from './child.js';

const ADD_ONE = `struct Args { int64_t n; float* x; };
TS_KERNEL(@, Args, 128) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < a.n) a.x[i] += 1;
}`;
const addOne = `const ADD_ONE = ${JSON.stringify(ADD_ONE)};`;

describe('libraries', () => {
  test('a machine without a driver says why, and what was tried', () => {
    const got = outOf('Object.assign(out, found);', { TORCHSTONE_CUDA_PATH: '' }) as ReturnType<
      NonNullable<typeof addon.cuda>['init']
    >;
    if (!got.available) expect(got.reason).toMatch(/driver|NVRTC|card/);
    expect(got.looked.length).toBeGreaterThan(0);
    for (const look of got.looked) expect([look.library, look.path, look.result]).not.toContain('');
  });

  test('a call before a device is set fails with a kind, not a crash', () => {
    const got = outOf(
      'cuda.synchronize(); out.status = status(); out.kind = cuda.failure().kind; cuda.pointwise(); out.family = status();',
      { TORCHSTONE_CUDA_PATH: '/nowhere' },
    );
    expect(got).toMatchObject({ status: 6, kind: 'none', family: 6 });
  });

  test('the shim is found where TORCHSTONE_CUDA_PATH says', () => {
    expect(outOf('Object.assign(out, found);')).toMatchObject({
      available: true,
      reason: '',
      devices: [{ name: 'Torchstone host shim', major: 9, minor: 0 }],
      driver: '13.0',
    });
  });
});

describe('kernels', () => {
  const sum = `struct Args { int64_t n; float* in; float* out; };
TS_KERNEL(@, Args, 256) {
  TS_SHARED float part[8];
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  float x = i < a.n ? a.in[i] : 0;
  for (int d = 16; d; d >>= 1) x += tsShuffleDown(x, d);
  if (tsLane() == 0) part[threadIdx.x / 32] = x;
  BARRIER
  if (threadIdx.x == 0) { float s = 0; for (int k = 0; k < 8; ++k) s += part[k]; tsAtomicAdd(a.out, s); }
}`;
  const code = (barrier: string): string => `
const x = put(new Float32Array(1000).map((_, i) => i)), y = put(new Float32Array(1));
launch(${JSON.stringify(sum.replace('BARRIER', barrier))}, 4, 256, 1000, x, y); held('launch');
out.sum = get(y, new Float32Array(1))[0];`;

  test('shuffles, barriers and atomics add up a vector, in either order of threads', () => {
    expect(outOf(code('tsBarrier();'))).toEqual({ sum: 499500 });
    expect(outOf(code('tsBarrier();'), { TORCHSTONE_SHIM_ORDER: 'reverse' })).toEqual({ sum: 499500 });
  });

  test('a missing barrier shows', () => {
    expect(outOf(code(''))).not.toEqual({ sum: 499500 });
  });

  test('shuffles of 16 bytes and by exclusive or, and compare-and-swap', () => {
    const body = `struct Pair { double v; int64_t i; };
struct Args { double* out; int64_t* lock; };
TS_KERNEL(@, Args, 64) {
  const Pair mine{double(threadIdx.x), int64_t(threadIdx.x)};
  const Pair other = tsShuffleXor(mine, 5u);
  a.out[threadIdx.x] = other.v * 1000 + double(other.i);
  tsAtomicCas(a.lock, int64_t(0), int64_t(threadIdx.x + 1));
  tsAtomicMax(a.lock + 1, int64_t(threadIdx.x));
}`;
    const got = outOf(`
const y = allocate(512), lock = put(new BigInt64Array(2));
launch(${JSON.stringify(body)}, 1, 64, y, lock); held('launch');
out.y = Array.from(get(y, new Float64Array(64)));
out.lock = Array.from(get(lock, new BigInt64Array(2)), Number);`);
    const y = Array.from({ length: 64 }, (_, i) => (i ^ 5) * 1001);
    expect(got).toEqual({ y, lock: [1, 63] });
  });

  test('a barrier that not all threads reach ends the device, and every later call says so', () => {
    const body = 'struct Args { int64_t n; };\nTS_KERNEL(@, Args, 64) { if (threadIdx.x < 40) tsBarrier(); }';
    const { out, stderr } = child(`
launch(${JSON.stringify(body)}, 1, 64, 1);
cuda.synchronize(); out.first = [status(), cuda.failure().kind];
cuda.allocate({}, 16, true); out.second = [status(), cuda.failure().kind];
out.text = cuda.failure().message;`);
    expect(out).toMatchObject({ first: [6, 'lost'], second: [6, 'lost'] });
    expect((out as { text: string }).text).toMatch(/start it again/);
    expect(stderr).toMatch(/40 of 64 threads of a block wait at a barrier, 24 have ended/);
  });

  test('a write far out of bounds, and one just behind a block, end the device', () => {
    const body = 'struct Args { char* p; };\nTS_KERNEL(@, Args, 1) { *a.p = 1; }';
    const code = (address: string): string => `
const p = allocate(64);
launch(${JSON.stringify(body)}, 1, 1, ${address});
cuda.synchronize(); out.kind = cuda.failure().kind;`;
    expect(outOf(code('8'))).toEqual({ kind: 'lost' });
    expect(outOf(code('p + 70'))).toEqual({ kind: 'lost' });
    expect(outOf(code('p + 63'))).toEqual({ kind: 'none' });
  });

  test('a kernel that does not compile gives the log, one with other arguments the sizes', () => {
    const got = outOf(`${addOne}
launch('struct Args { int64_t n; };\\nTS_KERNEL(@, Args, 1) { nonsense; }', 1, 1, 1);
out.compile = [status(), cuda.failure()];
launch(ADD_ONE, 1, 128, 1); out.arguments = [status(), cuda.failure()];
launch(ADD_ONE, 0, 128, 1, 1); out.grid = [status(), cuda.failure()];`) as Record<
      string,
      [number, { kind: string; message: string }]
    >;
    expect(got.compile).toMatchObject([6, { kind: 'compile' }]);
    expect(got.compile![1].message).toMatch(/nonsense/);
    expect(got.arguments).toMatchObject([6, { kind: 'launch' }]);
    expect(got.arguments![1].message).toMatch(/required 16 bytes of arguments, got 8/);
    expect(got.grid![1].message).toMatch(/required a grid/);
  });
});

describe('failures', () => {
  const body = `struct Args { void* error; };
TS_KERNEL(@, Args, 64) { if (threadIdx.x >= 5) tsFail(a.error, 1, threadIdx.x, 2, 3); }`;

  test('the first fault of kernels is a status of the next call that waits, once', () => {
    const got = outOf(`
const x = put(new Float32Array(4));
launch(${JSON.stringify(body)}, 2, 64, -1); out.launched = status();
get(x, new Float32Array(4)); out.read = statusWords();
cuda.synchronize(); out.after = status();
launch(${JSON.stringify(body)}, 1, 64, -1); cuda.synchronize(); out.again = status();`);
    expect(got).toEqual({ launched: 0, read: [1, 5, 2, 3], after: 0, again: 1 });
  });

  test('a blocking launch reports its own', () => {
    expect(
      outOf(`cuda.setBlocking(true); launch(${JSON.stringify(body)}, 1, 64, -1); out.status = status();`),
    ).toEqual({
      status: 1,
    });
  });

  test('after a sticky error of the driver every call says that the process must start again', () => {
    const got = outOf(
      `${addOne}
const x = put(new Float32Array(4));
launch(ADD_ONE, 1, 128, 4, x); out.first = status();
launch(ADD_ONE, 1, 128, 4, x); out.second = status();
get(x, new Float32Array(4)); out.read = [status(), cuda.failure().kind];
cuda.eventCreate(); out.event = cuda.failure().kind;`,
      { TORCHSTONE_SHIM_STICKY: '2' },
    );
    expect(got).toEqual({ first: 0, second: 0, read: [6, 'lost'], event: 'lost' });
  });

  test('the host cannot touch device memory', () => {
    const { signal, out } = child(`
const { arrayBufferAt } = require(${JSON.stringify(addonPath)});
const p = put(new Float32Array([1]));
out.value = new Float32Array(arrayBufferAt(p, 4))[0];`);
    expect(out).toBeNull();
    expect(signal).toBe('SIGSEGV');
  });
});

describe('memory', () => {
  test('no memory left is typed, says how much there is, and leaves the device usable', () => {
    const got = outOf(
      `
const first = allocate(60e6);
out.big = [cuda.allocate({}, 50e6, true), status(), cuda.failure()];
cuda.release(first);
out.then = cuda.allocate({}, 90e6, true) > 0;`,
      { TORCHSTONE_SHIM_MEMORY: String(100 << 20) },
    ) as { big: [number, number, { kind: string; message: string }]; then: boolean };
    expect(got.big).toMatchObject([-1, 6, { kind: 'memory' }]);
    expect(got.big[2].message).toMatch(/tried to allocate 50000000 bytes; \d+ MiB of 100 MiB are free/);
    expect(got.then).toBe(true);
  });

  test('blocks are reused, and counted', () => {
    const got = outOf(`
const stats = new Float64Array(8);
const p = allocate(1 << 20); cuda.release(p);
out.same = allocate(1 << 20) === p;
cuda.memoryStats(stats); out.stats = Array.from(stats.slice(0, 4)); out.reuses = stats[7];
cuda.release(p); cuda.trim(); cuda.memoryStats(stats); out.trimmed = Array.from(stats.slice(0, 4));`);
    const mebibyte = 1 << 20;
    expect(got).toEqual({ same: true, stats: [mebibyte, 1, 0, mebibyte], reuses: 1, trimmed: [0, 0, 0, 0] });
  });

  test('with several streams a block comes back after all have passed it', () => {
    const got = outOf(`
const s = cuda.streamCreate(); cuda.streamUse(s); held('use');
const p = allocate(1 << 20); cuda.release(p);
out.at_once = allocate(1 << 20) === p;
for (let i = 0; i < 70; ++i) cuda.release(allocate(1 << 20));
const stats = new Float64Array(8); cuda.memoryStats(stats);
out.reserved = stats[3] <= 80 * (1 << 20); out.reuses = stats[7] > 0;
cuda.streamDestroy(s); held('destroy'); cuda.trim(); cuda.memoryStats(stats); out.cached = stats[2];`);
    expect(got).toEqual({ at_once: false, reserved: true, reuses: true, cached: 0 });
  });

  test('copies are staged, large ones in parts', () => {
    const got = outOf(`
const n = 3e6, x = new Float32Array(n).map((_, i) => i % 1001), p = allocate(n * 4), q = allocate(n * 4);
cuda.copyIn(p, x.buffer, 0, n * 4); held('in'); x.fill(-1);
cuda.copyWithin(q, p, n * 4); cuda.fill(p, 0, n * 4); held('fill');
const y = get(q, new Float32Array(n)), z = get(p, new Float32Array(n));
out.same = y.every((v, i) => v === i % 1001); out.zero = z.every((v) => v === 0);
cuda.copyOut(q, new ArrayBuffer(8), 4, 8); out.range = cuda.failure().kind;`);
    expect(got).toEqual({ same: true, zero: true, range: 'library' });
  });

  test('two devices copy between each other', () => {
    const got = outOf(
      `
const p = put(new Float32Array([1, 2, 3])); cuda.setDevice(1); held('set');
const q = allocate(12); cuda.copyAcross(q, 1, p, 0, 12); held('across');
out.y = Array.from(get(q, new Float32Array(3)));
cuda.setDevice(2); out.third = [status(), cuda.failure().message];`,
      { TORCHSTONE_SHIM_DEVICES: '2' },
    );
    expect(got).toEqual({ y: [1, 2, 3], third: [6, 'required one of 2 CUDA devices, got number 2'] });
  });
});

describe('streams and graphs', () => {
  test('events are ordered and timed', () => {
    const got = outOf(`${addOne}
const s = cuda.streamCreate(), a = cuda.eventCreate(), b = cuda.eventCreate(), x = put(new Float32Array(4));
cuda.eventRecord(a, 0); cuda.streamWaitEvent(s, a); cuda.streamUse(s);
launch(ADD_ONE, 1, 128, 4, x); cuda.eventRecord(b, s); cuda.eventSynchronize(b); held('event');
out.done = [cuda.eventQuery(b), cuda.streamQuery(s)]; out.ms = cuda.eventElapsed(a, b) >= 0;
cuda.streamUse(99); out.unknown = [status(), cuda.failure().kind];`);
    expect(got).toEqual({ done: [true, true], ms: true, unknown: [6, 'launch'] });
  });

  test('a graph launches nothing when captured, and replays kernels, copies and fills on its own memory', () => {
    const got = outOf(`${addOne}
const x = put(new Float32Array([1, 2, 3, 4])); let y = 0;
cuda.graphBegin(); held('begin');
y = allocate(16); cuda.fill(y, 0, 16); cuda.copyIn(y, new Float32Array([10]).buffer, 0, 4);
const other = allocate(16); cuda.release(other);
launch(ADD_ONE, 1, 128, 4, x); launch(ADD_ONE, 1, 128, 4, y);
cuda.copyOut(x, new ArrayBuffer(16), 0, 16); out.wait = [status(), cuda.failure().kind];
const g = cuda.graphEnd(); held('end');
out.before = Array.from(get(x, new Float32Array(4)));
out.mine = allocate(16) === other;
const large = new Uint8Array(20e6).fill(7); put(large);
for (let i = 0; i < 3; ++i) { cuda.graphLaunch(g); held('replay'); }
out.x = Array.from(get(x, new Float32Array(4))); out.y = Array.from(get(y, new Float32Array(4)));
cuda.graphDestroy(g); held('destroy'); cuda.graphLaunch(g); out.gone = cuda.failure().kind;`);
    expect(got).toEqual({
      wait: [6, 'launch'],
      before: [1, 2, 3, 4],
      mine: false,
      x: [4, 5, 6, 7],
      y: [11, 1, 1, 1],
      gone: 'launch',
    });
  });

  test('a block that dies during a capture is not given to others while the graph lives', () => {
    const got = outOf(`${addOne}
const stats = new Float64Array(8), x = put(new Float32Array(4));
cuda.graphBegin(); launch(ADD_ONE, 1, 128, 4, x); cuda.release(x); const g = cuda.graphEnd(); held('end');
out.held = allocate(16) !== x;
cuda.graphDestroy(g); held('destroy'); out.back = [allocate(16), allocate(16)].includes(x);`);
    expect(got).toEqual({ held: true, back: true });
  });
});

describe('the cache of kernels', () => {
  const code = `${addOne}
const x = put(new Float32Array(4)); launch(ADD_ONE, 1, 128, 4, x); held('launch'); out.y = get(x, new Float32Array(4))[3];`;
  const files = (folder: string): string[] => {
    const [inner] = readdirSync(folder);
    return readdirSync(join(folder, inner!)).map((name) => join(folder, inner!, name));
  };

  test('a kernel is compiled once, also by processes that start together', () => {
    const folder = join(cache, 'once');
    const together = outOf(
      `
const { spawn } = require('node:child_process');
const run = () => new Promise((done) => {
  const p = spawn(process.execPath, ['-e', process.env.CODE]);
  let text = ''; p.stdout.on('data', (d) => { text += d; }); p.on('exit', (status) => done([status, text.trim()]));
});
Promise.all([run(), run(), run()]).then((all) => { out.all = all; console.log('OUT' + JSON.stringify(out)); });
console.log = ((log) => (text) => { if (out.all) log(text); })(console.log);`,
      { TORCHSTONE_CUDA_CACHE: folder, CODE: childCode(code) },
    );
    expect(together).toEqual({ all: Array.from({ length: 3 }, () => [0, 'OUT{"y":1}']) });
    const [file, ...rest] = files(folder);
    expect(rest).toEqual([]);
    const { mtimeMs } = statSync(file!);
    expect(outOf(code, { TORCHSTONE_CUDA_CACHE: folder, TORCHSTONE_SHIM_CXX: '/nowhere' })).toEqual({ y: 1 });
    expect(statSync(file!).mtimeMs).toBe(mtimeMs);
  });

  test('a damaged entry is compiled again and written anew', () => {
    const folder = join(cache, 'damaged');
    const env = { TORCHSTONE_CUDA_CACHE: folder };
    expect(outOf(code, env)).toEqual({ y: 1 });
    const file = files(folder)[0]!;
    const good = readFileSync(file);
    for (const damage of [good.subarray(0, 100), Buffer.from(good).fill(7, 200, 300), Buffer.alloc(0)]) {
      writeFileSync(file, damage);
      expect(outOf(code, env)).toEqual({ y: 1 });
      expect(readFileSync(file).length).toBe(good.length);
    }
  });
});

describe('worker threads', () => {
  test('each has devices of its own, and what it leaves behind is freed', () => {
    const work = `${addOne}
for (let i = 0; i < 20; ++i) {
  const x = put(new Float32Array(256).fill(i)); launch(ADD_ONE, 2, 128, 256, x); held('launch');
  if (get(x, new Float32Array(256)).some((v) => v !== i + 1)) fail('sum');
}
const memory = new Float64Array(2); cuda.memoryInfo(memory);`;
    const code = `
const { Worker } = require('node:worker_threads');
const run = () => new Promise((done, failed) => {
  const w = new Worker(process.env.CODE, { eval: true, stdout: true });
  w.on('error', failed); w.on('exit', done);
});
const before = new Float64Array(2); cuda.memoryInfo(before);
${work}
const used = before[0] - memory[0];
Promise.all([run(), run()]).then((statuses) => {
  const after = new Float64Array(2); cuda.memoryInfo(after);
  Object.assign(out, { statuses, used: used > 0, left: memory[0] - after[0] });
  console.log('OUT' + JSON.stringify(out));
});
console.log = ((log) => (text) => { if (out.statuses) log(text); })(console.log);`;
    expect(outOf(code, { CODE: childCode(work) })).toEqual({ statuses: [0, 0], used: true, left: 0 });
  });
});
