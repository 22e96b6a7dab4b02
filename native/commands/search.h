// Search command: out[r, j] (int64) = how many of the ascending sequence[r, 0..n) are below values[r, j] (right: not above it).
//   block = [dtype, rows, n, m, right, shared, sequence address, sorter address, values address, out address]
// All contiguous; shared: one sequence for all rows. A sorter (int64, address 0: none) says in which order its sequence
// ascends; its numbers are in range. A NaN value belongs at the end.
#pragma once
#include "cursor.h"

namespace torchstone {

struct SearchCommand {
  Dtype dtype;
  int64_t rows, n, m;
  bool right, shared;
  char *sequence, *sorter, *values, *out;
};

static inline bool decode(Context& context, SearchCommand& c) {
  Cursor in(context);
  c.dtype = in.dtype();
  c.rows = in.atLeast0(), c.n = in.atLeast0(), c.m = in.atLeast0();
  c.right = in.flag(), c.shared = in.flag();
  c.sequence = in.address(), c.sorter = in.address(), c.values = in.address(), c.out = in.address();
  return in.finish();
}

}  // namespace torchstone
