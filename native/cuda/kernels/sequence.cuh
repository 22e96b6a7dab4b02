// Sequences of numbers: evenly spaced ones, and where values belong in ascending rows.
#pragma once
#include "program.cuh"

namespace torchstone::device {

constexpr int kSequenceThreads = 256;

struct RangeArgs {
  int64_t n;
  char* out;
  double start, step;
};

// W is double for floats, uint64_t for integers, whose sequences wrap.
template <class T, class W> TS_INLINE void rangeElements(const RangeArgs& a) {
  const int64_t i = int64_t(blockIdx.x) * kSequenceThreads + threadIdx.x;
  if (i >= a.n) return;
  W x;
  if constexpr (ops::kReal<W>) x = a.start + double(i) * a.step;
  else x = W(int64_t(a.start)) + W(i) * W(int64_t(a.step));
  if constexpr (kSame<T, Bool>) reinterpret_cast<Bool*>(a.out)[i] = Bool{uint8_t(x != 0)};
  else reinterpret_cast<T*>(a.out)[i] = T(x);
}

struct SearchArgs {
  int64_t count, n, m, right, shared;
  const char* sequence;
  const int64_t* sorter;
  const char* values;
  int64_t* out;
};

template <class T> TS_INLINE void searchElements(const SearchArgs& s) {
  const int64_t i = int64_t(blockIdx.x) * kSequenceThreads + threadIdx.x;
  if (i >= s.count) return;
  const int64_t start = s.shared ? 0 : i / s.m * s.n;
  const T* row = reinterpret_cast<const T*>(s.sequence) + start;
  const T value = reinterpret_cast<const T*>(s.values)[i];
  int64_t low = 0, high = s.n;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const T x = row[s.sorter != nullptr ? s.sorter[start + middle] : middle];
    // A NaN on either side goes on to the right, as torch.
    if (s.right ? !(x > value) : !(x >= value)) low = middle + 1;
    else high = middle;
  }
  s.out[i] = low;
}

}  // namespace torchstone::device
