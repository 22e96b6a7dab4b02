// The fake of cuBLAS: column-major loops that sum in double, for what blas.cc calls. Its checks are those that cuBLAS documents.
#include <algorithm>
#include <bit>
#include <complex>
#include <cstdint>
#include <type_traits>

#define TS_SHIM  // the 16-bit floats as kernels have them
#define TORCHSTONE_ISA device
#include "ops/half.h"
#include "libcuda.h"

using torchstone::cuda::CUstream;
using torchstone::device::Brain;
using torchstone::device::Half;

namespace {

constexpr int kSuccess = 0, kNotInitialized = 1, kInvalidValue = 7, kExecutionFailed = 13, kNotSupported = 15;
// cudaDataType_t and cublasComputeType_t
constexpr int kR32 = 0, kR64 = 1, kR16 = 2, kC32 = 4, kC64 = 5, kBrain16 = 14, kCompute32 = 68, kCompute64 = 70;

struct Handle {
  CUstream stream = nullptr;
  int math = 0;
};

// An element, and what it is summed in.
template <class T> struct Element {
  static double wide(T x) { return double(x); }
  static T narrow(double x) { return T(x); }
};
// CUBLAS_TF32_TENSOR_OP_MATH: float32 operands are rounded to 10 bits behind the point, ties to even.
constexpr int kTf32Math = 3;
template <class T> T cutToTf32(T x) {
  if constexpr (std::is_same_v<T, float>) {
    uint32_t bits = std::bit_cast<uint32_t>(x);
    bits = (bits + 0xfff + ((bits >> 13) & 1)) & ~0x1fffu;
    return std::bit_cast<float>(bits);
  }
  return x;
}
template <> struct Element<Half> {
  static double wide(Half x) { return double(torchstone::device::widen(x)); }
  static Half narrow(double x) { return {torchstone::device::halfBits(float(x))}; }
};
template <> struct Element<Brain> {
  static double wide(Brain x) { return double(torchstone::device::widen(x)); }
  static Brain narrow(double x) { return {torchstone::device::brainBits(float(x))}; }
};
template <class T> struct Element<std::complex<T>> {
  static std::complex<double> wide(std::complex<T> x) { return {double(x.real()), double(x.imag())}; }
  static std::complex<T> narrow(std::complex<double> x) { return {T(x.real()), T(x.imag())}; }
};

template <class T> struct Matrix {
  T* at;
  int64_t leading, stride;
  bool transposed;
  T& element(int64_t batch, int64_t i, int64_t j) const {
    return at[batch * stride + (transposed ? j + i * leading : i + j * leading)];
  }
  // Whether the corners of rows × columns matrices lie in the device's memory.
  bool lies(int64_t rows, int64_t columns, int64_t batches) const {
    const T *first = &element(0, 0, 0), *last = &element(batches - 1, rows - 1, columns - 1);
    const T *from = std::min(first, last), *to = std::max(first, last) + 1;
    return shim::reaches(from, size_t(reinterpret_cast<const char*>(to) - reinterpret_cast<const char*>(from)));
  }
};

struct Call {
  int opA, opB;
  int64_t m, n, k;
  const void *a, *b;
  void* c;
  int64_t lda, ldb, ldc;
  long long strideA, strideB, strideC;
  int64_t batches;
};

// T is stored, S is what the factors alpha and beta are.
template <class T, class S> int gemm(Handle* handle, const Call& g, const void* alpha, const void* beta) {
  const auto by = Element<S>::wide(*static_cast<const S*>(alpha)), before = Element<S>::wide(*static_cast<const S*>(beta));
  using Sum = std::remove_const_t<decltype(by)>;
  const Matrix<const T> left{static_cast<const T*>(g.a), g.lda, g.strideA, g.opA == 1}, right{static_cast<const T*>(g.b), g.ldb, g.strideB, g.opB == 1};
  const Matrix<T> out{static_cast<T*>(g.c), g.ldc, g.strideC, false};
  const bool cut = (handle->math & 15) == kTf32Math;
  const auto operand = [cut](T x) { return Element<T>::wide(cut ? cutToTf32(x) : x); };
  const auto work = [=] {
    if (g.m == 0 || g.n == 0 || g.batches == 0) return true;
    if (!out.lies(g.m, g.n, g.batches)) return false;
    if (g.k > 0 && !(left.lies(g.m, g.k, g.batches) && right.lies(g.k, g.n, g.batches))) return false;
    for (int64_t batch = 0; batch < g.batches; ++batch)
      for (int64_t j = 0; j < g.n; ++j)
        for (int64_t i = 0; i < g.m; ++i) {
          Sum sum = 0;
          for (int64_t p = 0; p < g.k; ++p) sum += operand(left.element(batch, i, p)) * operand(right.element(batch, p, j));
          T& to = out.element(batch, i, j);
          const Sum old = before == Sum(0) ? Sum(0) : before * Element<T>::wide(to);  // a beta of 0 reads nothing
          to = Element<T>::narrow(by * sum + old);
        }
    return true;
  };
  return shim::submit(handle->stream, work) == torchstone::cuda::kSuccess ? kSuccess : kExecutionFailed;
}

}  // namespace

