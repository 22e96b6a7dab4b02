// Owns products by cuBLAS, where it is found: which strides it takes, its handle and workspaces. Must not know commands.
#pragma once
#include <memory>
#include <unordered_map>

#include "driver.h"

namespace torchstone::cuda {

class Card;
class Device;

// C = A·B (+ C) for `count` matrices; strides in elements.
struct Product {
  bool doubles;  // else float32
  int64_t M, N, K, count;
  bool accumulate;
  struct Matrix {
    char* address;
    int64_t batch, row, column;
  } a, b, c;
};

// False where cuBLAS is not there or does not take these strides; nothing was launched then.
bool product(Device& device, const Product& p);

// cublasStatus_t, cublasOperation_t, cublasMath_t (the default one has no TF32), libraryPropertyType.
inline constexpr int kBlasSuccess = 0, kBlasPlain = 0, kBlasTransposed = 1, kBlasDefaultMath = 0, kBlasMajor = 0, kBlasMinor = 1;

// X(exported name, parameters); all return cublasStatus_t.
#define TORCHSTONE_CUBLAS(X)                                                                                       \
  X(cublasCreate_v2, (void** handle))                                                                              \
  X(cublasDestroy_v2, (void* handle))                                                                              \
  X(cublasSetStream_v2, (void* handle, CUstream stream))                                                           \
  X(cublasSetWorkspace_v2, (void* handle, void* workspace, size_t bytes))                                          \
  X(cublasSetMathMode, (void* handle, int mode))                                                                   \
  X(cublasSgemmStridedBatched, (void* handle, int opA, int opB, int m, int n, int k, const float* alpha, const void* a, int lda, long long strideA, \
                                const void* b, int ldb, long long strideB, const float* beta, void* c, int ldc, long long strideC, int count)) \
  X(cublasDgemmStridedBatched, (void* handle, int opA, int opB, int m, int n, int k, const double* alpha, const void* a, int lda, long long strideA, \
                                const void* b, int ldb, long long strideB, const double* beta, void* c, int ldc, long long strideC, int count))

// One device's handle.
class Blas {
 public:
  Blas(Card& card, void* library);  // @throws Failure{Library}
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;
  bool product(const Product& p);

 private:
  void useStream();
  Card& card_;
#define TS_FIELD(name, parameters) int (*name) parameters = nullptr;
  TORCHSTONE_CUBLAS(TS_FIELD)
#undef TS_FIELD
  void* handle_ = nullptr;
  std::unordered_map<CUstream, char*> workspaces_;
};

}  // namespace torchstone::cuda
