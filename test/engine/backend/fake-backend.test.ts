// A third backend of a hundred lines: separate memory in ArrayBuffers, pointwise and reduce by the CPU's kernels, all else
// refused. It shows what the Backend interface asks of an implementation, and that nothing else knows device types.
import { beforeAll, describe, expect, it } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import {
  type Backend,
  type Copies,
  type KernelFamily,
  type Kernels,
  type MemoryPool,
  registerBackend,
} from '../../../engine/backend/backend.js';
import { NotImplementedError } from '../../../engine/core/errors.js';
import * as torch from '../../../engine/index.js';

/** Blocks of memory that no tensor of the CPU can show. They live as long as the pool: tests are short. */
class FakeMemory implements MemoryPool {
  readonly #blocks = new Map<number, ArrayBuffer>();
  released = 0;
  allocate(_owner: object, bytes: number): number {
    const block = new ArrayBuffer(bytes + 64);
    const address = Math.ceil(addon.addressOf(block) / 64) * 64;
    this.#blocks.set(address, block);
    return address;
  }
  /** The block that holds an address, and where in it. */
  at(address: number): Uint8Array {
    for (const block of this.#blocks.values()) {
      const offset = address - addon.addressOf(block);
      if (offset >= 0 && offset < block.byteLength) return new Uint8Array(block, offset);
    }
    throw new Error(`no block of the fake backend holds ${address}`);
  }
  release(address: number): void {
    if (this.#blocks.delete(address)) this.released++;
  }
  collect(): number {
    return 0;
  }
  trim(): void {}
  memoryStats(out: Float64Array): void {
    out.fill(0);
    out[1] = this.#blocks.size;
  }
}

const launches: KernelFamily[] = [];
const memory = new FakeMemory();

const copies: Copies = {
  copyIn: (address, from, offset, bytes) => memory.at(address).set(new Uint8Array(from, offset, bytes)),
  copyOut: (address, to, offset, bytes) =>
    new Uint8Array(to, offset, bytes).set(memory.at(address).subarray(0, bytes)),
  copyWithin: (to, from, bytes) => memory.at(to).set(memory.at(from).slice(0, bytes)),
};

/** Commands are numbers, so another backend can read the same argument buffer. */
const kernels = new Proxy({} as Kernels, {
  get: (_, family: KernelFamily) => () => {
    if (family !== 'pointwise' && family !== 'reduce')
      throw new NotImplementedError(`${family}: required a kernel, got none on the fake backend`);
    launches.push(family);
    addon[family]();
  },
});

class FakeBackend implements Backend {
  readonly kernels = kernels;
  readonly memory = memory;
  readonly copies = copies;
  synchronize(): void {}
  failure(): string {
    return 'the fake backend has no memory left';
  }
  supports(family: KernelFamily): boolean {
    return family === 'pointwise' || family === 'reduce';
  }
}

describe('a third backend', () => {
  beforeAll(() => {
    registerBackend('fake', {
      open: (op, index) => {
        if (index > 1)
          throw new torch.RuntimeError(`${op}: required one of 2 fake devices, got fake:${index}`);
        return new FakeBackend();
      },
    });
  });

  it('is named like any device', () => {
    expect(String(torch.device('fake'))).toBe('fake:0');
    expect(torch.device('fake:1')).toBe(torch.device('fake:1'));
    expect(() => torch.device('nowhere')).toThrow(/'fake\[:index\]'.*got "nowhere"/);
    expect(() => torch.ones([2], { device: 'fake:7' })).toThrow('fake:7');
  });

  it('makes, copies, computes and reduces on its own memory', () => {
    launches.length = 0;
    const x = torch.tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: 'float32', device: 'fake' },
    );
    expect(String(x.device)).toBe('fake:0');
    const y = x.mul(2).add(torch.ones([3], { device: 'fake' }));
    expect(String(y.device)).toBe('fake:0');
    expect(y.to('cpu').tolist()).toEqual([
      [3, 5, 7],
      [9, 11, 13],
    ]);
    expect(y.sum().item()).toBe(48);
    expect(x.t().contiguous().tolist()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(launches).toContain('pointwise');
    expect(launches).toContain('reduce');
  });

  it('runs backward where the tensors are', () => {
    const x = torch.tensor([1, 2, 3], { dtype: 'float64', device: 'fake', requiresGrad: true });
    x.mul(x).sum().backward();
    expect(String(x.grad!.device)).toBe('fake:0');
    expect(x.grad!.tolist()).toEqual([2, 4, 6]);
  });

  it('copies to and from the CPU and between its devices, through the host', () => {
    const x = torch.arange(5, { dtype: 'int32' });
    const there = x.to('fake:0').to('fake:1');
    expect(String(there.device)).toBe('fake:1');
    expect(there.to('cpu').tolist()).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses mixed devices, and families that it has not, with typed errors', () => {
    const x = torch.ones([2, 2], { device: 'fake' });
    expect(() => x.add(torch.ones([2, 2]))).toThrow(/all tensors on one device.*fake:0 and cpu/);
    expect(() => x.cumsum(0)).toThrow(NotImplementedError);
    // The CPU goes on as before.
    expect(torch.ones([2, 2]).cumsum(0).tolist()).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it('gives memory back when it is asked to', () => {
    const before = memory.released;
    torch.ones([4], { device: 'fake' }).dispose();
    expect(memory.released).toBe(before + 1);
  });
});
