// Products by cuBLAS, where it is found: which strides it takes, its handle and workspaces.
#pragma once
#include <memory>
#include <unordered_map>

#include "block.h"
#include "driver.h"

namespace torchstone::cuda {

class Card;
class Device;

// C = A·B (+ C) for `count` matrices; strides in elements. Floats of 16 bits are summed in float32 and rounded once.
struct Product {
  Dtype dtype;
  int64_t M, N, K, count;
  bool accumulate;
  struct Matrix {
    char* address;
    int64_t batch, row, column;
  } a, b, c;
};

// False where cuBLAS is not there or does not take this dtype or these strides; nothing was launched then.
bool product(Device& device, const Product& p);

// cublasStatus_t, cublasOperation_t, libraryPropertyType; cublasMath_t: the default one has no TF32, the second has, and the
// last keeps parts of 16-bit floats' sums in float32.
inline constexpr int kBlasSuccess = 0, kBlasPlain = 0, kBlasTransposed = 1, kBlasMajor = 0, kBlasMinor = 1;
inline constexpr int kBlasDefaultMath = 0, kBlasTf32Math = 3, kBlasWholeParts = 16;
// cudaDataType_t, cublasComputeType_t, cublasGemmAlgo_t.
inline constexpr int kBlasHalf = 2, kBlasBrain = 14, kBlasFloat = 0, kBlasDouble = 1, kBlasComplex64 = 4, kBlasComplex128 = 5;
inline constexpr int kBlasSums32 = 68, kBlasSums64 = 70, kBlasAlgorithm = -1;

// X(exported name, parameters); all return cublasStatus_t.
#define TORCHSTONE_CUBLAS(X)                                                                                       \
  X(cublasCreate_v2, (void** handle))                                                                              \
  X(cublasDestroy_v2, (void* handle))                                                                              \
  X(cublasSetStream_v2, (void* handle, CUstream stream))                                                           \
  X(cublasSetWorkspace_v2, (void* handle, void* workspace, size_t bytes))                                          \
  X(cublasSetMathMode, (void* handle, int mode))                                                                   \
  X(cublasGemmStridedBatchedEx_64, (void* handle, int opA, int opB, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int typeA, int64_t lda, \
                                    long long strideA, const void* b, int typeB, int64_t ldb, long long strideB, const void* beta, void* c, int typeC, \
                                    int64_t ldc, long long strideC, int64_t count, int compute, int algorithm))

// One device's handle.
class Blas {
 public:
  Blas(Card& card, void* library);  // @throws Failure{Library}
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;
  bool product(const Product& p);
  // Whether products of float32 may cut their operands to TF32's 10 bits.
  void allowTf32(bool on);
  // The capture is over: what it worked in stays with the graph's memory.
  void endCapture();
  // The stream is about to end, and is idle.
  void forget(CUstream stream);

 private:
  void useStream();
  Card& card_;
#define TS_FIELD(name, parameters) int (*name) parameters = nullptr;
  TORCHSTONE_CUBLAS(TS_FIELD)
#undef TS_FIELD
  void* handle_ = nullptr;
  std::unordered_map<CUstream, char*> workspaces_, captured_;  // of streams; of the capture under way
};

}  // namespace torchstone::cuda
