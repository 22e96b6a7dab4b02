// Arange command: out[i] = start + i·step, computed in double for floats and in int64 for integers.
//   block = [dtype, address, n, start, step]
#pragma once
#include "cursor.h"

namespace torchstone {

struct ArangeCommand {
  Dtype dtype;
  char* out;
  int64_t n;
  double start, step;
};

static inline bool decode(Context& context, ArangeCommand& c) {
  Cursor in(context);
  c.dtype = in.dtype();
  c.out = in.address();
  c.n = in.atLeast0();
  c.start = in.number(), c.step = in.number();
  return in.finish();
}

}  // namespace torchstone
