// The driver's and NVRTC's types and functions that we use, written by hand after cuda.h and nvrtc.h of CUDA 13;
// test/cuda-headers.cc holds them against those.
// Nothing is linked: libraries.cc fills the tables. Names are those that the libraries export, versions included.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace torchstone::cuda {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st*;
using CUmodule = struct CUmod_st*;
using CUfunction = struct CUfunc_st*;
using CUstream = struct CUstream_st*;
using CUevent = struct CUevent_st*;
using CUgraph = struct CUgraph_st*;
using CUgraphExec = struct CUgraphExec_st*;
using nvrtcProgram = struct _nvrtcProgram*;

// CUresult
inline constexpr int kSuccess = 0, kErrorOutOfMemory = 2, kErrorDeinitialized = 4, kErrorNoDevice = 100,
                     kErrorNotReady = 600, kErrorIllegalAddress = 700, kErrorLaunchFailed = 719;
// Errors after which the driver refuses everything in this process: cuda.h says so of each.
inline constexpr CUresult kSticky[] = {4, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721};
// CUdevice_attribute
inline constexpr int kAttributeSharedPerBlock = 8, kAttributeMultiprocessors = 16, kAttributeThreadsPerMultiprocessor = 39,
                     kAttributeMajor = 75, kAttributeMinor = 76;
// Flags: CU_STREAM_NON_BLOCKING, CU_EVENT_DEFAULT, CU_EVENT_DISABLE_TIMING, CU_MEMHOSTALLOC_PORTABLE | DEVICEMAP, and
// CU_STREAM_CAPTURE_MODE_RELAXED.
inline constexpr unsigned kStreamNonBlocking = 1, kEventTimed = 0, kEventUntimed = 2, kHostMapped = 3;
inline constexpr int kCaptureRelaxed = 2;

// X(exported name, parameters). `cuCtxSynchronize` waits for the whole device.
#define TORCHSTONE_DRIVER(X)                                                                                       \
  X(cuInit, (unsigned flags))                                                                                      \
  X(cuDriverGetVersion, (int* version))                                                                            \
  X(cuGetErrorName, (CUresult error, const char** text))                                                           \
  X(cuGetErrorString, (CUresult error, const char** text))                                                         \
  X(cuDeviceGetCount, (int* count))                                                                                \
  X(cuDeviceGet, (CUdevice * device, int ordinal))                                                                 \
  X(cuDeviceGetName, (char* name, int length, CUdevice device))                                                    \
  X(cuDeviceGetAttribute, (int* value, int attribute, CUdevice device))                                            \
  X(cuDeviceTotalMem_v2, (size_t * bytes, CUdevice device))                                                        \
  X(cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))                                              \
  X(cuDevicePrimaryCtxRelease_v2, (CUdevice device))                                                               \
  X(cuCtxSetCurrent, (CUcontext context))                                                                          \
  X(cuCtxSynchronize, ())                                                                                          \
  X(cuMemGetInfo_v2, (size_t * free, size_t* total))                                                               \
  X(cuMemAlloc_v2, (CUdeviceptr * address, size_t bytes))                                                          \
  X(cuMemFree_v2, (CUdeviceptr address))                                                                           \
  X(cuMemHostAlloc, (void** address, size_t bytes, unsigned flags))                                                \
  X(cuMemFreeHost, (void* address))                                                                                \
  X(cuMemHostGetDevicePointer_v2, (CUdeviceptr * address, void* host, unsigned flags))                             \
  X(cuMemcpyHtoDAsync_v2, (CUdeviceptr to, const void* from, size_t bytes, CUstream stream))                       \
  X(cuMemcpyDtoHAsync_v2, (void* to, CUdeviceptr from, size_t bytes, CUstream stream))                             \
  X(cuMemcpyDtoDAsync_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))                       \
  X(cuMemcpyPeerAsync, (CUdeviceptr to, CUcontext toContext, CUdeviceptr from, CUcontext fromContext, size_t bytes, CUstream stream)) \
  X(cuMemsetD8Async, (CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream))                         \
  X(cuModuleLoadData, (CUmodule * module, const void* image))                                                      \
  X(cuModuleUnload, (CUmodule module))                                                                             \
  X(cuModuleGetFunction, (CUfunction * function, CUmodule module, const char* name))                               \
  X(cuLaunchKernel, (CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, \
                     unsigned blockZ, unsigned sharedBytes, CUstream stream, void** arguments, void** extra))      \
  X(cuStreamCreate, (CUstream * stream, unsigned flags))                                                           \
  X(cuStreamDestroy_v2, (CUstream stream))                                                                         \
  X(cuStreamSynchronize, (CUstream stream))                                                                        \
  X(cuStreamQuery, (CUstream stream))                                                                              \
  X(cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags))                                           \
  X(cuStreamBeginCapture_v2, (CUstream stream, int mode))                                                          \
  X(cuStreamEndCapture, (CUstream stream, CUgraph * graph))                                                        \
  X(cuGraphInstantiateWithFlags, (CUgraphExec * executable, CUgraph graph, unsigned long long flags))              \
  X(cuGraphLaunch, (CUgraphExec executable, CUstream stream))                                                      \
  X(cuGraphExecDestroy, (CUgraphExec executable))                                                                  \
  X(cuGraphDestroy, (CUgraph graph))                                                                               \
  X(cuEventCreate, (CUevent * event, unsigned flags))                                                              \
  X(cuEventRecord, (CUevent event, CUstream stream))                                                               \
  X(cuEventSynchronize, (CUevent event))                                                                           \
  X(cuEventQuery, (CUevent event))                                                                                 \
  X(cuEventElapsedTime, (float* milliseconds, CUevent from, CUevent to))                                           \
  X(cuEventDestroy_v2, (CUevent event))

