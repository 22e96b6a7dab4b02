// The names of SLEEF's functions for the instruction set being compiled; nothing but macros and register types.
// Without SLEEF (or off x86) TORCHSTONE_VECTOR_MATH stays undefined and the functors fall back to libm.
#pragma once
#include "isa.h"

#if __has_include(<sleef.h>) && defined(__x86_64__) && !defined(TORCHSTONE_NO_SLEEF)
#include <immintrin.h>
#include <sleef.h>
#define TORCHSTONE_VECTOR_MATH 1

namespace torchstone::TORCHSTONE_ISA {
#if defined(__AVX512F__)
using VecF = __m512;
using VecD = __m512d;
#define TS_SLEEF_F(name, ulp) Sleef_##name##f16_##ulp##avx512f
#define TS_SLEEF_D(name, ulp) Sleef_##name##d8_##ulp##avx512f
#elif defined(__AVX2__)
using VecF = __m256;
using VecD = __m256d;
#define TS_SLEEF_F(name, ulp) Sleef_##name##f8_##ulp##avx2
#define TS_SLEEF_D(name, ulp) Sleef_##name##d4_##ulp##avx2
#else
using VecF = __m128;
using VecD = __m128d;
#define TS_SLEEF_F(name, ulp) Sleef_##name##f4_##ulp##sse4
#define TS_SLEEF_D(name, ulp) Sleef_##name##d2_##ulp##sse4
#endif

template <class T> struct VectorOf;
template <> struct VectorOf<float> { using type = VecF; };
template <> struct VectorOf<double> { using type = VecD; };

// SLEEF's pow overflows just below the largest number, x^1 included.
TS_INLINE VecF vectorPow(VecF a, VecF b) { return b == 1.0f ? a : TS_SLEEF_F(pow, u10)(a, b); }
TS_INLINE VecD vectorPow(VecD a, VecD b) { return b == 1.0 ? a : TS_SLEEF_D(pow, u10)(a, b); }

TS_INLINE VecF vectorLog(VecF a) { return TS_SLEEF_F(log, u10)(a); }
TS_INLINE VecD vectorLog(VecD a) { return TS_SLEEF_D(log, u10)(a); }
TS_INLINE VecF magnitude(VecF a) { return a < 0.0f ? -a : a; }
TS_INLINE VecD magnitude(VecD a) { return a < 0.0 ? -a : a; }

// half · e^|a|, lane by lane in the next wider type, which neither overflows before the result does nor adds an error of its own.
TS_INLINE float halfExp(float a, float half) { return float(double(half) * __builtin_exp(double(__builtin_fabsf(a)))); }
TS_INLINE double halfExp(double a, double half) {
  return double(static_cast<long double>(half) * __builtin_expl(static_cast<long double>(__builtin_fabs(a))));
}
template <class V> TS_INLINE V halfExp(V a, V half) {
  for (size_t j = 0; j < sizeof(a) / sizeof(a[0]); ++j) a[j] = halfExp(a[j], half[j]);
  return a;
}

// Whether every lane is below the limit; NaN is not.
#if defined(__AVX512F__)
TS_INLINE bool allBelow(VecF a, float l) { return _mm512_cmp_ps_mask(a, _mm512_set1_ps(l), _CMP_NLT_UQ) == 0; }
TS_INLINE bool allBelow(VecD a, double l) { return _mm512_cmp_pd_mask(a, _mm512_set1_pd(l), _CMP_NLT_UQ) == 0; }
#elif defined(__AVX2__)
TS_INLINE bool allBelow(VecF a, float l) { return _mm256_movemask_ps(_mm256_cmp_ps(a, _mm256_set1_ps(l), _CMP_NLT_UQ)) == 0; }
TS_INLINE bool allBelow(VecD a, double l) { return _mm256_movemask_pd(_mm256_cmp_pd(a, _mm256_set1_pd(l), _CMP_NLT_UQ)) == 0; }
#else
TS_INLINE bool allBelow(VecF a, float l) { return _mm_movemask_ps(_mm_cmpnlt_ps(a, _mm_set1_ps(l))) == 0; }
TS_INLINE bool allBelow(VecD a, double l) { return _mm_movemask_pd(_mm_cmpnlt_pd(a, _mm_set1_pd(l))) == 0; }
#endif
}  // namespace torchstone::TORCHSTONE_ISA

#define TS_VECTOR1(sleef, ulp)                                   \
  TS_OP VecF vector(VecF a) { return TS_SLEEF_F(sleef, ulp)(a); } \
  TS_OP VecD vector(VecD a) { return TS_SLEEF_D(sleef, ulp)(a); }
#define TS_VECTOR2(sleef, ulp)                                              \
  TS_OP VecF vector(VecF a, VecF b) { return TS_SLEEF_F(sleef, ulp)(a, b); } \
  TS_OP VecD vector(VecD a, VecD b) { return TS_SLEEF_D(sleef, ulp)(a, b); }
#else
#define TS_VECTOR1(sleef, ulp)
#define TS_VECTOR2(sleef, ulp)
#endif
