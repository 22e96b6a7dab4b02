// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), many counters at a time, and
// which element takes which word.
//
// key = seed; counter = (offset + c, 0, 0) as (64 bits, 32, 32). Elements come in groups of 16 counters:
//   32-bit draws: element i of a fill = word (i / 16) % 4 of counter c = i / 64 · 16 + i % 16
//   64-bit draws: element i = words 2j (low) and 2j + 1 (high), j = (i / 16) % 2, of counter c = i / 32 · 16 + i % 16
// so a vector of consecutive counters yields consecutive elements without shuffles, for vectors of 4, 8 or 16.
#pragma once
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

typedef uint64_t U64 __attribute__((vector_size(kVectorBytes)));
typedef int64_t I64 __attribute__((vector_size(kVectorBytes)));
typedef uint32_t U32 __attribute__((vector_size(kVectorBytes)));
typedef int32_t I32 __attribute__((vector_size(kVectorBytes)));
inline constexpr int kPhiloxGroup = 16;              // counters a group
inline constexpr int kLanes32 = kVectorBytes / 4, kLanes64 = kVectorBytes / 8;

// The same of C registers, one after the other in every step.
#define TS_ABREAST(C) _Pragma("GCC unroll 8") for (int c = 0; c < C; ++c)

// The low 32 bits of each lane times m.
TS_INLINE U64 multiplyLow(U64 a, U64 m) {
#if defined(__AVX512F__)
  return reinterpret_cast<U64>(_mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(m)));
#elif defined(__AVX2__)
  return reinterpret_cast<U64>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(m)));
#elif defined(__SSE2__)
  return reinterpret_cast<U64>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(m)));
#else
  return (a & 0xFFFFFFFFu) * m;
#endif
}

TS_INLINE U64 broadcast(uint64_t x) { return U64{} + x; }

// The four words of each lane's counter x[c][0], in the low halves of x[c]; the high halves hold leftovers that no multiplication
// reads. C registers side by side: a round waits for the one before, and alone would leave the processor idle.
template <int C> TS_INLINE void philox(uint64_t seed, U64 (&x)[C][4]) {
  const U64 m0 = broadcast(0xD2511F53u), m1 = broadcast(0xCD9E8D57u);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  TS_ABREAST(C) x[c][1] = x[c][0] >> 32, x[c][2] = x[c][3] = U64{};
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    TS_ABREAST(C) {
      const U64 p0 = multiplyLow(x[c][0], m0), p1 = multiplyLow(x[c][2], m1);
      x[c][0] = (p1 >> 32) ^ x[c][1] ^ broadcast(k0);
      x[c][2] = (p0 >> 32) ^ x[c][3] ^ broadcast(k1);
      x[c][1] = p1;
      x[c][3] = p0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// The words of kLanes32 consecutive counters in each of C groups: w[c][j][lane] = word j of counter first + 16c + lane.
template <int C> TS_INLINE void words32(uint64_t first, uint64_t seed, U32 (&w)[C][4]) {
  U64 lane, x[2 * C][4];  // even and odd counters
  for (int i = 0; i < kLanes64; ++i) lane[i] = static_cast<uint64_t>(2 * i);
  TS_ABREAST(2 * C) x[c][0] = broadcast(first + static_cast<uint64_t>(kPhiloxGroup * (c / 2) + c % 2)) + lane;
  philox(seed, x);
  TS_ABREAST(C)
    for (int j = 0; j < 4; ++j) w[c][j] = reinterpret_cast<U32>((x[2 * c][j] & broadcast(0xFFFFFFFFu)) | (x[2 * c + 1][j] << 32));
}

// The two 64-bit draws of kLanes64 consecutive counters.
TS_INLINE void words64(uint64_t first, uint64_t seed, U64 (&w)[2]) {
  U64 lane;
  for (int i = 0; i < kLanes64; ++i) lane[i] = static_cast<uint64_t>(i);
  U64 x[1][4];
  x[0][0] = broadcast(first) + lane;
  philox(seed, x);
  for (int j = 0; j < 2; ++j) w[j] = (x[0][2 * j] & broadcast(0xFFFFFFFFu)) | (x[0][2 * j + 1] << 32);
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
