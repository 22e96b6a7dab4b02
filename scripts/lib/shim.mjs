// Environment variables with which a process finds the host fake of CUDA instead of a GPU.
import { join } from 'node:path';
import { ROOT } from './steps.mjs';

/** `kernels` is the folder for compiled kernels: never the user's own cache, whose files come from a real NVRTC. */
export function shimEnv(kernels) {
  return {
    TORCHSTONE_CUDA_PATH: join(ROOT, 'native', 'build', 'Release', 'shim'),
    TORCHSTONE_CUDA_CACHE: kernels,
  };
}
