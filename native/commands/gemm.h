// Gemm command: C = A·B (+ C when accumulate is 1) for every matrix of a batch; A is M×K, B is K×N.
//   block = [dtype, B, size × B (batch), M, N, K, accumulate, a: address, batchStride × B, rowStride, colStride, b, c: the same]
// A and B have any strides (0 and negative too); C has any that do not overlap. float32, float64 and all integer dtypes
// (wrapping); on CUDA also float16 and bfloat16, summed in float32 and rounded once, and complex. K may be 0 (C = 0).
#pragma once
#include <initializer_list>

#include "cursor.h"

namespace torchstone {

// A batch of matrices with any strides, in elements.
struct MatrixBatch {
  char* address;
  int64_t* batch;
  int64_t row, column;
};

struct GemmCommand {
  Dtype dtype;
  int batches;  // at least one dim of the batch
  int64_t* size;
  int64_t M, N, K;
  bool accumulate;
  MatrixBatch a, b, c;
};

static inline void readMatrices(Cursor& in, int batches, MatrixBatch& m) {
  m.address = in.address();
  m.batch = in.stridesOfSome(batches);
  m.row = in.integer();
  m.column = in.integer();
}

static inline bool decode(Context& context, GemmCommand& c) {
  Cursor in(context);
  c.dtype = in.dtype();
  const int batches = in.count(kMaxDims);
  c.size = in.sizesOfSome(batches);
  c.M = in.atLeast0(), c.N = in.atLeast0(), c.K = in.atLeast0();
  c.accumulate = in.flag();
  for (MatrixBatch* m : {&c.a, &c.b, &c.c}) readMatrices(in, batches, *m);
  c.batches = batches > 0 ? batches : 1;
  return in.finish();
}

}  // namespace torchstone
