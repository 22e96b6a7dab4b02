// Random command: fills n contiguous elements from Philox4x32-10. Counter based: element i depends on (seed, offset, i) only.
//   block = [kind, dtype, address, n, seedLo, seedHi, offsetLo, offsetHi, p0, p1]
// Kinds: 0 uniform [p0, p1), 1 normal(mean p0, std p1), 2 integer [p0, p1), 3 bernoulli(p0) as 0 or 1, 4 exponential(rate p0),
// 5 raw 63-bit integers (int64). Result: block[1] = how far the caller must advance the 64-bit offset, in counters.
#pragma once
#include "cursor.h"

namespace torchstone {

enum class RandomKind : int { Uniform, Normal, Integer, Bernoulli, Exponential, Raw };

struct RandomCommand {
  RandomKind kind;
  Dtype dtype;
  char* out;
  int64_t n;
  uint64_t seed, offset;
  double p0, p1;
};

static inline bool decode(Context& context, RandomCommand& c) {
  Cursor in(context);
  c.kind = RandomKind(in.count(int(RandomKind::Raw)));
  c.dtype = in.dtype();
  c.out = in.address();
  c.n = in.atLeast0();
  const auto word = [&] { return uint64_t(in.between(0, UINT32_MAX)); };
  c.seed = word();
  c.seed |= word() << 32;
  c.offset = word();
  c.offset |= word() << 32;
  c.p0 = in.number(), c.p1 = in.number();
  return in.finish();
}

}  // namespace torchstone
