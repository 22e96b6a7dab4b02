// Memory that JavaScript holds too: what happens to a tensor when its buffer is transferred, resized, or written.
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as torch from '../../../engine/index.js';

const { fromNumpy, ones, tensor, zeros } = torch;
const gone = /shares with JavaScript, got a detached ArrayBuffer\. The buffer was transferred/;

/** Each family of kernels, and what reads from JavaScript. */
const uses: Record<string, (x: torch.Tensor) => unknown> = {
  'add, first': (x) => x.add(1),
  'add, second': (x) => ones([4]).add(x),
  add_: (x) => x.add_(1),
  'copy_ from it': (x) => zeros([4]).copy_(x),
  'copy_ to it': (x) => x.copy_(zeros([4])),
  fill_: (x) => x.fill_(2),
  zero_: (x) => x.zero_(),
  sum: (x) => x.sum(),
  max: (x) => x.max(0),
  softmax: (x) => x.softmax(0),
  cumsum: (x) => x.cumsum(0),
  sort: (x) => x.sort(),
  searchsorted: (x) => torch.searchsorted(x, ones([2])),
  matmul: (x) => x.view(2, 2).matmul(ones([2, 2])),
  conv1d: (x) => torch.nn.functional.conv1d(x.view(1, 1, 4), ones([1, 1, 2])),
  fft: (x) => torch.fft.fft(x),
  solve: (x) => torch.linalg.solve(torch.eye(2), x.view(2, 2)),
  indexSelect: (x) => x.indexSelect(0, tensor([1])),
  setAt: (x) => x.setAt([tensor([1])], 3),
  normal_: (x) => x.normal_(),
  uniform_: (x) => x.uniform_(),
  clone: (x) => x.clone(),
  to: (x) => x.to('float64'),
  cat: (x) => torch.cat([x, x]),
  item: (x) => x.at(1).item(),
  tolist: (x) => x.tolist(),
  String: (x) => String(x),
  numpy: (x) => x.numpy(),
  dataPtr: (x) => x.dataPtr(),
};

describe.each(Object.entries(uses))('%s', (_, use) => {
  it('says that the buffer of a typed array was transferred', () => {
    const array = new Float32Array(4);
    const x = fromNumpy(array);
    const view = x.view(4);
    use(fromNumpy(new Float32Array(4)));
    structuredClone(array.buffer, { transfer: [array.buffer] });
    for (const one of [x, view]) {
      expect(() => use(one)).toThrow(gone);
      expect(() => use(one)).toThrow(torch.RuntimeError);
    }
  });
  it('says that what numpy() gave was transferred', () => {
    const x = ones([4]);
    const view = x.view(4);
    const { data } = x.numpy();
    structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
    for (const one of [x, view]) expect(() => use(one)).toThrow(gone);
  });
});

it('a WebAssembly memory that has grown, and a buffer that has shrunk', () => {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (o: object) => { buffer: ArrayBuffer; grow(pages: number): void } };
  };
  const memory = new WebAssembly.Memory({ initial: 1 });
  const x = fromNumpy(new Float32Array(memory.buffer, 16, 8));
  x.add_(1);
  memory.grow(1);
  expect(() => x.add_(1)).toThrow(gone);
  const resizable = new (ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer)(64, {
    maxByteLength: 128,
  });
  const y = fromNumpy(new Float32Array(resizable, 0, 16));
  (resizable as unknown as { resize(n: number): void }).resize(60);
  expect(() => y.sum()).toThrow(/required the 64 bytes .* got an ArrayBuffer of 60 bytes/);
});

it('a tensor of no elements loses nothing', () => {
  const array = new Float32Array(0);
  const x = fromNumpy(array);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  expect(x.add(1).shape).toEqual([0]);
});

