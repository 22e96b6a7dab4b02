// The walk over positions that the index kernel families share, and indexGet's reading along it. index.cc reports bad indices,
// and checks all of them beforehand but where checksItself().
#pragma once
#include <cstdint>
#include <cstring>

#include "commands/index.h"
#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kGrain = 1 << 15;  // elements below which starting a team costs more than it saves
constexpr int64_t kSpan = 256;       // positions resolved at a time when several indices, or a put, need a buffer

struct Index {
  const char* address;
  const int64_t* stride;     // bytes
  int64_t size;              // of the dim it picks from
  int64_t low;               // the least index: -size where negative ones count from the end, else 0
  int64_t step;              // bytes that one more in the index moves the target
};

// `x` is the operand that the indices move (in of a get, dst of a put), `y` the plain one. Strides in bytes.
struct Plan {
  int ndim, M;
  const int64_t* size;
  char* xAddress;
  char* yAddress;
  const int64_t *x, *y;
  Index index[kMaxDims];
  int64_t total;
  bool varies;  // some index varies along the innermost dim
};

TS_INLINE int64_t wrap(int64_t at, int64_t size) { return at < 0 ? at + size : at; }

// Where one row of the iteration space starts, in every operand.
struct Row {
  int64_t at[kMaxDims];
  char* x;
  char* y;
  const char* index[kMaxDims];
};

void seek(const Plan& p, Row& r, int64_t position) {
  r.x = p.xAddress, r.y = p.yAddress;
  for (int m = 0; m < p.M; ++m) r.index[m] = p.index[m].address;
  for (int d = p.ndim - 1; d >= 0; --d) {
    r.at[d] = position % p.size[d];
    position /= p.size[d];
    r.x += r.at[d] * p.x[d], r.y += r.at[d] * p.y[d];
    for (int m = 0; m < p.M; ++m) r.index[m] += r.at[d] * p.index[m].stride[d];
  }
}

// Moves by `count` along the innermost dim, and to the next row at its end.
void advance(const Plan& p, Row& r, int64_t count) {
  for (int d = p.ndim - 1; d >= 0; --d) {
    r.at[d] += count;
    int64_t moved = count;
    const bool stays = r.at[d] < p.size[d];
    if (!stays) moved -= p.size[d], r.at[d] = 0;
    r.x += moved * p.x[d], r.y += moved * p.y[d];
    for (int m = 0; m < p.M; ++m) r.index[m] += moved * p.index[m].stride[d];
    if (stays) return;
    count = 1;
  }
}

// Byte offsets of x for `n` positions of a row.
void resolve(const Plan& p, const Row& r, int64_t n, int64_t* offset) {
  // Locals, for the compiler must assume that a store to `offset` changes the plan.
  const int last = p.ndim - 1;
  const int64_t along = p.x[last];
  for (int64_t i = 0; i < n; ++i) offset[i] = i * along;
  for (int m = 0; m < p.M; ++m) {
    const int64_t stride = p.index[m].stride[last], size = p.index[m].size, step = p.index[m].step;
    const char* const picks = r.index[m];
    for (int64_t i = 0; i < n; ++i)
      offset[i] += wrap(*reinterpret_cast<const int64_t*>(picks + i * stride), size) * step;
  }
}

// The same where no index varies along the row: one offset for all of it.
TS_INLINE int64_t resolveRow(const Plan& p, const Row& r) {
  int64_t offset = 0;
  for (int m = 0; m < p.M; ++m)
    offset += wrap(*reinterpret_cast<const int64_t*>(r.index[m]), p.index[m].size) * p.index[m].step;
  return offset;
}

struct Item16 { uint64_t a, b; };

// out = value of `in`, for a row; T only says how many bytes an item has.
template <class T>
void copyRow(char* out, int64_t outStep, const char* in, int64_t inStep, int64_t n) {
  if (outStep == sizeof(T) && inStep == sizeof(T) && n * sizeof(T) >= 64) {
    memcpy(out, in, n * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; ++i) *reinterpret_cast<T*>(out + i * outStep) = *reinterpret_cast<const T*>(in + i * inStep);
  }
}

