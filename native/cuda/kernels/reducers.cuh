// What a reduction keeps of the values it has seen, and how such states are merged across lanes and blocks. The rules are
// cpu/reduce/reduction.cc's: NaN wins in max and min, the first of equals in argmax and argmin, float32 sums go to double, float64
// sums are compensated. Merging keeps an order that depends on the shape alone: the same bits from run to run.
#pragma once
#include "program.cuh"

namespace torchstone::device {

enum Reducer { kSum, kProd, kMax, kMin, kArgmax, kArgmin };

template <class T> TS_INLINE T lowest() {
  if constexpr (ops::kReal<T>) return -ops::kInfinity<T>;
  else if constexpr (ops::kSigned<T>) return T(uint64_t(1) << (sizeof(T) * 8 - 1));
  else return T(0);
}
template <class T> TS_INLINE T highest() {
  if constexpr (ops::kReal<T>) return ops::kInfinity<T>;
  else return T(~lowest<T>());
}

template <class T> struct AccumulatorOf { using type = ops::Unsigned<T>; };  // integers wrap
template <> struct AccumulatorOf<float> { using type = double; };
template <> struct AccumulatorOf<double> { using type = double; };

// Sums and products.
template <int op, class T> struct Reduction {
  using A = typename AccumulatorOf<T>::type;
  static constexpr bool kIndexed = false;
  struct State { A v; };
  TS_INLINE State identity() { return {A(op == kProd)}; }
  TS_INLINE A combine(A a, A b) {
    if constexpr (op == kSum) return A(a + b);
    else if constexpr (ops::kReal<T>) return a * b;
    else return A(ops::Wide<T>(a) * ops::Wide<T>(b));
  }
  TS_INLINE void merge(State& s, const State& later) { s.v = combine(s.v, later.v); }
  // n values of increasing index, from `index` on and `step` apart.
  template <int n> TS_INLINE void take(State& s, const T* x, int64_t, int64_t) {
    if constexpr (op == kSum && n > 1 && kSame<T, float>) {  // at most sixteen float32 before double takes their sum
      static_assert(n <= 16, "float32 sums would lose more than NumPy's");
      float part[n];
#pragma unroll
      for (int k = 0; k < n; ++k) part[k] = x[k];
#pragma unroll
      for (int width = n / 2; width > 0; width /= 2) {
#pragma unroll
        for (int k = 0; k < width; ++k) part[k] += part[k + width];
      }
      s.v += double(part[0]);
    } else {
#pragma unroll
      for (int k = 0; k < n; ++k) s.v = combine(s.v, A(x[k]));
    }
  }
  TS_INLINE auto result(const State& s) {
    if constexpr (ops::kReal<T>) return s.v;
    else return T(s.v);
  }
};

// float64 sums carry their rounding errors along (Knuth's TwoSum).
template <> struct Reduction<kSum, double> {
  static constexpr bool kIndexed = false;
  struct State { double v, e; };
  TS_INLINE State identity() { return {0, 0}; }
  TS_INLINE void add(State& s, double x) {
    const double sum = s.v + x, b = sum - s.v;
    s.e += (s.v - (sum - b)) + (x - b);
    s.v = sum;
  }
  TS_INLINE void merge(State& s, const State& later) {
    add(s, later.v);
    s.e += later.e;
  }
  template <int n> TS_INLINE void take(State& s, const double* x, int64_t, int64_t) {
#pragma unroll
    for (int k = 0; k < n; ++k) add(s, x[k]);
  }
  // An infinite sum has a NaN for its error: it is the sum itself that counts.
  TS_INLINE double result(const State& s) { return s.v - s.v == 0 ? s.v + s.e : s.v; }
};

template <int op, class T> struct Extreme {
  static constexpr bool kIndexed = false;
  struct State { T v; };
  TS_INLINE State identity() { return {op == kMax ? lowest<T>() : highest<T>()}; }
  TS_INLINE bool better(T x, T best) { return op == kMax ? x > best : x < best; }
  TS_INLINE void merge(State& s, const State& later) { s.v = better(later.v, s.v) | (later.v != later.v) ? later.v : s.v; }
  template <int n> TS_INLINE void take(State& s, const T* x, int64_t, int64_t) {
#pragma unroll
    for (int k = 0; k < n; ++k) merge(s, State{x[k]});
  }
  TS_INLINE T result(const State& s) { return s.v; }
};
template <class T> struct Reduction<kMax, T> : Extreme<kMax, T> {};
template <class T> struct Reduction<kMin, T> : Extreme<kMin, T> {};

// With indices the order of merging does not matter; -1 is no element yet.
template <int op, class T> struct ArgExtreme {
  static constexpr bool kIndexed = true;
  struct State {
    T v;
    int64_t index;
  };
  TS_INLINE State identity() { return {T(0), -1}; }
  TS_INLINE bool beats(const State& x, const State& best) {
    if (best.index < 0 || x.index < 0) return best.index < 0;
    const bool nan = x.v != x.v, bestNan = best.v != best.v, first = x.index < best.index;
    if (nan || bestNan) return nan && (!bestNan || first);
    return (op == kArgmax ? x.v > best.v : x.v < best.v) || (x.v == best.v && first);
  }
  TS_INLINE void merge(State& s, const State& later) {
    if (beats(later, s)) s = later;
  }
  template <int n> TS_INLINE void take(State& s, const T* x, int64_t index, int64_t step) {
#pragma unroll
    for (int k = 0; k < n; ++k) merge(s, State{x[k], index + k * step});
  }
  TS_INLINE T result(const State& s) { return s.v; }
};
template <class T> struct Reduction<kArgmax, T> : ArgExtreme<kArgmax, T> {};
template <class T> struct Reduction<kArgmin, T> : ArgExtreme<kArgmin, T> {};

// A state of another lane. A value and its index travel apart: words of a struct with padding would go through local memory.
template <class S, class Move> TS_INLINE typename S::State moved(const typename S::State& s, Move move) {
  if constexpr (S::kIndexed) return {move(s.v), move(s.index)};
  else return move(s);
}

// Every lane of each group of `width` lanes gets the group's states merged, the lower lane's first. All lanes take part.
template <class S, int width> TS_INLINE typename S::State acrossLanes(typename S::State s) {
#pragma unroll
  for (int mask = 1; mask < width; mask *= 2) {
    const typename S::State other = moved<S>(s, [=](auto v) { return tsShuffleXor(v, unsigned(mask)); });
    const bool upper = (tsLane() & mask) != 0;
    typename S::State low = s, high = other;  // no choice between addresses: both stay in registers
    if (upper) {
      low = other;
      high = s;
    }
    S::merge(low, high);
    s = low;
  }
  return s;
}

// The same for groups of `width` threads of a block; `cells` is shared memory for a state a warp, not in use by an earlier call.
// Every thread of the block takes part.
template <class S, int width> TS_INLINE typename S::State acrossThreads(typename S::State s, typename S::State* cells) {
  if constexpr (width <= TS_WARP) return acrossLanes<S, width>(s);
  else {
    constexpr int kWarps = width / TS_WARP;
    s = acrossLanes<S, TS_WARP>(s);
    const unsigned warp = threadIdx.x / TS_WARP, lane = tsLane();
    if (lane == 0) cells[warp] = s;
    tsBarrier();
    return acrossLanes<S, kWarps>(cells[warp / kWarps * kWarps + lane % kWarps]);
  }
}

}  // namespace torchstone::device
