// The CPU backend: the addon's own kernels and pool. Its memory is the host's, so it needs no copies.
import type { DType } from '../core/dtype.js';
import { addon } from './addon.js';
import type { Backend, KernelFamily } from './backend.js';

export const cpuBackend: Backend = {
  kernels: addon,
  memory: addon,
  copies: null,
  synchronize: () => {},
  failure: () => 'Out of memory',
  supports: (family: KernelFamily, dtype: DType): boolean => {
    switch (family) {
      case 'gemm':
        // 16-bit floats and complex numbers go through float32 and through their parts.
        return !dtype.isComplex && (dtype.isIntegral || dtype.itemSize >= 4);
      case 'conv':
      case 'convInputGrad':
      case 'convWeightGrad':
        return dtype.isFloatingPoint && dtype.itemSize >= 4;
      default:
        return true;
    }
  },
};
