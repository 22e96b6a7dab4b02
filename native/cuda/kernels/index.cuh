// Looking elements up and putting them in by index tensors, and the coordinates of what is not zero.
// Nothing is read or written through an index out of range: it is reported.
#pragma once
#include "program.cuh"

namespace torchstone::device {

constexpr int kIndexThreads = 256;

struct Item16 { uint64_t v[2]; };

// x is the operand that the indices move, y the plain one.
template <int D, int M> struct IndexArgs {
  int64_t n;
  void* error;
  char* x;
  char* y;
  const int64_t* index[M > 0 ? M : 1];
  int64_t size[M > 0 ? M : 1];  // negative: negative indices are refused
  int64_t step[M > 0 ? M : 1];
  Space<D, 2 + M> space;
};

// Where element i is in x and y, in elements. False, and reported, where an index is out of range.
template <int D, int M> TS_INLINE bool resolve(const IndexArgs<D, M>& a, int64_t i, int64_t& x, int64_t& y) {
  int64_t at[2 + M] = {};
  a.space.locate(a.space, i, at);
  x = at[0];
  y = at[1];
#pragma unroll
  for (int m = 0; m < M; ++m) {
    const int64_t v = a.index[m][at[2 + m]], size = a.size[m] < 0 ? -a.size[m] : a.size[m];
    if (v >= size || v < (a.size[m] < 0 ? 0 : -size)) {
      tsFail(a.error, 1, v, m, size);
      return false;
    }
    x += (v < 0 ? v + size : v) * a.step[m];
  }
  return true;
}

template <class T, int D, int M> TS_INLINE void getElements(const IndexArgs<D, M>& a) {
  const int64_t i = int64_t(blockIdx.x) * kIndexThreads + threadIdx.x;
  int64_t x, y;
  if (i < a.n && resolve(a, i, x, y)) reinterpret_cast<T*>(a.y)[y] = reinterpret_cast<const T*>(a.x)[x];
}

enum PutMode { kReplace, kAdd, kMultiply, kMaximum, kMinimum };

// As native/cpu/index/index.cc: integers wrap, NaN wins, bool adds by OR and multiplies by AND, 16-bit floats combine in float32.
template <PutMode mode, class T> TS_INLINE T combined(T old, T value) {
  if constexpr (kShort<T>) {
    T y;
    put(&y, combined<mode>(widen(old), widen(value)));
    return y;
  } else if constexpr (kSame<T, Bool>) {
    return Bool{uint8_t(mode == kMultiply || mode == kMinimum ? old.v & value.v : old.v | value.v)};
  } else if constexpr (mode == kAdd) return ops::add::apply(old, value);
  else if constexpr (mode == kMultiply) return ops::mul::apply(old, value);
  else if constexpr (mode == kMaximum) return value > old || value != value ? value : old;
  else return value < old || value != value ? value : old;
}

// One element replaced by f(itself, value) at once; several threads may want the same one. Elements below 32 bits are
// changed within their word.
template <PutMode mode, class T> TS_INLINE void combineAt(T* at, T value) {
  if constexpr (mode == kAdd && (ops::kReal<T> || sizeof(T) >= 4)) {
    tsAtomicAdd(at, value);
  } else if constexpr (sizeof(T) == 8) {
    auto* word = reinterpret_cast<uint64_t*>(at);
    for (uint64_t old = *word;;) {
      const uint64_t wanted = __builtin_bit_cast(uint64_t, combined<mode>(__builtin_bit_cast(T, old), value));
      const uint64_t seen = wanted == old ? old : tsAtomicCas(word, old, wanted);
      if (seen == old) return;
      old = seen;
    }
  } else if constexpr (sizeof(T) == 4) {
    auto* word = reinterpret_cast<uint32_t*>(at);
    for (uint32_t old = *word;;) {
      const uint32_t wanted = __builtin_bit_cast(uint32_t, combined<mode>(__builtin_bit_cast(T, old), value));
      const uint32_t seen = wanted == old ? old : tsAtomicCas(word, old, wanted);
      if (seen == old) return;
      old = seen;
    }
  } else {
    const uintptr_t address = reinterpret_cast<uintptr_t>(at);
    auto* word = reinterpret_cast<uint32_t*>(address & ~uintptr_t(3));
    const int shift = int(address & 3) * 8;
    constexpr uint32_t kMask = sizeof(T) == 1 ? 0xffu : 0xffffu;
    for (uint32_t old = *word;;) {
      T x;
      const uint32_t part = old >> shift & kMask;
      if constexpr (sizeof(T) == 1) x = __builtin_bit_cast(T, uint8_t(part));
      else x = __builtin_bit_cast(T, uint16_t(part));
      x = combined<mode>(x, value);
      uint32_t bits;
      if constexpr (sizeof(T) == 1) bits = __builtin_bit_cast(uint8_t, x);
      else bits = __builtin_bit_cast(uint16_t, x);
      const uint32_t wanted = (old & ~(kMask << shift)) | bits << shift;
      const uint32_t seen = wanted == old ? old : tsAtomicCas(word, old, wanted);
      if (seen == old) return;
      old = seen;
    }
  }
}

template <class T, PutMode mode, int D, int M> TS_INLINE void putElements(const IndexArgs<D, M>& a) {
  const int64_t i = int64_t(blockIdx.x) * kIndexThreads + threadIdx.x;
  int64_t x, y;
  if (i >= a.n || !resolve(a, i, x, y)) return;
  T* to = reinterpret_cast<T*>(a.x) + x;
  const T value = reinterpret_cast<const T*>(a.y)[y];
  if constexpr (mode == kReplace) *to = value;
  else combineAt<mode>(to, value);
}

// --- nonzero: every block counts its stretch, the counts are summed in order, then every block writes behind those before ---

constexpr int kStretch = 8 * kIndexThreads;

template <int D> struct NonzeroArgs {
  int64_t n;
  const char* in;
  int64_t* counts;  // one a block, and the total behind them
  int64_t* out;     // [total, D]
  Space<D, 1> space;
};

// T: the element as raw bits; `mask` takes away what makes a zero look otherwise, the sign of floats.
template <class T, uint64_t mask, int D> TS_INLINE bool isHit(const NonzeroArgs<D>& a, int64_t i) {
  int64_t at[1] = {};
  a.space.locate(a.space, i, at);
  return (reinterpret_cast<const T*>(a.in)[at[0]] & T(mask)) != 0;
}

// The sum of one value a thread over the threads before this one; `all` gets the sum over the block. Every thread calls it.
TS_INLINE int32_t sumBefore(int32_t value, int32_t& all) {
  TS_SHARED int32_t sums[kIndexThreads];
  const int me = int(threadIdx.x);
  sums[me] = value;
  tsBarrier();
  for (int by = 1; by < kIndexThreads; by *= 2) {
    const int32_t other = me >= by ? sums[me - by] : 0;
    tsBarrier();
    sums[me] += other;
    tsBarrier();
  }
  all = sums[kIndexThreads - 1];
  const int32_t before = sums[me] - value;
  tsBarrier();
  return before;
}

template <class T, uint64_t mask, int D> TS_INLINE void countHits(const NonzeroArgs<D>& a) {
  const int64_t first = int64_t(blockIdx.x) * kStretch;
  int32_t mine = 0, all;
  for (int k = 0; k < kStretch / kIndexThreads; ++k) {
    const int64_t i = first + k * kIndexThreads + threadIdx.x;
    mine += i < a.n && isHit<T, mask>(a, i);
  }
  sumBefore(mine, all);
  if (threadIdx.x == 0) a.counts[blockIdx.x] = all;
}

struct CountsArgs {
  int64_t blocks;
  int64_t* counts;
};

// One block: counts become what stands before them, the total goes behind the last.
TS_INLINE void sumCounts(const CountsArgs& a) {
  TS_SHARED int64_t part[kIndexThreads];
  const int64_t share = (a.blocks + kIndexThreads - 1) / kIndexThreads, first = int64_t(threadIdx.x) * share;
  const int64_t end = first + share < a.blocks ? first + share : a.blocks;
  int64_t sum = 0;
  for (int64_t i = first; i < end; ++i) sum += a.counts[i];
  part[threadIdx.x] = sum;
  tsBarrier();
  int64_t before = 0;
  for (int t = 0; t < int(threadIdx.x); ++t) before += part[t];
  for (int64_t i = first; i < end; ++i) {
    const int64_t count = a.counts[i];
    a.counts[i] = before;
    before += count;
  }
  if (threadIdx.x == kIndexThreads - 1) a.counts[a.blocks] = before;
}

template <class T, uint64_t mask, int D> TS_INLINE void writeHits(const NonzeroArgs<D>& a) {
  const int64_t first = int64_t(blockIdx.x) * kStretch;
  int64_t at = a.counts[blockIdx.x];
  for (int k = 0; k < kStretch / kIndexThreads; ++k) {
    const int64_t i = first + k * kIndexThreads + threadIdx.x;
    const bool hit = i < a.n && isHit<T, mask>(a, i);
    int32_t all;
    const int64_t row = at + sumBefore(hit, all);
    at += all;
    if (!hit) continue;
    int64_t rest = i;
    for (int d = D - 1; d >= 0; --d) {
      a.out[row * D + d] = rest % a.space.size[d];
      rest /= a.space.size[d];
    }
  }
}

}  // namespace torchstone::device
