// Owns the stand-in for cuBLAS: column-major loops in double, for what blas.cc calls. Its checks are those that cuBLAS documents.
#include <algorithm>
#include <cstdint>

#include "libcuda.h"

using torchstone::cuda::CUstream;

namespace {

constexpr int kSuccess = 0, kNotInitialized = 1, kInvalidValue = 7, kExecutionFailed = 13;

struct Handle {
  CUstream stream = nullptr;
  int math = 0;
};

template <class T> struct Matrix {
  T* at;
  int64_t leading, stride;
  bool transposed;
  T& element(int64_t batch, int64_t i, int64_t j) const {
    return at[batch * stride + (transposed ? j + i * leading : i + j * leading)];
  }
};

template <class T>
int gemm(Handle* handle, int opA, int opB, int m, int n, int k, const T* alpha, const T* a, int lda, long long strideA, const T* b, int ldb,
         long long strideB, const T* beta, T* c, int ldc, long long strideC, int batches) {
  if (handle == nullptr) return kNotInitialized;
  const int rowsA = opA == 0 ? m : k, rowsB = opB == 0 ? k : n;
  if (m < 0 || n < 0 || k < 0 || batches < 0 || opA < 0 || opA > 1 || opB < 0 || opB > 1) return kInvalidValue;
  if (lda < std::max(1, rowsA) || ldb < std::max(1, rowsB) || ldc < std::max(1, m)) return kInvalidValue;
  const double by = double(*alpha), before = double(*beta);
  const Matrix<const T> left{a, lda, strideA, opA == 1}, right{b, ldb, strideB, opB == 1};
  const Matrix<T> out{c, ldc, strideC, false};
  const auto work = [=] {
    for (int64_t batch = 0; batch < batches; ++batch)
      for (int64_t j = 0; j < n; ++j)
        for (int64_t i = 0; i < m; ++i) {
          double sum = 0;
          for (int64_t p = 0; p < k; ++p) sum += double(left.element(batch, i, p)) * double(right.element(batch, p, j));
          T& to = out.element(batch, i, j);
          to = T(by * sum + (before == 0 ? 0.0 : before * double(to)));  // a beta of 0 reads nothing
        }
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
  return handle == nullptr ? kNotInitialized : workspace == nullptr && bytes > 0 ? kInvalidValue : kSuccess;
}
SHIM cublasGetProperty(int type, int* value) {
  *value = type == 0 ? 13 : 0;
  return kSuccess;
}
SHIM cublasSgemmStridedBatched(Handle* handle, int opA, int opB, int m, int n, int k, const float* alpha, const float* a, int lda, long long strideA,
                               const float* b, int ldb, long long strideB, const float* beta, float* c, int ldc, long long strideC, int batches) {
  return gemm(handle, opA, opB, m, n, k, alpha, a, lda, strideA, b, ldb, strideB, beta, c, ldc, strideC, batches);
}
SHIM cublasDgemmStridedBatched(Handle* handle, int opA, int opB, int m, int n, int k, const double* alpha, const double* a, int lda, long long strideA,
                               const double* b, int ldb, long long strideB, const double* beta, double* c, int ldc, long long strideC, int batches) {
  return gemm(handle, opA, opB, m, n, k, alpha, a, lda, strideA, b, ldb, strideB, beta, c, ldc, strideC, batches);
}
SHIM cublasSgemm_v2(Handle* handle, int opA, int opB, int m, int n, int k, const float* alpha, const float* a, int lda, const float* b, int ldb,
                    const float* beta, float* c, int ldc) {
  return gemm(handle, opA, opB, m, n, k, alpha, a, lda, 0LL, b, ldb, 0LL, beta, c, ldc, 0LL, 1);
}
SHIM cublasDgemm_v2(Handle* handle, int opA, int opB, int m, int n, int k, const double* alpha, const double* a, int lda, const double* b, int ldb,
                    const double* beta, double* c, int ldc) {
  return gemm(handle, opA, opB, m, n, k, alpha, a, lda, 0LL, b, ldb, 0LL, beta, c, ldc, 0LL, 1);
}
