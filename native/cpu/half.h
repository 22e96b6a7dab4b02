// Conversions of 16-bit floats (ops/half.h) by hardware where the instruction set has them, and of contiguous runs. Included by kernel files, once per instruction set.
#pragma once
#include "ops/half.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace torchstone::TORCHSTONE_ISA {
namespace {

#if defined(__F16C__)
TS_INLINE float widen(Half x) { return _cvtsh_ss(x.v); }
TS_INLINE uint16_t halfBits(float x) { return uint16_t(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT)); }
#endif

// Contiguous runs. The loops over Brain vectorise by themselves.
TS_INLINE void widenAll(int64_t n, float* to, const Half* from) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
#endif
  for (; i < n; ++i) to[i] = widen(from[i]);
}
TS_INLINE void narrowAll(int64_t n, Half* to, const float* from) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
  for (; i < n; ++i) to[i].v = halfBits(from[i]);
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
