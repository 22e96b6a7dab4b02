// Pointwise command: a program over every element of a space of dims, outermost first.
//   block = [program, ndim, param × P, size × ndim, operand × outputs, operand × inputs]
// An operand is [address, stride × ndim]. An output may alias an input exactly (in-place).
#pragma once
#include "cursor.h"

namespace torchstone {

struct PointwiseCommand {
  const Program* program;
  const double* params;
  int32_t ndim, nops;           // at least one dim: a scalar has one of size 1 and stride 1
  int64_t* size;
  char* address[kMaxOperands];  // outputs, then inputs
  int64_t* stride[kMaxOperands];
};
static_assert(2 + kMaxParams + kMaxDims + kMaxOperands * operandLength(kMaxDims) <= kBlockLength);

static inline bool decode(Context& context, PointwiseCommand& c) {
  Cursor in(context);
  c.program = in.program();
  if (c.program == nullptr) return in.finish();
  const Program& p = *c.program;
  const int ndim = in.count(kMaxDims);
  c.params = in.numbers(p.nparams);
  c.size = in.sizesOfSome(ndim);
  c.nops = p.nout + p.nin;
  for (int32_t i = 0; i < c.nops; ++i) {
    c.address[i] = in.address();
    c.stride[i] = in.stridesOfSome(ndim, 1);
  }
  c.ndim = ndim > 0 ? ndim : 1;
  return in.finish() && isSupported(context, p);
}

}  // namespace torchstone
