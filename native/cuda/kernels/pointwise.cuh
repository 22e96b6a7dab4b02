// Owns the walks of a pointwise program over its elements: in runs along a dense innermost dim, or one by one with any strides.
// What happens to an element is the program's text.
#pragma once
#include "program.cuh"

namespace torchstone::device {

constexpr int kPointwiseThreads = 256;

template <class P, int D> struct PointwiseArgs {
  int64_t n;  // elements; units where the innermost dim is walked in runs
  int64_t rest;  // elements of a last unit that is no whole run, else 0
  void* error;
  double param[P::kParams];
  char* address[P::kOut + P::kIn];  // outputs, then inputs
  Space<D, P::kOut + P::kIn> space;
};

template <class P> TS_INLINE void readParams(typename P::V* p, const double* param) {
#pragma unroll
  for (int i = 0; i < P::kParams; ++i) p[i] = loadAs<typename P::C, double>(param[i]);
}

// Every thread takes one run of W elements along the innermost dim, whose strides count runs and are 0 for the inputs in `ones`.
// Runs are whole and aligned, but for the last one of a single dim.
template <class P, int D, class I, int W, uint64_t ones, class Args> TS_INLINE void pointwiseRuns(const Args& a) {
  using V = typename P::V;
  const int64_t unit = int64_t(blockIdx.x) * kPointwiseThreads + threadIdx.x;
  if (unit >= a.n) return;
  V p[P::kParams], x[W][P::kIn], y[W][P::kOut];
  readParams<P>(p, a.param);
  I at[P::kOut + P::kIn] = {};
  a.space.locate(a.space, I(unit), at);
  int32_t bad = 0;
  if (D == 1 && a.rest != 0 && unit == a.n - 1) {
    for (int k = 0; k < int(a.rest); ++k) {
      I one[P::kOut + P::kIn];
#pragma unroll
      for (int i = 0; i < P::kOut + P::kIn; ++i) one[i] = at[i] + (i >= P::kOut && (ones >> (i - P::kOut) & 1) ? 0 : k);
      P::load(x[0], a.address + P::kOut, one + P::kOut);
      P::eval(x[0], p, y[0], bad);
      P::store(y[0], a.address, one);
    }
  } else {
    P::template loadRuns<W, ones>(x, a.address + P::kOut, at + P::kOut);
#pragma unroll
    for (int k = 0; k < W; ++k) P::eval(x[k], p, y[k], bad);
    P::template storeRuns<W>(y, a.address, at);
  }
  report(a.error, bad);
}

// Every thread takes W elements a block's width apart, so that neighbours stay neighbours in every load.
template <class P, int D, class I, int W, class Args> TS_INLINE void pointwiseElements(const Args& a) {
  using V = typename P::V;
  const int64_t first = int64_t(blockIdx.x) * (kPointwiseThreads * W) + threadIdx.x;
  V p[P::kParams], x[W][P::kIn], y[W][P::kOut];
  readParams<P>(p, a.param);
  I at[W][P::kOut + P::kIn] = {};
#pragma unroll
  for (int k = 0; k < W; ++k) {
    const int64_t i = first + k * kPointwiseThreads;
    if (i >= a.n) break;
    a.space.locate(a.space, I(i), at[k]);
    P::load(x[k], a.address + P::kOut, at[k] + P::kOut);
  }
  int32_t bad = 0;
#pragma unroll
  for (int k = 0; k < W; ++k) {
    if (first + k * kPointwiseThreads >= a.n) break;
    P::eval(x[k], p, y[k], bad);
    P::store(y[k], a.address, at[k]);
  }
  report(a.error, bad);
}

}  // namespace torchstone::device
