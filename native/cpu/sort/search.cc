// Owns the search family: where each value belongs in an ascending row, by halving. Per native/README.md.
#include <cstdint>

#include "block.h"
#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kGrain = 1 << 12;  // searches below which starting a team costs more than it saves

struct Search {
  int64_t rows, n, m;
  bool right, shared;
  const char* sequence;
  const int64_t* sorter;
  const char* values;
  int64_t* out;
  int threads;
};

template <class T> int64_t place(const T* row, const int64_t* order, int64_t n, T value, bool right) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const T x = row[order ? order[middle] : middle];
    if (right ? !(x > value) : !(x >= value)) low = middle + 1;  // a NaN on either side goes on to the right, as torch
    else high = middle;
  }
  return low;
}

template <class T> void searchAs(const Search& s) {
  const T* sequence = reinterpret_cast<const T*>(s.sequence);
  const T* values = reinterpret_cast<const T*>(s.values);
  const int64_t count = s.rows * s.m;
#pragma omp parallel for num_threads(s.threads) schedule(static) if (s.threads > 1 && count >= kGrain)
  for (int64_t i = 0; i < count; ++i) {
    const int64_t start = s.shared ? 0 : i / s.m * s.n;
    s.out[i] = place<T>(sequence + start, s.sorter ? s.sorter + start : nullptr, s.n, values[i], s.right);
  }
}

}  // namespace

void search(Context& ctx) {
  Cursor c(ctx.block);
  const auto dtype = static_cast<Dtype>(c.integer());
  Search s;
  s.rows = c.integer(), s.n = c.integer(), s.m = c.integer();
  s.right = c.integer() != 0, s.shared = c.integer() != 0;
  s.sequence = c.address();
  s.sorter = reinterpret_cast<const int64_t*>(c.address());
  s.values = c.address();
  s.out = reinterpret_cast<int64_t*>(c.address());
  s.threads = ctx.threads;
  ctx.block[0] = kOk;
  switch (dtype) {
    case Dtype::Bool: case Dtype::UInt8: return searchAs<uint8_t>(s);
    case Dtype::Int8: return searchAs<int8_t>(s);
    case Dtype::Int16: return searchAs<int16_t>(s);
    case Dtype::Int32: return searchAs<int32_t>(s);
    case Dtype::Int64: return searchAs<int64_t>(s);
    case Dtype::Float32: return searchAs<float>(s);
    case Dtype::Float64: return searchAs<double>(s);
    default: ctx.block[0] = kBadDtype, ctx.block[1] = static_cast<double>(dtype);
  }
}

}  // namespace torchstone::TORCHSTONE_ISA
