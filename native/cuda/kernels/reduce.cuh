// The walk of a reduction: X kept elements a block, Y threads for each, parts of the reduced range in different blocks,
// and the second pass that merges the parts. reducers.cuh says what a state is.
#pragma once
#include "reducers.cuh"

namespace torchstone::device {

constexpr int kReduceThreads = 256;

template <class P, int K, int R> struct ReduceArgs {
  int64_t kept, reduced, chunk;  // elements; reduced ones that one part takes
  void* error;
  double param[P::kParams];
  char* out;    // the parts' states where there are several
  char* index;  // or null
  char* in[P::kIn];
  Space<K, 2 + P::kIn> outer;  // out, index, inputs
  Space<R, P::kIn> inner;
};

template <class S, class C, class O, class I> TS_INLINE void storeReduced(const typename S::State& s, char* out, char* index, I outAt, I indexAt) {
  const auto v = S::result(s);
  O* const to = reinterpret_cast<O*>(out) + outAt;
  if constexpr (kSame<C, Bool>) *to = storeAs<Bool, O>(v);
  else *to = converted<O>(v);
  if constexpr (S::kIndexed) reinterpret_cast<int64_t*>(index)[indexAt] = s.index;
}

// Reduces positions y·W, y·W + Y·W, … of [begin, end): U·W values at once, so that their loads are in flight together.
template <class P, class S, int R, class I, int Y, int W, int U, uint64_t ones, class Args>
TS_INLINE typename S::State reduceRange(const Args& a, const typename P::V* p, const I* base, I begin, I end, int y, int32_t& bad) {
  using V = typename P::V;
  typename S::State s = S::identity();
  I i = begin + I(y * W);
  for (; i + I((U - 1) * Y * W + W) <= end; i += I(U * Y * W)) {
    V x[U * W][P::kIn], v[U * W];
#pragma unroll
    for (int u = 0; u < U; ++u) {
      I at[P::kIn];
#pragma unroll
      for (int k = 0; k < P::kIn; ++k) at[k] = base[k];
      a.inner.locate(a.inner, i + I(u * Y * W), at);
      if constexpr (W > 1) P::template loadRuns<W, ones>(&x[u * W], a.in, at);
      else P::load(x[u], a.in, at);
    }
#pragma unroll
    for (int u = 0; u < U * W; ++u) P::eval(x[u], p, &v[u], bad);
    if constexpr (W > 1) {
#pragma unroll
      for (int u = 0; u < U; ++u) S::template take<W>(s, &v[u * W], i + I(u * Y * W), 1);
    } else {
      S::template take<U>(s, v, i, Y);
    }
  }
  for (; i < end; i += I(Y * W)) {
    for (int k = 0; k < W && i + k < end; ++k) {
      V x[P::kIn], v[1];
      I at[P::kIn];
#pragma unroll
      for (int j = 0; j < P::kIn; ++j) at[j] = base[j];
      a.inner.locate(a.inner, i + k, at);
      P::load(x, a.in, at);
      P::eval(x, p, v, bad);
      S::template take<1>(s, v, i + k, 1);
    }
  }
  return s;
}

// Columns: neighbouring threads take neighbouring kept elements. Rows: they share one.
template <class P, int op, int K, int R, class I, int Y, bool column, int W, int U, uint64_t ones, bool parts, class Args>
TS_INLINE void reduceBlock(const Args& a) {
  using S = Reduction<op, typename P::V>;
  constexpr int X = kReduceThreads / Y;
  const int t = int(threadIdx.x), x = column ? t % X : t / Y, y = column ? t / X : t % Y;
  const int64_t o = int64_t(blockIdx.x) * X + x, begin = int64_t(blockIdx.y) * a.chunk;
  const int64_t end = begin + a.chunk < a.reduced ? begin + a.chunk : a.reduced;
  I at[2 + P::kIn] = {};
  typename S::State s = S::identity();
  if (o < a.kept) {
    typename P::V p[P::kParams];
#pragma unroll
    for (int i = 0; i < P::kParams; ++i) p[i] = loadAs<typename P::C, double>(a.param[i]);
    int32_t bad = 0;
    a.outer.locate(a.outer, I(o), at);
    s = reduceRange<P, S, R, I, Y, W, U, ones>(a, p, at + 2, I(begin), I(end), y, bad);
    report(a.error, bad);
  }
  if constexpr (!column) {
    TS_SHARED typename S::State cells[kReduceThreads / TS_WARP];
    s = acrossThreads<S, Y>(s, cells);
  } else if constexpr (Y > 1) {
    TS_SHARED typename S::State cells[kReduceThreads];
    cells[t] = s;
    for (int half = Y / 2; half > 0; half /= 2) {
      tsBarrier();
      if (y < half) S::merge(cells[t], cells[t + half * X]);
    }
    s = cells[t];
  }
  if (y != 0 || o >= a.kept) return;
  if constexpr (parts) reinterpret_cast<typename S::State*>(a.out)[int64_t(blockIdx.y) * a.kept + o] = s;
  else storeReduced<S, typename P::C, typename P::O>(s, a.out, a.index, at[0], at[1]);
}

template <int K> struct MergeArgs {
  int64_t kept, parts;
  char* state;
  char* out;
  char* index;
  Space<K, 2> outer;
};

// The second pass: Y threads merge the parts of one kept element.
template <class P, int op, int K, class I, int Y, class Args> TS_INLINE void mergeParts(const Args& a) {
  using S = Reduction<op, typename P::V>;
  constexpr int X = kReduceThreads / Y;
  const int x = int(threadIdx.x) / Y, y = int(threadIdx.x) % Y;
  const int64_t o = int64_t(blockIdx.x) * X + x;
  const typename S::State* const state = reinterpret_cast<const typename S::State*>(a.state);
  typename S::State s = S::identity();
  if (o < a.kept)
    for (int64_t c = y; c < a.parts; c += Y) S::merge(s, state[c * a.kept + o]);
  TS_SHARED typename S::State cells[kReduceThreads / TS_WARP];
  s = acrossThreads<S, Y>(s, cells);
  if (y != 0 || o >= a.kept) return;
  I at[2] = {};
  a.outer.locate(a.outer, I(o), at);
  storeReduced<S, typename P::C, typename P::O>(s, a.out, a.index, at[0], at[1]);
}

}  // namespace torchstone::device
