// What kernels may use of CUDA, under names of its own. One half is for NVRTC, the other (TS_SHIM) for the fake of CUDA on the
// host, where a kernel's threads are fibers of one thread.
#pragma once
#include "std/cstdint"

#define TORCHSTONE_ISA device
#define TORCHSTONE_NO_SLEEF
#define TS_WARP 32

#ifdef TS_SHIM
#include <string.h>

#define __device__

struct TsIndex { unsigned x, y, z; };
// What libcuda's stand-in gives a module when it loads it. `current` is the running thread's.
struct TsHost {
  const TsIndex* thread;
  TsIndex block, blockSize, grid;
  void (*barrier)();
  void (*exchange)(void* value, unsigned bytes, unsigned sourceLane);  // the value of another lane of the warp
};
// Hidden: every module has its own.
__attribute__((visibility("hidden"))) TsHost* tsHost;
extern "C" __attribute__((visibility("default"))) inline void tsBind(TsHost* host) { tsHost = host; }
extern "C" __attribute__((visibility("default"), used)) void (*const tsBindAddress)(TsHost*) = tsBind;
struct TsEntry {
  void (*run)(const void* args);
  uint64_t bytes;
  int threads;
};

#define threadIdx (*tsHost->thread)
#define blockIdx (tsHost->block)
#define blockDim (tsHost->blockSize)
#define gridDim (tsHost->grid)
#define __restrict__ __restrict
#define TS_SHARED static
#define TS_KERNEL(entry, Args, threadsPerBlock)                                                       \
  static void tsRun_##entry(const Args& a);                                                           \
  extern "C" __attribute__((visibility("default"), used)) const TsEntry entry = {                     \
      [](const void* args) { tsRun_##entry(*static_cast<const Args*>(args)); }, sizeof(Args), threadsPerBlock}; \
  static void tsRun_##entry([[maybe_unused]] const Args& a)

static inline void tsBarrier() { tsHost->barrier(); }
static inline unsigned tsLane() { return threadIdx.x % TS_WARP; }
template <class T> static inline T tsShuffleFrom(T value, unsigned lane) {
  tsHost->exchange(&value, sizeof(T), lane);
  return value;
}
template <class T> static inline T tsShuffleDown(T value, unsigned by) {
  return tsShuffleFrom(value, tsLane() + by < TS_WARP ? tsLane() + by : tsLane());
}
template <class T> static inline T tsShuffleXor(T value, unsigned mask) { return tsShuffleFrom(value, tsLane() ^ mask); }

// A thread is changed only at barriers and shuffles, so nothing comes between a read and a write.
template <class T> static inline T tsAtomicAdd(T* at, T value) { const T old = *at; *at = T(old + value); return old; }
template <class T> static inline T tsAtomicMax(T* at, T value) { const T old = *at; if (value > old) *at = value; return old; }
template <class T> static inline T tsAtomicMin(T* at, T value) { const T old = *at; if (value < old) *at = value; return old; }
template <class T> static inline T tsAtomicCas(T* at, T expected, T value) { const T old = *at; if (old == expected) *at = value; return old; }
static inline void tsFence() {}

#else

#define TS_SHARED __shared__
#define TS_KERNEL(entry, Args, threadsPerBlock) \
  extern "C" __global__ void __launch_bounds__(threadsPerBlock) entry(const __grid_constant__ Args a)

static __device__ __forceinline__ void tsBarrier() { __syncthreads(); }
static __device__ __forceinline__ unsigned tsLane() { return threadIdx.x % TS_WARP; }

struct TsFrom { unsigned lane; __device__ unsigned operator()(unsigned w) const { return __shfl_sync(0xffffffffu, w, lane); } };
struct TsDown { unsigned by; __device__ unsigned operator()(unsigned w) const { return __shfl_down_sync(0xffffffffu, w, by); } };
struct TsXor { unsigned mask; __device__ unsigned operator()(unsigned w) const { return __shfl_xor_sync(0xffffffffu, w, mask); } };
// Values of any size travel as 32-bit words.
template <class T, class F> static __device__ __forceinline__ T tsByWords(T value, F move) {
  constexpr int kWords = (sizeof(T) + 3) / 4;
  unsigned words[kWords] = {};
  memcpy(words, &value, sizeof(T));
#pragma unroll
  for (int i = 0; i < kWords; ++i) words[i] = move(words[i]);
  memcpy(&value, words, sizeof(T));
  return value;
}
template <class T> static __device__ __forceinline__ T tsShuffleFrom(T value, unsigned lane) { return tsByWords(value, TsFrom{lane}); }
template <class T> static __device__ __forceinline__ T tsShuffleDown(T value, unsigned by) { return tsByWords(value, TsDown{by}); }
template <class T> static __device__ __forceinline__ T tsShuffleXor(T value, unsigned mask) { return tsByWords(value, TsXor{mask}); }

// CUDA's overloads are for int, unsigned, unsigned long long (and long long in max and min), float and double.
template <class T> struct TsAtomic { using type = T; };
template <> struct TsAtomic<long> { using type = long long; };
template <> struct TsAtomic<unsigned long> { using type = unsigned long long; };
template <class T> struct TsAtomicBits { using type = T; };
template <> struct TsAtomicBits<long> { using type = unsigned long long; };
template <> struct TsAtomicBits<long long> { using type = unsigned long long; };
template <> struct TsAtomicBits<unsigned long> { using type = unsigned long long; };
template <class T> static __device__ __forceinline__ T tsAtomicAdd(T* at, T value) {
  using B = typename TsAtomicBits<T>::type;  // two's complement: the same sum
  return T(atomicAdd(reinterpret_cast<B*>(at), B(value)));
}
template <class T> static __device__ __forceinline__ T tsAtomicMax(T* at, T value) {
  using B = typename TsAtomic<T>::type;
  return T(atomicMax(reinterpret_cast<B*>(at), B(value)));
}
template <class T> static __device__ __forceinline__ T tsAtomicMin(T* at, T value) {
  using B = typename TsAtomic<T>::type;
  return T(atomicMin(reinterpret_cast<B*>(at), B(value)));
}
template <class T> static __device__ __forceinline__ T tsAtomicCas(T* at, T expected, T value) {
  using B = typename TsAtomicBits<T>::type;
  return T(atomicCAS(reinterpret_cast<B*>(at), B(expected), B(value)));
}
static __device__ __forceinline__ void tsFence() { __threadfence(); }

#endif
#include "std/cmath"

// The first failure of a launch and all that follow it until the host looks: [status, x, y, z].
static __device__ inline void tsFail(void* cell, int64_t status, int64_t x, int64_t y, int64_t z) {
  int64_t* const error = static_cast<int64_t*>(cell);
  if (tsAtomicCas(error, int64_t(0), status) != 0) return;
  error[1] = x;
  error[2] = y;
  error[3] = z;
}
