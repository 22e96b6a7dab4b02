// The real NVRTC, where it is installed, compiles what kernels use, for every GPU architecture.
import { expect, test } from 'vitest';
import { addon } from '../../engine/backend/addon.js';
import { pythonFolders } from '../../engine/backend/cuda/index.js';

const BODY = `namespace ts_all {
struct Pair { double v; int64_t i; };
struct Args { int64_t n; const float* in; double* out; void* error; };
TS_KERNEL(all, Args, 256) {
  TS_SHARED double part[8];
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  Pair p{i < a.n ? double(a.in[i]) : 0.0, i};
  p = tsShuffleXor(p, 1u);
  for (unsigned d = 16; d > 0; d >>= 1) p.v += tsShuffleDown(p.v, d);
  p.v += tsShuffleFrom(p.v, 0u);
  if (tsLane() == 0) part[threadIdx.x / TS_WARP] = p.v;
  tsBarrier();
  tsAtomicAdd(a.out, part[0]);
  int64_t* const n = reinterpret_cast<int64_t*>(a.out);
  tsAtomicAdd(n, p.i); tsAtomicMax(n, p.i); tsAtomicMin(n, p.i); tsAtomicCas(n, p.i, int64_t(1));
  tsFence();
  if (i == 7) tsFail(a.error, 1, i, 2, 3);
}
}`;

const compile = (body: string, arch: number): { nvrtc: string; bytes: number; error: string } =>
  addon.cuda!.compileText(pythonFolders(), ['prelude.cuh'], body, arch);
const found = compile(BODY, 90).nvrtc !== '';

test.skipIf(!found).each([75, 80, 86, 89, 90, 100, 120])('the prelude compiles for sm_%i', (arch) => {
  const { bytes, error } = compile(BODY, arch);
  expect(error).toBe('');
  expect(bytes).toBeGreaterThan(1000);
});

test.skipIf(!found)('what is wrong comes back as the log', () => {
  const { bytes, error } = compile(BODY.replace('tsFence()', 'tsFances()'), 90);
  expect(bytes).toBe(0);
  expect(error).toMatch(/tsFances/);
});
