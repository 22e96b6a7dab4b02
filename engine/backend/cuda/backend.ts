// The CUDA backend: the addon's CUDA half behind the interface of every backend. Registered on import; nothing is looked for
// before a CUDA device is used.
import type { DType } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { addon, type CudaAddon } from '../addon.js';
import { type Backend, type Copies, type KernelFamily, type Kernels, registerBackend } from '../backend.js';
import { checked, cudaAt } from './devices.js';
import { findCuda } from './find.js';

class CudaBackend implements Backend {
  readonly kernels: Kernels;
  readonly memory: CudaAddon;
  readonly copies: Copies;
  readonly #index: number;

  constructor(index: number) {
    this.#index = index;
    this.kernels = this.memory = onDevice(index);
    const run = (call: (cuda: CudaAddon) => void): void => checked('copy', index, call);
    this.copies = {
      copyIn: (address, from, offset, bytes) => run((c) => c.copyIn(address, from, offset, bytes)),
      copyOut: (address, to, offset, bytes) => run((c) => c.copyOut(address, to, offset, bytes)),
      copyWithin: (to, from, bytes) => run((c) => c.copyWithin(to, from, bytes)),
      copyFrom: (to, from, fromIndex, bytes) => run((c) => c.copyAcross(to, index, from, fromIndex, bytes)),
    };
  }
  synchronize(): void {
    checked('synchronize', this.#index, (c) => c.synchronize());
  }
  failure(): string {
    return cudaAt(this.#index).failure().message;
  }
  /** cuBLAS and our own kernels take every dtype; convolutions all floating ones. */
  supports(family: KernelFamily, dtype: DType): boolean {
    return family.startsWith('conv') ? dtype.isFloatingPoint : true;
  }
}

/** The addon's CUDA half working on one device. Where there are several, each call is preceded by choosing it. */
function onDevice(index: number): CudaAddon {
  const cuda = addon.cuda!;
  if (findCuda().devices.length === 1) return cudaAt(index);
  return new Proxy(cuda, { get: (_, name) => cudaAt(index)[name as keyof CudaAddon] });
}

registerBackend('cuda', {
  open: (op, index) => {
    const all = findCuda();
    const name = `cuda:${index}`;
    if (!all.available) throw new RuntimeError(message(op, `the device ${name}`, 'none', all.reason));
    if (index >= all.devices.length) {
      const hint = 'CUDA error: invalid device ordinal';
      throw new RuntimeError(message(op, `one of ${all.devices.length} CUDA devices`, name, hint));
    }
    return new CudaBackend(index);
  },
});