// Of drivers from CUDA 12.4 on: null before.
#define TORCHSTONE_DRIVER_NEWER(X) X(cuFuncGetParamInfo, (CUfunction function, size_t index, size_t * offset, size_t * bytes))

struct Driver {
#define TS_FIELD(name, parameters) CUresult (*name) parameters = nullptr;
  TORCHSTONE_DRIVER(TS_FIELD)
  TORCHSTONE_DRIVER_NEWER(TS_FIELD)
#undef TS_FIELD
  int version = 0;  // 1000 · major + 10 · minor
};

// X(exported name, result, parameters)
#define TORCHSTONE_NVRTC(X)                                                                                        \
  X(nvrtcVersion, int, (int* major, int* minor))                                                                   \
  X(nvrtcGetErrorString, const char*, (int result))                                                                \
  X(nvrtcGetNumSupportedArchs, int, (int* count))                                                                  \
  X(nvrtcGetSupportedArchs, int, (int* archs))                                                                     \
  X(nvrtcCreateProgram, int, (nvrtcProgram * program, const char* source, const char* name, int headers,           \
                              const char* const* texts, const char* const* names))                                 \
  X(nvrtcCompileProgram, int, (nvrtcProgram program, int count, const char* const* options))                       \
  X(nvrtcDestroyProgram, int, (nvrtcProgram * program))                                                            \
  X(nvrtcGetProgramLogSize, int, (nvrtcProgram program, size_t * bytes))                                           \
  X(nvrtcGetProgramLog, int, (nvrtcProgram program, char* log))                                                    \
  X(nvrtcGetCUBINSize, int, (nvrtcProgram program, size_t * bytes))                                                \
  X(nvrtcGetCUBIN, int, (nvrtcProgram program, char* image))                                                       \
  X(nvrtcGetPTXSize, int, (nvrtcProgram program, size_t * bytes))                                                  \
  X(nvrtcGetPTX, int, (nvrtcProgram program, char* text))

struct Nvrtc {
#define TS_FIELD(name, result, parameters) result (*name) parameters = nullptr;
  TORCHSTONE_NVRTC(TS_FIELD)
#undef TS_FIELD
  int major = 0, minor = 0;
  std::vector<int> architectures;  // 10 · major + minor, rising
};

}  // namespace torchstone::cuda
