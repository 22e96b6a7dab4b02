// The vectors the matrix kernels are written with: GCC vector types of the set's width, loads and stores of part
// of a vector, and a W×W transposition in registers. Included inside kernel files only.
#pragma once
#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/isa.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace torchstone::TORCHSTONE_ISA {
namespace {

template <class T> struct SimdOf;
template <> struct SimdOf<float> {
  typedef float V __attribute__((vector_size(kVectorBytes)));
  typedef float VU __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
};
template <> struct SimdOf<double> {
  typedef double V __attribute__((vector_size(kVectorBytes)));
  typedef double VU __attribute__((vector_size(kVectorBytes), aligned(8), may_alias));
};
template <class T> using Vec = typename SimdOf<T>::V;
template <class T> inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T> TS_INLINE Vec<T> load(const T* p) { return *reinterpret_cast<const typename SimdOf<T>::VU*>(p); }
template <class T> TS_INLINE void store(T* p, Vec<T> v) { *reinterpret_cast<typename SimdOf<T>::VU*>(p) = v; }

// The first n lanes (0 < n < W), the others 0; reads nothing beyond them.
template <class T> TS_INLINE Vec<T> loadPart(const T* p, int n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
  else return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
#else
  Vec<T> v = {};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
#endif
}

template <class T> TS_INLINE void storePart(T* p, Vec<T> v, int n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
  else _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
#else
  for (int i = 0; i < n; ++i) p[i] = v[i];
#endif
}

// Interleaves the low (high) halves of a and b.
template <class T, bool High, int... I> TS_INLINE Vec<T> zip(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  constexpr int W = kLanes<T>;
  return __builtin_shufflevector(a, b, (I / 2 + (I % 2 ? W : 0) + (High ? W / 2 : 0))...);
}

// log2(W) rounds of "row i with row i + W/2, interleaved" transpose W rows of W.
template <class T> TS_INLINE void transpose(Vec<T>* r) {
  constexpr int W = kLanes<T>;
  using Index = std::make_integer_sequence<int, W>;
  for (int round = 1; round < W; round *= 2) {
    Vec<T> t[W];
    for (int i = 0; i < W / 2; ++i) {
      t[2 * i] = zip<T, false>(r[i], r[i + W / 2], Index{});
      t[2 * i + 1] = zip<T, true>(r[i], r[i + W / 2], Index{});
    }
    for (int i = 0; i < W; ++i) r[i] = t[i];
  }
}

template <class T> TS_INLINE T sumLanes(Vec<T> v) {
  T t[kLanes<T>];
  std::memcpy(t, &v, sizeof v);
  for (int n = kLanes<T> / 2; n > 0; n /= 2)
    for (int i = 0; i < n; ++i) t[i] += t[i + n];
  return t[0];
}

TS_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
TS_INLINE int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
