// Multi-tensor pointwise command: one program over several tensors, each of one dim without gaps.
//   block = [program, count, param × P, (size, address × outputs, address × inputs) × count]
// An output may alias an input of the same tensor exactly (in-place); different tensors share no memory that is written.
#pragma once
#include "cursor.h"

namespace torchstone {

struct MultiPointwiseCommand {
  const Program* program;
  const double* params;
  int32_t count, nops;  // tensors, and operands of each
  const int64_t* rows;  // size and addresses of one tensor after another
  int64_t size(int64_t tensor) const { return rows[tensor * (1 + nops)]; }
  char* address(int64_t tensor, int32_t operand) const {
    return reinterpret_cast<char*>(uintptr_t(rows[tensor * (1 + nops) + 1 + operand]));
  }
};

static inline bool decode(Context& context, MultiPointwiseCommand& c) {
  Cursor in(context);
  c.program = in.program();
  if (c.program == nullptr) return in.finish();
  const Program& p = *c.program;
  c.nops = p.nout + p.nin;
  c.count = in.count((kBlockLength - 2 - p.nparams) / (1 + c.nops));
  c.params = in.numbers(p.nparams);
  int64_t* rows = in.integers(0, c.count * (1 + c.nops));
  c.rows = rows;
  for (int32_t i = 0; i < c.count; ++i) {
    *rows++ = in.positive();
    for (int32_t k = 0; k < c.nops; ++k) *rows++ = int64_t(uintptr_t(in.address()));
  }
  return in.finish() && isSupported(context, p);
}

}  // namespace torchstone