// One index that picks neighbours for a dense row. Two loads and a store an element: vector gathers and what a compiler makes of the
// plain loop are slower. Where negative indices are forbidden, four are checked just before they are read, false at one
// outside: vector checks of longer blocks, whose loads the picks then wait for, are slower. Others have been checked; they wrap.
template <class T, bool checks>
__attribute__((optimize("no-tree-vectorize"))) bool gatherDense(T* out, const T* in, const int64_t* picks, int64_t n, int64_t size) {
  const auto outside = [=](int64_t at) { return checks && static_cast<uint64_t>(at) >= static_cast<uint64_t>(size); };
  const auto read = [=](int64_t at) { return in[checks ? at : wrap(at, size)]; };
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const int64_t a = picks[i], b = picks[i + 1], c = picks[i + 2], d = picks[i + 3];
    if (outside(a) | outside(b) | outside(c) | outside(d)) return false;
    const T first = read(a), second = read(b), third = read(c), fourth = read(d);
    out[i] = first, out[i + 1] = second, out[i + 2] = third, out[i + 3] = fourth;
  }
  for (; i < n; ++i) {
    if (outside(picks[i])) return false;
    out[i] = read(picks[i]);
  }
  return true;
}

// Whether rows are gathered by gatherDense.
bool isDense(const Plan& p, int64_t itemSize) {
  const int last = p.ndim - 1;
  return p.M == 1 && p.y[last] == itemSize && p.x[last] == 0 && p.index[0].step == itemSize &&
         p.index[0].stride[last] == sizeof(int64_t);
}

// Whether getRange checks the indices itself.
bool checksItself(const Plan& p, int64_t itemSize) { return isDense(p, itemSize) && p.index[0].low == 0; }

// One index, no buffer.
template <class T>
void gatherRow(const Plan& p, const Row& r, int64_t n) {
  const int last = p.ndim - 1;
  const Index& index = p.index[0];
  // Locals, for the compiler must assume that a store of 8 bytes changes the plan.
  const int64_t outStep = p.y[last], inStep = p.x[last], stride = index.stride[last], size = index.size, step = index.step;
  char* const out = r.y;
  const char* const in = r.x;
  const char* const picks = r.index[0];
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = wrap(*reinterpret_cast<const int64_t*>(picks + i * stride), size);
    *reinterpret_cast<T*>(out + i * outStep) = *reinterpret_cast<const T*>(in + i * inStep + at * step);
  }
}

// False at an index outside, where it checks them itself.
template <class T>
bool getRange(const Plan& p, int64_t begin, int64_t end) {
  const int last = p.ndim - 1;
  const int64_t outStep = p.y[last];
  const bool dense = isDense(p, sizeof(T));
  Row r;
  seek(p, r, begin);
  for (int64_t position = begin; position < end;) {
    int64_t n = p.size[last] - r.at[last];
    if (n > end - position) n = end - position;
    if (dense) {
      const auto gather = checksItself(p, sizeof(T)) ? gatherDense<T, true> : gatherDense<T, false>;
      const auto* picks = reinterpret_cast<const int64_t*>(r.index[0]);
      if (!gather(reinterpret_cast<T*>(r.y), reinterpret_cast<const T*>(r.x), picks, n, p.index[0].size)) return false;
    } else if (!p.varies) {
      copyRow<T>(r.y, outStep, r.x + resolveRow(p, r), p.x[last], n);
    } else if (p.M == 1) {
      gatherRow<T>(p, r, n);
    } else {
      int64_t offset[kSpan];
      if (n > kSpan) n = kSpan;
      resolve(p, r, n, offset);
      char* const out = r.y;
      for (int64_t i = 0; i < n; ++i) *reinterpret_cast<T*>(out + i * outStep) = *reinterpret_cast<const T*>(r.x + offset[i]);
    }
    position += n;
    advance(p, r, n);
  }
  return true;
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
