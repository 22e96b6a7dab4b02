// Engine internals that the harness needs beside the public API, listed in one place.
// `import { block } from 'torchstone/internals'`. Not part of the API: any release may change these.

// Mutation testing swaps the autograd engine's hooks and nodes (below) for faulty ones.
export { support } from './autograd/engine.js';
// Forward mode of results that a replayed call has already made; the public `jvp` takes a function.
export { jvpOf } from './autograd/jvp.js';
export { FunctionNode, type Gradients, Node } from './autograd/node.js';
// Mutation testing patches the addon's functions; the bench and the doctor name the addon that ran.
export { addon, addonPath, type CudaFound, opcodeOf } from './backend/addon.js';
// Mutation testing decodes commands, changes them and encodes them again.
export { decodeArange, encodeArange } from './backend/commands/arange.js';
export type { Operand } from './backend/commands/cursor.js';
export { decodeGemm, encodeGemm, type GemmCommand, type MatrixOperand } from './backend/commands/gemm.js';
export {
  decodeIndexGet,
  decodeIndexPut,
  decodeNonzero,
  encodeIndexGet,
  encodeIndexPut,
} from './backend/commands/index.js';
export { decodeMersenne, encodeMersenne } from './backend/commands/mersenne.js';
export { decodePointwise, encodePointwise, type ProgramCounts } from './backend/commands/pointwise.js';
export { decodeRandom, encodeRandom } from './backend/commands/random.js';
export { decodeReduce, encodeReduce, type Reducer } from './backend/commands/reduce.js';
export { decodeScan, encodeScan } from './backend/commands/scan.js';
export { decodeSort, encodeSort } from './backend/commands/sort.js';
export { readStatus, statuses, writeResult, writeStatus } from './backend/commands/status.js';
// `doctor` tells where CUDA's libraries were looked for.
export { findCuda } from './backend/cuda/index.js';
// Recorded arrays become tensors of any layout without an op that might be the one under test.
export { asDType } from './core/dtype.js';
export { adopt, type Storage } from './core/storage.js';
// Fixtures are npy and npz files, read without making tensors.
export { type NpyArray, parseNpy, serializeNpy } from './io/npy.js';
export { type NpzFile, openNpz } from './io/npz.js';
// Mutation testing puts faults into ops, which are frozen.
export { rewire } from './registry/define.js';
// Bench rows and accuracy calls are written as op declarations write their samples.
export { call, type TensorOptions, t } from './registry/samples.js';

/** The address of this engine's public module, for programs that must hand out the very same one. */
export const engineUrl: string = new URL(
  import.meta.url.endsWith('.ts') ? './index.ts' : './index.js',
  import.meta.url,
).href;
