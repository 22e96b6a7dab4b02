// Index commands: reading and writing through index tensors (indexGet, indexPut), and nonzero.
//   indexGet = [itemBytes, ndim, M, size × ndim, out, in, (index operand, dimSize, inStride) × M]
// out[…] = in[… + Σ idx_m · inStride_m] for every position of the result's space. `in` has ndim strides (0 where a dim is
// driven by an index alone). Index operands are int64 with ndim strides. A negative index wraps once, unless dimSize is given
// negative, which forbids it. One outside gives status 1: nothing is read by it, and `out` may be written in part, so it must
// be fresh.
//   indexPut = [mode, dtype, ndim, M, size × ndim, dst, src, (index operand, dimSize, dstStride) × M]
// dst[… + Σ idx·stride] op= src[…]: mode 0 replace, 1 add, 2 multiply, 3 amax, 4 amin. Sequential in iteration order, so that
// duplicates are deterministic.
//   nonzero = [dtype, ndim, phase, size × ndim, in operand, outAddress]
// Phase 0 counts (block[1] = count); phase 1 writes int64 coordinates [count, ndim], contiguous, in row-major order.
#pragma once
#include "cursor.h"

namespace torchstone {

enum PutMode { kReplace, kAdd, kMultiply, kMaximum, kMinimum };

struct IndexOperand {
  char* address;
  int64_t* stride;
  int64_t dimSize;  // negative: its size, and negative indices are forbidden
  int64_t step;     // elements that one more in the index moves `moved`
};

struct IndexCommand {
  PutMode mode;         // of a put
  Dtype dtype;          // of a put
  int64_t itemBytes;
  int ndim, indices;    // at least one dim
  int64_t* size;
  char *moved, *plain;  // `moved` is the operand that the indices move: in of a get, dst of a put
  int64_t *movedStride, *plainStride;
  IndexOperand index[kMaxDims];
};
static_assert(4 + kMaxDims + 2 * operandLength(kMaxDims) + kMaxDims * (2 + operandLength(kMaxDims)) <= kBlockLength);

// The dims, then the operands in the order in which they stand.
static inline void readIndexed(Cursor& in, IndexCommand& c, bool put) {
  const int ndim = in.count(kMaxDims);
  c.indices = in.count(kMaxDims);
  c.size = in.sizesOfSome(ndim);
  char*& first = put ? c.moved : c.plain;
  char*& second = put ? c.plain : c.moved;
  first = in.address();
  (put ? c.movedStride : c.plainStride) = in.stridesOfSome(ndim);
  second = in.address();
  (put ? c.plainStride : c.movedStride) = in.stridesOfSome(ndim);
  for (int m = 0; m < c.indices; ++m) {
    IndexOperand& i = c.index[m];
    i.address = in.address();
    i.stride = in.stridesOfSome(ndim);
    i.dimSize = in.integer();
    i.step = in.integer();
  }
  c.ndim = ndim > 0 ? ndim : 1;
}

static inline bool decodeGet(Context& context, IndexCommand& c) {
  Cursor in(context);
  c.itemBytes = in.between(1, 16);
  in.require((c.itemBytes & (c.itemBytes - 1)) == 0);
  readIndexed(in, c, false);
  return in.finish();
}

static inline bool decodePut(Context& context, IndexCommand& c) {
  Cursor in(context);
  c.mode = PutMode(in.count(kMinimum));
  c.dtype = in.dtype();
  c.itemBytes = kItemSize[int(c.dtype)];
  readIndexed(in, c, true);
  return in.finish();
}

struct NonzeroCommand {
  Dtype dtype;
  int ndim;        // at least one dim
  bool writes;     // else it counts; a scalar has no coordinates to write
  int64_t *size, *stride;
  char *in, *out;
};

static inline bool decode(Context& context, NonzeroCommand& c) {
  Cursor in(context);
  c.dtype = in.dtype();
  const int ndim = in.count(kMaxDims);
  c.writes = in.flag() && ndim > 0;
  c.size = in.sizesOfSome(ndim);
  c.in = in.address();
  c.stride = in.stridesOfSome(ndim);
  c.out = in.address();
  c.ndim = ndim > 0 ? ndim : 1;
  return in.finish();
}

}  // namespace torchstone
