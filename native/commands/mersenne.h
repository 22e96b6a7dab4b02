// Mersenne command: fills n contiguous elements with the numbers that PyTorch's generator for the CPU gives, and moves it on.
//   block = [kind, dtype, address, n, state, p0, p1, in, inDtype]
// Kinds: 0 uniform [p0, p1), 1 normal (mean p0, deviation p1) one by one, 2 the same in blocks of 16, 3 integers in [p0, p1),
// 4 bernoulli(p0), 5 bernoulli of the probabilities at `in`, 6 exponential (rate p0), 7 cauchy (median p0, scale p1),
// 8 logarithmic normal (p0, p1), 9 geometric (p0), 10 a permutation, 11 categories: p1 draws from each row of p0 weights at `in`.
// State: the address of a generator's 5,056 bytes (native/cpu/random/mt19937.h).
#pragma once
#include "cursor.h"

namespace torchstone {

enum class MersenneKind : int {
  Uniform, Normal, NormalBlocks, Integer, Bernoulli, BernoulliOf, Exponential, Cauchy, LogNormal, Geometric, Permutation, Categories,
};

struct MersenneCommand {
  MersenneKind kind;
  Dtype dtype;
  char* out;
  int64_t n;
  char* state;
  double p0, p1;
  const char* in;  // as long as `out`, or rows of weights
  Dtype inDtype;
};

static inline bool decode(Context& context, MersenneCommand& c) {
  Cursor in(context);
  c.kind = MersenneKind(in.count(int(MersenneKind::Categories)));
  c.dtype = in.dtype();
  c.out = in.address();
  c.n = in.atLeast0();
  c.state = in.address();
  c.p0 = in.number(), c.p1 = in.number();
  c.in = in.address();
  c.inDtype = in.dtype();
  // A block goes back 16 elements from the end; rows have categories and draws.
  in.require(c.kind != MersenneKind::NormalBlocks || c.n >= 16);
  in.require(c.kind != MersenneKind::Categories || (c.p0 >= 1 && c.p1 >= 1));
  return in.finish();
}

}  // namespace torchstone
