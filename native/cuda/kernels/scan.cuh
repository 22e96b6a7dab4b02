// Scans: what is carried along (the rules are cpu/scan/scan.cc's), rows shared by a block, and columns, one a thread. A long lane is
// cut into chunks: a first pass leaves each chunk's total, and the second begins with the totals before it.
#pragma once
#include "reducers.cuh"

namespace torchstone::device {

enum ScanOp { kCumsum, kCumprod, kCummax, kCummin, kLogcumsumexp };

// merge() takes the earlier state first, and is not commutative.
template <int op, class T> struct Scanner : Reduction<op, T> {  // sums and products: float32 in double, integers wrap
  using Base = Reduction<op, T>;
  using State = typename Base::State;
  TS_INLINE State of(T x, int64_t) { return {typename Base::A(x)}; }
  TS_INLINE T value(const State& s) { return T(s.v); }
};
// A running float64 sum is rounded at every step, as everywhere.
template <> struct Scanner<kCumsum, double> {
  static constexpr bool kIndexed = false;
  struct State { double v; };
  TS_INLINE State identity() { return {0}; }
  TS_INLINE State of(double x, int64_t) { return {x}; }
  TS_INLINE void merge(State& s, const State& later) { s.v += later.v; }
  TS_INLINE double value(const State& s) { return s.v; }
};
// NaN replaces everything and is replaced only by a later NaN; otherwise the later of equals wins.
template <int op, class T> struct RunningExtreme {
  static constexpr bool kIndexed = true;
  struct State {
    T v;
    int64_t index;
  };
  TS_INLINE State identity() { return {T(0), -1}; }
  TS_INLINE State of(T x, int64_t i) { return {x, i}; }
  TS_INLINE void merge(State& s, const State& later) {
    if (later.index < 0) return;
    if (s.index < 0 || (op == kCummax ? later.v >= s.v : later.v <= s.v) || later.v != later.v) s = later;
  }
  TS_INLINE T value(const State& s) { return s.v; }
};
template <class T> struct Scanner<kCummax, T> : RunningExtreme<kCummax, T> {};
template <class T> struct Scanner<kCummin, T> : RunningExtreme<kCummin, T> {};
// log(exp(a) + exp(b)) without overflow; equal infinities stay, and NaN does.
template <class T> struct Scanner<kLogcumsumexp, T> {
  static constexpr bool kIndexed = false;
  struct State { double v; };
  TS_INLINE State identity() { return {-ops::kInfinity<double>}; }
  TS_INLINE State of(T x, int64_t) { return {double(x)}; }
  TS_INLINE void merge(State& s, const State& later) {
    const double a = later.v, b = s.v;
    const double low = b != b ? b : b < a ? b : a, high = b != b ? b : b > a ? b : a;
    s.v = low != high || low - low == 0 ? __builtin_log1p(__builtin_exp(low - high)) + high : a;
  }
  TS_INLINE T value(const State& s) { return T(s.v); }
};

constexpr int kScanThreads = 256;
constexpr int kScanWarps = kScanThreads / TS_WARP;

template <int K> struct ScanArgs {
  int64_t lanes, n, chunk;
  int64_t inStep, outStep, indexStep;
  char *in, *out, *index;
  char* totals;  // a state for each chunk of each lane, or null
  Space<K, 3> outer;
};

// Where a thread's lane begins.
template <class T> struct Lane {
  const T* in;
  T* out;
  int64_t* index;
  template <class Args> TS_INLINE Lane at(const Args& a, int64_t lane) {
    int64_t at[3] = {};
    a.outer.locate(a.outer, lane, at);
    return {reinterpret_cast<const T*>(a.in) + at[0], reinterpret_cast<T*>(a.out) + at[1], reinterpret_cast<int64_t*>(a.index) + at[2]};
  }
};

// The merge of the chunks before this one, by all threads of the block; every thread gets it.
template <class S, class Args> TS_INLINE typename S::State carryOf(const Args& a, int64_t lane, int64_t chunks) {
  TS_SHARED typename S::State cells[kScanWarps];
  const auto* const totals = reinterpret_cast<const typename S::State*>(a.totals);
  const int64_t each = (chunks + kScanThreads - 1) / kScanThreads;
  typename S::State s = S::identity();
  for (int64_t c = threadIdx.x * each; c < (threadIdx.x + 1) * each && c < chunks; ++c) S::merge(s, totals[c * a.lanes + lane]);
  return acrossThreads<S, kScanThreads>(s, cells);
}

// What stands before this thread in the block, `carry` included; `carry` becomes what stands after the block.
template <class S> TS_INLINE typename S::State before(typename S::State own, typename S::State& carry) {
  using State = typename S::State;
  TS_SHARED State cells[kScanWarps];
  const unsigned lane = tsLane(), warp = threadIdx.x / TS_WARP;
  State s = own;
#pragma unroll
  for (unsigned by = 1; by < TS_WARP; by *= 2) {
    State earlier = moved<S>(s, [=](auto v) { return tsShuffleFrom(v, lane >= by ? lane - by : lane); });
    if (lane < by) continue;
    S::merge(earlier, s);
    s = earlier;
  }
  if (lane == TS_WARP - 1) cells[warp] = s;
  const State left = moved<S>(s, [=](auto v) { return tsShuffleFrom(v, lane > 0 ? lane - 1 : 0); });
  tsBarrier();
  State result = carry;
#pragma unroll
  for (unsigned w = 0; w < kScanWarps; ++w) {
    if (w == warp) result = carry;
    S::merge(carry, cells[w]);
  }
  if (lane > 0) S::merge(result, left);
  return result;
}

// A place in shared memory, so that threads that read E places in a row meet different banks.
TS_INLINE int padded(int i) { return i + i / TS_WARP; }

// A block walks its chunk of one lane in tiles of E elements a thread.
template <int op, class T, int K, int E, bool totals, class Args> TS_INLINE void scanRows(const Args& a) {
  using S = Scanner<op, T>;
  using State = typename S::State;
  constexpr int kTile = kScanThreads * E, kPlaces = kTile + kTile / TS_WARP;
  TS_SHARED T values[kPlaces];
  TS_SHARED int64_t indices[S::kIndexed && !totals ? kPlaces : 1];
  const int t = int(threadIdx.x);
  const int64_t number = int64_t(blockIdx.x), chunk = blockIdx.y;
  const Lane<T> lane = Lane<T>::at(a, number);
  const int64_t end = (chunk + 1) * a.chunk < a.n ? (chunk + 1) * a.chunk : a.n;
  State carry = S::identity();
  if (!totals && a.totals != nullptr) carry = carryOf<S>(a, number, chunk);
  for (int64_t base = chunk * a.chunk; base < end; base += kTile) {
    const int count = end - base < kTile ? int(end - base) : kTile;
#pragma unroll
    for (int e = 0; e < E; ++e) {
      const int i = e * kScanThreads + t;
      if (i < count) values[padded(i)] = lane.in[(base + i) * a.inStep];
    }
    tsBarrier();
    State s[E], own = S::identity();
#pragma unroll
    for (int e = 0; e < E; ++e) {
      const int i = t * E + e;
      s[e] = i < count ? S::of(values[padded(i)], base + i) : S::identity();
      S::merge(own, s[e]);
    }
    State running = before<S>(own, carry);
    if constexpr (!totals) {
#pragma unroll
      for (int e = 0; e < E; ++e) {
        const int i = t * E + e;
        S::merge(running, s[e]);
        values[padded(i)] = S::value(running);
        if constexpr (S::kIndexed) indices[padded(i)] = running.index;
      }
      tsBarrier();
#pragma unroll
      for (int e = 0; e < E; ++e) {
        const int i = e * kScanThreads + t;
        if (i >= count) continue;
        lane.out[(base + i) * a.outStep] = values[padded(i)];
        if constexpr (S::kIndexed) lane.index[(base + i) * a.indexStep] = indices[padded(i)];
      }
    }
    tsBarrier();
  }
  if constexpr (totals) {
    if (t == 0) reinterpret_cast<State*>(a.totals)[chunk * a.lanes + number] = carry;
  }
}

// A thread walks its chunk of one lane; neighbours take neighbouring lanes. U loads are in flight together.
template <int op, class T, int K, int U, bool totals, class Args> TS_INLINE void scanColumns(const Args& a) {
  using S = Scanner<op, T>;
  using State = typename S::State;
  const int64_t number = int64_t(blockIdx.x) * kScanThreads + threadIdx.x, chunk = blockIdx.y;
  if (number >= a.lanes) return;
  const Lane<T> lane = Lane<T>::at(a, number);
  const int64_t end = (chunk + 1) * a.chunk < a.n ? (chunk + 1) * a.chunk : a.n;
  State s = S::identity();
  if (!totals && a.totals != nullptr)
    for (int64_t c = 0; c < chunk; ++c) S::merge(s, reinterpret_cast<const State*>(a.totals)[c * a.lanes + number]);
  for (int64_t i = chunk * a.chunk; i < end; i += U) {
    T x[U];
#pragma unroll
    for (int u = 0; u < U; ++u)
      if (i + u < end) x[u] = lane.in[(i + u) * a.inStep];
#pragma unroll
    for (int u = 0; u < U; ++u) {
      if (i + u >= end) break;
      S::merge(s, S::of(x[u], i + u));
      if constexpr (!totals) {
        lane.out[(i + u) * a.outStep] = S::value(s);
        if constexpr (S::kIndexed) lane.index[(i + u) * a.indexStep] = s.index;
      }
    }
  }
  if constexpr (totals) reinterpret_cast<State*>(a.totals)[chunk * a.lanes + number] = s;
}

}  // namespace torchstone::device
