// Owns the vocabulary shared by every kernel: dtypes, status codes, the environment's context and the block cursor.
// Must not know Node-API, tensors or autograd. The layouts are written in native/README.md.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace torchstone {

enum class Dtype : int32_t {
  Bool = 0, UInt8 = 1, Int8 = 2, Int16 = 3, Int32 = 4, Int64 = 5,
  Float16 = 6, BFloat16 = 7, Float32 = 8, Float64 = 9, Complex64 = 10, Complex128 = 11,
};

inline constexpr int kItemSize[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};
inline constexpr int kMaxDims = 16;
inline constexpr int kBlockLength = 8192;

enum Status : int32_t { kOk = 0, kIndexOutOfRange = 1, kDivisionByZero = 2, kOutOfMemory = 3, kBadDtype = 4, kNotBuilt = 5, kDeviceFailed = 6 };

struct Program;  // common/program.h

// What one environment (main thread or worker) owns.
struct Context {
  std::vector<std::unique_ptr<Program>> programs;
  int threads = 1;
  double* block = nullptr;
  std::shared_ptr<void> cuda;  // cuda::Runtime, where CUDA is in use
  Context();
  ~Context();
};

// Reads a command block from left to right.
class Cursor {
 public:
  explicit Cursor(const double* p) : p_(p) {}
  int64_t integer() { return static_cast<int64_t>(*p_++); }
  double number() { return *p_++; }
  char* address() { return reinterpret_cast<char*>(static_cast<uintptr_t>(*p_++)); }
  void integers(int64_t* out, int64_t n) { for (int64_t i = 0; i < n; ++i) out[i] = integer(); }
 private:
  const double* p_;
};

// A family reads its command from context.block, and writes its status to block[0].
using Family = void (*)(Context&);

}  // namespace torchstone
