// The search kernel family: where each value belongs in an ascending row, by halving.
#include <cstdint>

#include "commands/search.h"
#include "cpu/isa.h"
#include "cpu/parallel.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kGrain = 1 << 12;  // searches below which starting a team costs more than it saves
constexpr double kWeight = 16;       // additions that one search takes the time of

struct Search : SearchCommand {
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
  const int64_t* sorter = reinterpret_cast<const int64_t*>(s.sorter);
  int64_t* out = reinterpret_cast<int64_t*>(s.out);
  const int64_t count = s.rows * s.m;
  forEachStretch(count, chunkLength(count, double(count) * kWeight), count >= kGrain ? s.threads : 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t start = s.shared ? 0 : i / s.m * s.n;
      out[i] = place<T>(sequence + start, sorter ? sorter + start : nullptr, s.n, values[i], s.right);
    }
  });
}

}  // namespace

void search(Context& ctx) {
  Search s;
  if (!decode(ctx, s)) return;
  s.threads = ctx.threads;
  setStatus(ctx, kOk);
  switch (s.dtype) {
    case Dtype::Bool: case Dtype::UInt8: return searchAs<uint8_t>(s);
    case Dtype::Int8: return searchAs<int8_t>(s);
    case Dtype::Int16: return searchAs<int16_t>(s);
    case Dtype::Int32: return searchAs<int32_t>(s);
    case Dtype::Int64: return searchAs<int64_t>(s);
    case Dtype::Float32: return searchAs<float>(s);
    case Dtype::Float64: return searchAs<double>(s);
    default: setStatus(ctx, kBadDtype, s.dtype);
  }
}

}  // namespace torchstone::TORCHSTONE_ISA
