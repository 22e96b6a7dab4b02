// The walk along rows: K stages that reduce a row to one scalar each, and a last program, by the threads that share the row.
// A row short enough stays in registers; a longer one is read again, and values that are kept are computed again.
#pragma once
#include "reducers.cuh"

namespace torchstone::device {

// Q is the command as text (rowwise.cc): its programs by stage, its inputs' loads. Operands: scalars, outputs, inputs.
template <class Q, int D> struct RowArgs {
  static constexpr int kOperands = Q::kStages + Q::kOut + Q::kIn;
  int64_t rows, length;
  void* error;
  double param[Q::kParams];
  char* address[kOperands];
  int64_t along[kOperands];  // strides within a row; 0 for scalars
  Space<D, kOperands> outer;
};

// Which row this thread works on, its place in it, and where the operands' rows begin. V x[kTotal] holds what a program reads:
// inputs, scalars, kept values.
template <class Q, class I, int X, int Y, bool column> struct RowThread {
  using V = typename Q::V;
  static constexpr int kFirstOut = Q::kStages, kFirstIn = Q::kStages + Q::kOut;
  int x, y;
  bool valid;
  I length;
  I base[Q::kStages + Q::kOut + Q::kIn];
  V p[Q::kParams];
  V scalar[Q::kStages];
  int32_t bad;

  template <class Args> TS_INLINE RowThread begin(const Args& a) {
    const int t = int(threadIdx.x);
    RowThread r;
    r.x = column ? t % X : t / Y;
    r.y = column ? t / X : t % Y;
    const int64_t row = int64_t(blockIdx.x) * X + r.x;
    r.valid = row < a.rows;
    r.length = I(a.length);
    r.bad = 0;
#pragma unroll
    for (int i = 0; i < Q::kParams; ++i) r.p[i] = loadAs<typename Q::C, double>(a.param[i]);
#pragma unroll
    for (int i = 0; i < kFirstIn + Q::kIn; ++i) r.base[i] = 0;
#pragma unroll
    for (int k = 0; k < Q::kStages; ++k) r.scalar[k] = V(0);
    if (r.valid) a.outer.locate(a.outer, I(row), r.base);
    return r;
  }

  template <class Args> TS_INLINE void load(const Args& a, const RowThread& r, I i, V* x) {
    I at[Q::kIn];
#pragma unroll
    for (int k = 0; k < Q::kIn; ++k) at[k] = r.base[kFirstIn + k] + i * I(a.along[kFirstIn + k]);
    Q::load(x, a.address + kFirstIn, at);
  }
  TS_INLINE void setScalars(const RowThread& r, V* x) {
#pragma unroll
    for (int k = 0; k < Q::kStages; ++k) x[Q::kInputs + k] = r.scalar[k];
  }
  // The values that stages before `stage` keep; those that nobody reads are dropped by the compiler.
  template <int stage, int k = 0> TS_INLINE void recompute(RowThread& r, V* x) {
    if constexpr (k < stage) {
      if constexpr (Q::keeps(k)) x[Q::kInputs + Q::kStages + k] = Q::template prologue<k>(x, r.p, r.bad);
      recompute<stage, k + 1>(r, x);
    }
  }
  template <class Args> TS_INLINE void write(const Args& a, RowThread& r, I i, const V* x) {
    if constexpr (Q::kWrites) {
      V y[Q::kOut];
      I at[Q::kOut];
#pragma unroll
      for (int k = 0; k < Q::kOut; ++k) at[k] = r.base[kFirstOut + k] + i * I(a.along[kFirstOut + k]);
      Q::last(x, r.p, y, r.bad);
      Q::store(y, a.address + kFirstOut, at);
    }
  }

  template <class S> TS_INLINE typename S::State together(typename S::State s, const RowThread& r) {
    if constexpr (!column) {
      TS_SHARED typename S::State cells[(X * Y + TS_WARP - 1) / TS_WARP];
      return acrossThreads<S, Y>(s, cells);
    } else {
      TS_SHARED typename S::State cells[X * Y];
      cells[r.y * X + r.x] = s;
      tsBarrier();
      s = cells[r.x];
      for (int y = 1; y < Y; ++y) S::merge(s, cells[y * X + r.x]);
      return s;
    }
  }
  // A stage's end: its scalar, mapped by the epilogue, and stored where that is wanted.
  template <int k, class S, class Args> TS_INLINE void finish(const Args& a, RowThread& r, typename S::State s) {
    r.scalar[k] = converted<V>(S::result(together<S>(s, r)));
    V x[Q::kTotal];
    setScalars(r, x);
    r.scalar[k] = Q::template epilogue<k>(x, r.p, r.bad);
    if (r.y == 0 && r.valid && a.address[k] != nullptr) reinterpret_cast<V*>(a.address[k])[r.base[k]] = r.scalar[k];
  }
};

// Each stage has its own reduction, so that shared memory is not used twice.
template <class Q, int k> struct StageReduction : Reduction<Q::reducer(k), typename Q::V> {};

template <class S, class V> TS_INLINE V neutral() { return V(S::result(S::identity())); }

// E elements a thread, in registers.
template <class T, class Q, int Y, int E, int k = 0, class Args, class V> TS_INLINE void cachedStages(const Args& a, T& r, V (*x)[Q::kTotal]) {
  if constexpr (k < Q::kCount) {
    using S = StageReduction<Q, k>;
    V v[E];
#pragma unroll
    for (int e = 0; e < E; ++e) {
      v[e] = neutral<S, V>();
      if (r.valid && r.y + e * Y < r.length) {
        v[e] = Q::template prologue<k>(x[e], r.p, r.bad);
        x[e][Q::kInputs + Q::kStages + k] = v[e];
      }
    }
    typename S::State s = S::identity();
    S::template take<E>(s, v, 0, 1);
    T::template finish<k, S>(a, r, s);
#pragma unroll
    for (int e = 0; e < E; ++e) x[e][Q::kInputs + k] = r.scalar[k];
    cachedStages<T, Q, Y, E, k + 1>(a, r, x);
  }
}

template <class Q, class I, int X, int Y, bool column, int E, class Args> TS_INLINE void rowsCached(const Args& a) {
  using T = RowThread<Q, I, X, Y, column>;
  T r = T::begin(a);
  typename Q::V x[E][Q::kTotal];
#pragma unroll
  for (int e = 0; e < E; ++e) {
#pragma unroll
    for (int i = 0; i < Q::kTotal; ++i) x[e][i] = 0;
    if (r.valid && I(r.y + e * Y) < r.length) T::load(a, r, I(r.y + e * Y), x[e]);
  }
  cachedStages<T, Q, Y, E>(a, r, x);
#pragma unroll
  for (int e = 0; e < E; ++e)
    if (r.valid && I(r.y + e * Y) < r.length) T::write(a, r, I(r.y + e * Y), x[e]);
  report(a.error, r.bad);
}

// U elements at once, so that their loads are in flight together.
template <class T, class Q, class I, int Y, int U, int k = 0, class Args> TS_INLINE void streamedStages(const Args& a, T& r) {
  using V = typename Q::V;
  if constexpr (k < Q::kCount) {
    using S = StageReduction<Q, k>;
    typename S::State s = S::identity();
    for (I i = I(r.y); r.valid && i < r.length; i += I(U * Y)) {
      V x[U][Q::kTotal], v[U];
#pragma unroll
      for (int u = 0; u < U; ++u) {
        T::setScalars(r, x[u]);
        if (i + I(u * Y) < r.length) T::load(a, r, i + I(u * Y), x[u]);
      }
#pragma unroll
      for (int u = 0; u < U; ++u) {
        v[u] = neutral<S, V>();
        if (i + I(u * Y) >= r.length) continue;
        T::template recompute<k>(r, x[u]);
        v[u] = Q::template prologue<k>(x[u], r.p, r.bad);
      }
      S::template take<U>(s, v, 0, 1);
    }
    T::template finish<k, S>(a, r, s);
    streamedStages<T, Q, I, Y, U, k + 1>(a, r);
  } else {
    for (I i = I(r.y); r.valid && i < r.length; i += I(U * Y)) {
      V x[U][Q::kTotal];
#pragma unroll
      for (int u = 0; u < U; ++u) {
        T::setScalars(r, x[u]);
        if (i + I(u * Y) < r.length) T::load(a, r, i + I(u * Y), x[u]);
      }
#pragma unroll
      for (int u = 0; u < U; ++u) {
        if (i + I(u * Y) >= r.length) continue;
        T::template recompute<Q::kCount>(r, x[u]);
        T::write(a, r, i + I(u * Y), x[u]);
      }
    }
  }
}

template <class Q, class I, int X, int Y, bool column, int U, class Args> TS_INLINE void rowsStreamed(const Args& a) {
  using T = RowThread<Q, I, X, Y, column>;
  T r = T::begin(a);
  streamedStages<T, Q, I, Y, U>(a, r);
  report(a.error, r.bad);
}

}  // namespace torchstone::device
