// The public API.
import './generated/methods.js';
import './ops/install-autograd.js';
import './autograd/methods.js';
import './ops/indexing/subscript.js';
import './io/numpy.js';
import './core/scope.js';
import './registry/device-guard.js';
import './format/text.js';
import './format/inspect.js';
import './format/equality.js';
import { grad } from './autograd/engine.js';
import { jvp } from './autograd/jvp.js';

export { type CustomFunction, defineFunction, FunctionContext } from './autograd/custom-function.js';
export type { BackwardOptions, GradOptions } from './autograd/engine.js';
export { enableGrad, isGradEnabled, noGrad, setGradEnabled } from './autograd/grad-mode.js';
export type { GradientHook } from './autograd/hooks.js';
export type { Node } from './autograd/node.js';
export { cuda } from './backend/cuda/index.js';
export { Complex } from './core/complex.js';
export { Device, type DeviceLike, device, getDefaultDevice, setDefaultDevice } from './core/device.js';
export {
  bfloat16,
  bool,
  complex64,
  complex128,
  DType,
  type DTypeLike,
  type DTypeName,
  float16,
  float32,
  float64,
  getDefaultDtype,
  int8,
  int16,
  int32,
  int64,
  promoteTypes,
  setDefaultDtype,
  uint8,
} from './core/dtype.js';
export {
  ArgumentError,
  AssertionError,
  IndexError,
  LinAlgError,
  NotImplementedError,
  OutOfMemoryError,
  RuntimeError,
  TorchstoneError,
  ValueError,
} from './core/errors.js';
export {
  Generator,
  type GeneratorOptions,
  getDefaultGenerator,
  getRngState,
  initialSeed,
  manualSeed,
  type RandomAlgorithm,
  seed,
  setDefaultGenerator,
  setRngState,
} from './core/random.js';
export { emptyCache, type MemoryStats, memoryStats } from './core/storage.js';
export { type Nested, type NumericArray, type Scalar, Size, Tensor } from './core/tensor.js';
export { backendInfo, getNumThreads, setNumThreads } from './core/threads.js';
export { canCast, type FInfo, finfo, type IInfo, iinfo, isTensor, resultType } from './core/type-info.js';
export * as data from './data/index.js';
export { getPrintOptions, type PrintOptions, setPrintOptions } from './format/print.js';
export * from './generated/functions.js';
export {
  type FilePath,
  loadNpy,
  loadNpz,
  type NpyOptions,
  NpzTensors,
  saveNpy,
  saveNpz,
} from './io/array-files.js';
export { type AsTensorOptions, asTensor } from './io/as-tensor.js';
export { CheckpointError, type LoadOptions, load, type MapLocation, save } from './io/checkpoint.js';
export { NpyError } from './io/npy.js';
export { fromNumpy, type NdArray } from './io/numpy.js';
export {
  loadSafetensors,
  openSafetensors,
  SafetensorsError,
  SafetensorsFile,
  type SafetensorsLoadOptions,
  type SafetensorsSaveOptions,
  saveSafetensors,
} from './io/safetensors.js';
export * as nn from './nn/index.js';
export * as optim from './optim/index.js';
export { fuse, scalar } from './pointwise/fuse.js';
export {
  type ErrorSample,
  type Op,
  type OpDef,
  type OpTests,
  ops,
  type Param,
  type ParamKind,
  type Tolerance,
} from './registry/define.js';
export type { ArgSpec, Fill, Layout, Sample, TensorSpec } from './registry/samples.js';

/** torch.autograd */
export const autograd = { grad, functional: { jvp } };
/** torch.func */
export const func = { jvp };
