// Reduce command: a program (the prologue) over kept and reduced dims, its values reduced over the latter.
//   block = [program, reducer, K, R, param × P, size × K (kept), size × R (reduced), out, (outIndex), operand × inputs]
// The program has exactly one output; the accumulator is its compute dtype and `out` has its outDtype. out and outIndex are
// operands with K strides, inputs with K + R. K or R may be 0. Only argmax and argmin have outIndex in the block: the flat
// index within the reduced dims, int64. max, min, argmax and argmin propagate NaN (the first NaN wins); of equals the first
// index wins. Float sums are cascaded, at least as accurate as NumPy's pairwise sums.
#pragma once
#include "cursor.h"

namespace torchstone {

enum Reducer { kSum, kProd, kMax, kMin, kArgmax, kArgmin };

struct ReduceCommand {
  const Program* program;
  const double* params;
  int reducer, K, R;      // R is at least 1: nothing reduced is a reduced dim of size 1
  int64_t* size;          // kept, then reduced
  char *out, *index;      // index: null but for argmax and argmin
  int64_t *outStride, *indexStride;
  char* in[kMaxOperands];
  int64_t* stride[kMaxOperands];
};
static_assert(4 + kMaxParams + kMaxDims + kMaxOperands * operandLength(kMaxDims) + operandLength(kMaxDims) <= kBlockLength);

static inline bool decode(Context& context, ReduceCommand& c) {
  Cursor in(context);
  c.program = in.program();
  if (c.program == nullptr) return in.finish();
  const Program& p = *c.program;
  c.reducer = in.count(kArgmin);
  c.K = in.count(kMaxDims);
  c.R = in.count(kMaxDims - c.K);
  c.params = in.numbers(p.nparams);
  const int ndim = c.K + c.R, spare = c.R == 0 ? 1 : 0;
  c.size = in.sizes(ndim, spare);
  c.out = in.address();
  c.outStride = in.integers(c.K);
  c.index = nullptr;
  c.indexStride = nullptr;
  if (c.reducer >= kArgmax) {
    c.index = in.address();
    c.indexStride = in.integers(c.K);
  }
  for (int i = 0; i < p.nin; ++i) {
    c.in[i] = in.address();
    c.stride[i] = in.integers(ndim, spare);
    if (spare > 0) c.stride[i][ndim] = 0;
  }
  if (spare > 0) c.R = 1, c.size[ndim] = 1;
  in.require(p.nout == 1);
  return in.finish() && isSupported(context, p);
}

}  // namespace torchstone
