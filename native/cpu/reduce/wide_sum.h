// Sums in double: vectors of float32 widened, lanes added up, float64 with its rounding errors. The same bits on every instruction set.
#pragma once
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Vectors of the same width for every instruction set, so that all give the same bits.
typedef float WideFloats __attribute__((vector_size(64)));
typedef double WideDoubles __attribute__((vector_size(64)));
typedef float HalfFloats __attribute__((vector_size(32)));

TS_INLINE WideFloats floatsAt(const float* p) {
  WideFloats v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// GCC 12 takes __builtin_convertvector to pieces.
TS_INLINE WideDoubles widenHalf(HalfFloats v) {
#if defined(__AVX512F__)
  return (WideDoubles)_mm512_cvtps_pd((__m256)v);
#elif defined(__AVX2__)
  const __m256d half[2] = {_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v)), _mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1))};
  WideDoubles d;
  __builtin_memcpy(&d, half, sizeof d);
  return d;
#else
  return __builtin_convertvector(v, WideDoubles);
#endif
}

// Adds sixteen float32 to eight float64.
TS_INLINE WideDoubles widenAdd(WideDoubles d, WideFloats v) {
  HalfFloats half[2];
  __builtin_memcpy(half, &v, sizeof v);
  return d + (widenHalf(half[0]) + widenHalf(half[1]));
}

TS_INLINE double laneSum(WideDoubles d) {
  return ((d[0] + d[4]) + (d[1] + d[5])) + ((d[2] + d[6]) + (d[3] + d[7]));
}

// Adds x to a sum that carries its rounding errors along (Knuth's TwoSum).
TS_INLINE void addCompensated(double& sum, double& error, double x) {
  const double s = sum + x, b = s - sum;
  error += (sum - (s - b)) + (x - b);
  sum = s;
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