#define SHIM extern "C" __attribute__((visibility("default"))) int

SHIM cublasCreate_v2(Handle** handle) {
  *handle = new Handle;
  return kSuccess;
}
SHIM cublasDestroy_v2(Handle* handle) {
  delete handle;
  return kSuccess;
}
SHIM cublasSetStream_v2(Handle* handle, CUstream stream) {
  handle->stream = stream;
  return kSuccess;
}
SHIM cublasSetMathMode(Handle* handle, int mode) {
  handle->math = mode;
  return kSuccess;
}
SHIM cublasSetWorkspace_v2(Handle* handle, void* workspace, size_t bytes) {
  if (handle == nullptr) return kNotInitialized;
  return bytes > 0 && !shim::reaches(workspace, bytes) ? kInvalidValue : kSuccess;
}
SHIM cublasGetProperty(int type, int* value) {
  *value = type == 0 ? 13 : 0;
  return kSuccess;
}
SHIM cublasGemmStridedBatchedEx_64(Handle* handle, int opA, int opB, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int typeA, int64_t lda,
                                   long long strideA, const void* b, int typeB, int64_t ldb, long long strideB, const void* beta, void* c, int typeC,
                                   int64_t ldc, long long strideC, int64_t batches, int compute, int algorithm) {
  if (handle == nullptr) return kNotInitialized;
  const int64_t rowsA = opA == 0 ? m : k, rowsB = opB == 0 ? k : n;
  if (m < 0 || n < 0 || k < 0 || batches < 0 || opA < 0 || opA > 1 || opB < 0 || opB > 1) return kInvalidValue;
  if (lda < std::max<int64_t>(1, rowsA) || ldb < std::max<int64_t>(1, rowsB) || ldc < std::max<int64_t>(1, m)) return kInvalidValue;
  if (typeA != typeB || typeA != typeC || algorithm != -1) return kNotSupported;
  if (compute != (typeA == kR64 || typeA == kC64 ? kCompute64 : kCompute32)) return kNotSupported;
  const Call call{opA, opB, m, n, k, a, b, c, lda, ldb, ldc, strideA, strideB, strideC, batches};
  switch (typeA) {
    case kR16: return gemm<Half, float>(handle, call, alpha, beta);
    case kBrain16: return gemm<Brain, float>(handle, call, alpha, beta);
    case kR32: return gemm<float, float>(handle, call, alpha, beta);
    case kR64: return gemm<double, double>(handle, call, alpha, beta);
    case kC32: return gemm<std::complex<float>, std::complex<float>>(handle, call, alpha, beta);
    case kC64: return gemm<std::complex<double>, std::complex<double>>(handle, call, alpha, beta);
    default: return kNotSupported;
  }
}
