// Linalg command: one factorisation or solve for every matrix of a batch.
//   block = [kind, dtype, flags, ndim, M, N, K, info address, size × ndim (batch), a: address, batchStride × ndim, rowStride,
//            colStride, b: the same, out0, out1, out2: addresses]
// a and b have any strides (b repeats a where a kind takes one matrix); every result is a contiguous batch of column-major
// matrices, as LAPACK leaves them.
//
//   kind          reads                                    writes
//   0 lu          a M×N                                    LU packed; int32 row exchanges, min(M, N), from 1
//   1 cholesky    one triangle of a N×N                    L, or U with flag upper; the other triangle 0
//   2 triangular  a N×N, b N×K                             X of A·X = B (flags upper, unit)
//   3 qr          a M×N                                    R with Householder's vectors below; tau
//   4 eigh        one triangle of a N×N                    real values, rising; vectors (address 0: not wanted)
//   5 eig         a N×N                                    complex values; complex vectors (0: not wanted)
//   6 svd         a M×N                                    real values, falling; U; Vᴴ (out1 0: values only; full: all of both)
//   7 ldl         lower triangle of a N×N                  L and D packed as LAPACK's sytrf (flag hermitian: hetrf); int32 exchanges
//   8 ldlSolve    kind 7's a, b N×K, its exchanges (out1)  X
//
// flags: 1 upper, 2 unit diagonal, 4 full, 8 hermitian. `info` (0: not wanted) gets an int32 a matrix, LAPACK's code: 0, or
// where it failed. Computed in double and rounded once for every dtype, and compiled once, for the baseline. float32, float64,
// complex64, complex128.
#pragma once
#include "cursor.h"
#include "gemm.h"

namespace torchstone {

enum class LinalgKind : int { lu, cholesky, triangular, qr, eigh, eig, svd, ldl, ldlSolve };
enum LinalgFlag : int { kUpper = 1, kUnit = 2, kFull = 4, kHermitianMatrix = 8 };

struct LinalgCommand {
  LinalgKind kind;
  Dtype dtype;
  int flags, ndim;  // at least one dim of the batch
  int64_t m, n, k, count;  // count: matrices
  int64_t* size;
  char* info;
  MatrixBatch a, b;
  char* out[3];
};

static inline bool decode(Context& context, LinalgCommand& c) {
  Cursor in(context);
  c.kind = LinalgKind(in.count(int(LinalgKind::ldlSolve)));
  c.dtype = in.dtype();
  c.flags = in.count(kUpper | kUnit | kFull | kHermitianMatrix);
  const int ndim = in.count(kMaxDims);
  c.m = in.atLeast0(), c.n = in.atLeast0(), c.k = in.atLeast0();
  c.info = in.address();
  c.size = in.sizesOfSome(ndim);
  c.ndim = ndim > 0 ? ndim : 1;
  c.count = 1;
  for (int d = 0; d < c.ndim; ++d) c.count *= c.size[d];
  readMatrices(in, ndim, c.a);
  readMatrices(in, ndim, c.b);
  for (char*& address : c.out) address = in.address();
  return in.finish();
}

}  // namespace torchstone
