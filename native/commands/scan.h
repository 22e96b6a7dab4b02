// Scan command: cumulative sum, product, maximum, minimum or log-sum-exp along one dim of n elements.
//   block = [op, dtype, K, size × K (kept), n, in: address, stride × K, strideN, out: the same, (outIndex: the same)]
// Only cummax and cummin have outIndex (int64): where the extreme was. logcumsumexp takes floats.
#pragma once
#include "cursor.h"

namespace torchstone {

enum ScanOp { kCumsum, kCumprod, kCummax, kCummin, kLogcumsumexp };

struct ScanOperand {
  char* address;
  int64_t* stride;  // of the kept dims
  int64_t along;    // of the scanned dim
};

struct ScanCommand {
  ScanOp op;
  Dtype dtype;
  int K;  // at least one kept dim
  int64_t* size;
  int64_t n;
  ScanOperand in, out, index;  // index.address: null but for cummax and cummin
  TS_READ bool indexed() const { return op == kCummax || op == kCummin; }
};

static inline bool decode(Context& context, ScanCommand& c) {
  Cursor in(context);
  c.op = ScanOp(in.count(kLogcumsumexp));
  c.dtype = in.dtype();
  const int K = in.count(kMaxDims);
  c.size = in.sizesOfSome(K);
  c.n = in.positive();
  const auto operand = [&](ScanOperand& o) {
    o.address = in.address();
    o.stride = in.stridesOfSome(K);
    o.along = in.integer();
  };
  operand(c.in);
  operand(c.out);
  if (c.indexed()) operand(c.index);
  else c.index = {nullptr, nullptr, 0};
  c.K = K > 0 ? K : 1;
  return in.finish();
}

}  // namespace torchstone
