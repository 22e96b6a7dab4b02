// Sort command: the first k of every sorted row of n elements, values and indices. Stable; NaN is the greatest.
//   block = [dtype, rows, n, descending, in address, values address, indices address, k]
// Contiguous: in [rows, n], values and indices (int64) [rows, k]. The address of values or indices may be 0 (not wanted).
#pragma once
#include "cursor.h"

namespace torchstone {

struct SortCommand {
  Dtype dtype;
  int64_t rows, n, k;
  bool descending;
  char *in, *values, *indices;
};

static inline bool decode(Context& context, SortCommand& c) {
  Cursor in(context);
  c.dtype = in.dtype();
  c.rows = in.atLeast0(), c.n = in.atLeast0();
  c.descending = in.flag();
  c.in = in.address(), c.values = in.address(), c.indices = in.address();
  c.k = in.between(0, c.n);
  return in.finish();
}

}  // namespace torchstone
