// Owns the names of SLEEF's functions for the instruction set being compiled; nothing but macros and register types.
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

TS_INLINE VecF vectorPow(VecF a, VecF b) { return TS_SLEEF_F(pow, u10)(a, b); }
TS_INLINE VecD vectorPow(VecD a, VecD b) { return TS_SLEEF_D(pow, u10)(a, b); }
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