it('backward through saved memory that is gone', () => {
  const array = Float32Array.of(1, 2);
  const x = ones([2], { requiresGrad: true });
  const y = x.mul(fromNumpy(array)).sum();
  structuredClone(array.buffer, { transfer: [array.buffer] });
  expect(() => y.backward()).toThrow(gone);
  expect(x.grad).toBeNull();
});

describe('a small tensor that is shown', () => {
  it('moves to a buffer of its own; neighbours, views and gradients go on', () => {
    const around = Array.from({ length: 40 }, (_, i) => torch.full([4], i, { dtype: 'float32' }));
    const x = around[20]!;
    const [view, part] = [x.view(2, 2), x.at('1:3')];
    const { data } = x.numpy();
    expect(data.buffer.byteLength).toBeLessThanOrEqual(16 + 64);
    data[1] = 7;
    x.at(2).fill_(8);
    expect([...data]).toEqual([20, 7, 8, 20]);
    expect(view.tolist()).toEqual([
      [20, 7],
      [8, 20],
    ]);
    expect(part.add(1).tolist()).toEqual([8, 9]);
    // Shown again it is the same memory.
    expect(x.numpy().data.buffer).toBe(data.buffer);
    expect(fromNumpy(x.numpy()).add_(1).tolist()).toEqual(x.tolist());
    structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
    for (const [i, one] of around.entries()) if (one !== x) expect(one.tolist()).toEqual([i, i, i, i]);
    expect(ones([4]).tolist()).toEqual([1, 1, 1, 1]);
  });
  it('is unchanged by it inside a graph', () => {
    const w = tensor([1.5, 2], { requiresGrad: true });
    const y = w.mul(w);
    w.detach().numpy();
    y.sum().backward();
    expect(w.grad!.tolist()).toEqual([3, 4]);
  });
});

describe('bytes of bool that JavaScript writes', () => {
  it.each([3, 4, 5, 8, 4001])('count as true, %d of them', (n) => {
    const bytes = new Uint8Array(n);
    const x = fromNumpy({ data: bytes, shape: [n], dtype: 'bool' });
    const shown = zeros([n], { dtype: 'bool' });
    const { data } = shown.numpy();
    for (const [given, tensorOf] of [
      [bytes, x],
      [data, shown],
    ] as const) {
      given[0] = 2;
      given[n - 1] = 255;
      expect(tensorOf.sum().item()).toBe(2);
      given[1] = 4;
      expect(tensorOf.to('float32').sum().item()).toBe(3);
      given[1] = 16;
      expect(tensorOf.eq(true).sum().item()).toBe(3);
      given[1] = 32;
      expect(torch.bitwiseAnd(tensorOf, true).to('int64').sum().item()).toBe(3);
      given[1] = 64;
      expect(tensorOf.view(-1).clone().numpy().data[1]).toBe(1);
    }
  });
});

describe('a storage beyond the longest ArrayBuffer', () => {
  afterEach(() => vi.doUnmock('node:buffer'));
  it('is read by parts', async () => {
    vi.resetModules();
    vi.doMock('node:buffer', async (original) => ({
      ...(await original<typeof import('node:buffer')>()),
      constants: { MAX_LENGTH: 1 << 14 },
    }));
    const small = await import('../../../engine/index.js');
    const x = small.zeros([5000], { dtype: 'float64' });
    x.at(4321).fill_(2.5);
    expect(x.at(4321).item()).toBe(2.5);
    expect(x.at('4319:4322').tolist()).toEqual([0, 0, 2.5]);
    expect(String(x)).toBe(`tensor([0., 0., 0.,  ..., 0., 0., 0.], dtype=torch.float64)`);
    expect(String(x.at('4320:4322'))).toBe('tensor([0.0000, 2.5000], dtype=torch.float64)');
    x.setAt([4999], 3);
    expect(x.sum().item()).toBe(5.5);
    expect([...x.at('4998:').numpy().data]).toEqual([0, 3]);
    expect(() => x.numpy()).toThrow(/at most 16384 bytes in one ArrayBuffer, got 40000/);
  });
});
