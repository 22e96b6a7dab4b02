// Owns the environment in which a process finds the host shim of CUDA instead of a card.
import { join } from 'node:path';
import { ROOT } from './steps.mjs';

/** `kernels` is the folder for compiled kernels: never the user's own cache, whose files come from a real NVRTC. */
export function shimEnv(kernels) {
  return {
    TORCHSTONE_CUDA_PATH: join(ROOT, 'native', 'build', 'Release', 'shim'),
    TORCHSTONE_CUDA_CACHE: kernels,
  };
}
