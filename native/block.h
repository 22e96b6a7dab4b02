// The vocabulary that every kernel shares: dtypes, status codes and the environment's context. Free of Node-API and tensors.
// What stands in a command block is written, and read, in native/commands/. Every kernel file includes this one: no header of
// std:: that is costly to compile may stand here or in common/program.h.
#pragma once
#include <cstdint>

namespace torchstone {

enum class Dtype : int32_t {
  Bool = 0, UInt8 = 1, Int8 = 2, Int16 = 3, Int32 = 4, Int64 = 5,
  Float16 = 6, BFloat16 = 7, Float32 = 8, Float64 = 9, Complex64 = 10, Complex128 = 11,
};

inline constexpr int kItemSize[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};
inline constexpr int kMaxDims = 64;  // PyTorch's limit
inline constexpr int kBlockLength = 8192;

enum Status : int32_t {
  kOk = 0, kIndexOutOfRange = 1, kDivisionByZero = 2, kOutOfMemory = 3, kBadDtype = 4, kNotBuilt = 5, kDeviceFailed = 6, kMalformed = 7,
};

struct Owned;  // common/owned.h

// What one environment (main thread or worker) has.
struct Context {
  int threads = 1;
  double* block = nullptr;
  int64_t* numbers = nullptr;  // what a decoder converts of the block, until the next command
  Owned* owned = nullptr;      // null, as `numbers`, where there was no memory
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

// How a command ended, and what the status table of native/README.md has beside it. Results of a command stand in block[1].
static inline void setStatus(Context& context, int status) { context.block[0] = status; }
static inline void setStatus(Context& context, int status, double detail) {
  context.block[0] = status;
  context.block[1] = detail;
}
static inline void setStatus(Context& context, int status, double first, double second, double third) {
  setStatus(context, status, first);
  context.block[2] = second;
  context.block[3] = third;
}
static inline void setStatus(Context& context, int status, Dtype dtype) { setStatus(context, status, double(int32_t(dtype))); }

// A kernel family decodes its command from the context's block, runs it and sets the status.
using Family = void (*)(Context&);

}  // namespace torchstone
