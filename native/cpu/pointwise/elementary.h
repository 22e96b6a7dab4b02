// The exponential, log1p and erf of one register, those of float32 inlined where SLEEF's would be calls. They need fused
// multiply-adds; without them, and for float64, SLEEF serves. Coefficients: suites/reference/fit_elementary.py. No product
// may feed a plain sum here: what a compiler contracts would change the bits. ULP and time: docs/decisions/0006.
#pragma once
#include "cpu/vector_math.h"

#if defined(TORCHSTONE_VECTOR_MATH) && defined(__FMA__)
#define TORCHSTONE_OWN_MATH 1
#include "elementary_tables.h"

namespace torchstone::TORCHSTONE_ISA {

#if defined(__AVX512F__)
using BitsF = __m512i;
TS_INLINE VecF spreadF(float x) { return _mm512_set1_ps(x); }
TS_INLINE BitsF spreadI(int32_t x) { return _mm512_set1_epi32(x); }
TS_INLINE VecF fused(VecF a, VecF b, VecF c) { return _mm512_fmadd_ps(a, b, c); }    // a·b + c
TS_INLINE VecF fusedFrom(VecF a, VecF b, VecF c) { return _mm512_fnmadd_ps(a, b, c); }  // c − a·b
// NaN in b comes through.
TS_INLINE VecF lower(float a, VecF b) { return _mm512_maskz_min_ps(0xFFFF, spreadF(a), b); }
TS_INLINE VecF upper(float a, VecF b) { return _mm512_maskz_max_ps(0xFFFF, spreadF(a), b); }
TS_INLINE BitsF truncated(VecF a) { return _mm512_maskz_cvttps_epi32(0xFFFF, a); }
TS_INLINE VecF converted(BitsF a) { return _mm512_maskz_cvtepi32_ps(0xFFFF, a); }
TS_INLINE BitsF bitsOf(VecF a) { return _mm512_castps_si512(a); }
TS_INLINE VecF ofBits(BitsF a) { return _mm512_castsi512_ps(a); }
TS_INLINE BitsF plus(BitsF a, BitsF b) { return _mm512_add_epi32(a, b); }
TS_INLINE BitsF minus(BitsF a, BitsF b) { return _mm512_sub_epi32(a, b); }
TS_INLINE BitsF both(BitsF a, BitsF b) { return _mm512_and_si512(a, b); }
TS_INLINE BitsF either(BitsF a, BitsF b) { return _mm512_or_si512(a, b); }
TS_INLINE BitsF exponentBits(BitsF a) { return _mm512_maskz_srai_epi32(0xFFFF, a, 23); }
TS_INLINE BitsF toExponent(BitsF a) { return _mm512_maskz_slli_epi32(0xFFFF, a, 23); }
// a · 2^⌊n⌋ for a in [½, 2]: rounded once, to 0 and to infinity too.
TS_INLINE VecF scaled(VecF a, VecF n) { return _mm512_maskz_scalef_ps(0xFFFF, a, n); }
// Entry `index` modulo 16.
TS_INLINE VecF lookUp(const float (&table)[16], BitsF index) {
  return _mm512_maskz_permutexvar_ps(0xFFFF, index, _mm512_load_ps(table));
}
#else
using BitsF = __m256i;
TS_INLINE VecF spreadF(float x) { return _mm256_set1_ps(x); }
TS_INLINE BitsF spreadI(int32_t x) { return _mm256_set1_epi32(x); }
TS_INLINE VecF fused(VecF a, VecF b, VecF c) { return _mm256_fmadd_ps(a, b, c); }
TS_INLINE VecF fusedFrom(VecF a, VecF b, VecF c) { return _mm256_fnmadd_ps(a, b, c); }
TS_INLINE VecF lower(float a, VecF b) { return _mm256_min_ps(spreadF(a), b); }
TS_INLINE VecF upper(float a, VecF b) { return _mm256_max_ps(spreadF(a), b); }
TS_INLINE BitsF truncated(VecF a) { return _mm256_cvttps_epi32(a); }
TS_INLINE VecF converted(BitsF a) { return _mm256_cvtepi32_ps(a); }
TS_INLINE BitsF bitsOf(VecF a) { return _mm256_castps_si256(a); }
TS_INLINE VecF ofBits(BitsF a) { return _mm256_castsi256_ps(a); }
TS_INLINE BitsF plus(BitsF a, BitsF b) { return _mm256_add_epi32(a, b); }
TS_INLINE BitsF minus(BitsF a, BitsF b) { return _mm256_sub_epi32(a, b); }
TS_INLINE BitsF both(BitsF a, BitsF b) { return _mm256_and_si256(a, b); }
TS_INLINE BitsF either(BitsF a, BitsF b) { return _mm256_or_si256(a, b); }
TS_INLINE BitsF exponentBits(BitsF a) { return _mm256_srai_epi32(a, 23); }
TS_INLINE BitsF toExponent(BitsF a) { return _mm256_slli_epi32(a, 23); }
// In two steps: a power of two reaches from 2^-126 to 2^127 only. The first is exact.
TS_INLINE VecF scaled(VecF a, VecF n) {
  const BitsF whole = truncated(_mm256_floor_ps(n)), half = _mm256_srai_epi32(whole, 1), bias = spreadI(127);
  const VecF first = ofBits(toExponent(plus(half, bias))), second = ofBits(toExponent(plus(minus(whole, half), bias)));
  return _mm256_mul_ps(_mm256_mul_ps(a, first), second);
}
// Entry `index` modulo 16; bit 3 chooses the half of the table, as its sign bit.
TS_INLINE VecF lookUp(const float (&table)[16], BitsF index) {
  const VecF low = _mm256_permutevar8x32_ps(_mm256_load_ps(table), index);
  const VecF high = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), index);
  return _mm256_blendv_ps(low, high, ofBits(_mm256_slli_epi32(index, 28)));
}
#endif

template <int count> TS_INLINE VecF polynomial(VecF x, const float (&c)[count]) {
  VecF p = spreadF(c[count - 1]);
#pragma GCC unroll 16
  for (int k = count - 2; k >= 0; --k) p = fused(p, x, spreadF(c[k]));
  return p;
}

// y ≥ 0, or of the sign of x already, with the sign of x.
TS_INLINE VecF withSign(VecF y, VecF x) { return ofBits(either(bitsOf(y), both(bitsOf(x), spreadI(INT32_MIN)))); }

// e^x = 2^whole · 2^(k/16) · e^r, |r| ≤ ln2 / 32 (Tang's tables); n is log2 of the two powers. Beyond ±104 nothing changes any more.
TS_INLINE VecF vectorExp(VecF x) {
  const VecF shift = spreadF(0x1.8p19f);  // its last bit is worth 1/16
  x = upper(-104.0f, lower(104.0f, x));
  const VecF z = fused(x, spreadF(kLog2e), shift), n = z - shift;
  const BitsF k = bitsOf(z);
  const VecF r = fusedFrom(n, spreadF(kLn2Low), fusedFrom(n, spreadF(kLn2High), x));
  const VecF grown = fused(r * r, polynomial(r, kExp), r), root = lookUp(kRoot[0], k);
  return scaled(root + fused(root, grown, lookUp(kRoot[1], k)), n);
}

// log(1 + x) = e·ln2 + log(1 + f), 1 + x = 2^e · (1 + f), √½ ≤ 1 + f < √2. What u = 1 + x loses by rounding goes into f.
TS_INLINE VecF vectorLog1p(VecF x) {
  const VecF one = spreadF(1.0f), u = one + x, lost = x - (u - one);
  const BitsF from = spreadI(0x3f3504f3), shifted = minus(bitsOf(u), from), exponent = exponentBits(shifted);
  const VecF e = converted(exponent);
  const VecF m = ofBits(plus(both(shifted, spreadI(0x007fffff)), from)) - one;
  const VecF scale = ofBits(minus(spreadI(0x3f800000), toExponent(exponent)));
  const VecF f = fused(lost, scale, m), rest = fused(lost, scale, m - f);
  const VecF tail = fused(f * f, fused(f, polynomial(f, kLog), spreadF(-0.5f)), fused(e, spreadF(kLn2Low), rest));
  const VecF y = withSign(fused(e, spreadF(kLn2High), f + tail), x);  // −0 stays −0
  // Beyond 2^24 nothing is lost, though `lost` may be infinite or a NaN; −1, infinity, and what has no logarithm are set.
  if (allBelow(-x, 1.0f) && allBelow(x, 0x1p24f)) return y;
  const VecF large = fused(m * m, fused(m, polynomial(m, kLog), spreadF(-0.5f)), m);
  const VecF far = fused(e, spreadF(kLn2High), fused(e, spreadF(kLn2Low), large));
  VecF z = x < 0x1p24f ? y : far;
  z = x == __builtin_inff() ? x : z;
  z = x == -1.0f ? spreadF(-__builtin_inff()) : z;
  return x >= -1.0f ? z : spreadF(__builtin_nanf(""));
}

// Sixteen intervals of a quarter each, |x| = c + t: erf(c) + t·slope + t²·(…), the slope last but one, so that near 0, where the
// value is 0, the result has one rounding. c is a number whose erf and slope are all but exact in float32. From 4 on it is 1.
TS_INLINE VecF vectorErf(VecF x) {
  const VecF a = lower(0x1.fffffep1f, ofBits(both(bitsOf(x), spreadI(INT32_MAX))));
  const BitsF i = truncated(a * spreadF(4.0f));
  const VecF t = a - lookUp(kErf[0], i);
  VecF p = lookUp(kErf[8], i);
#pragma GCC unroll 8
  for (int k = 7; k > 2; --k) p = fused(p, t, lookUp(kErf[k], i));
  const VecF y = fused(lookUp(kErf[2], i), t, p * t) + lookUp(kErf[1], i);
  return withSign(y, x);
}

}  // namespace torchstone::TORCHSTONE_ISA
#endif

#ifdef TORCHSTONE_VECTOR_MATH
namespace torchstone::TORCHSTONE_ISA {
// SLEEF 3.5.1's log1p gives infinity for arguments near the largest number; beyond `limit` log is the same.
template <class V, class T> TS_INLINE V log1pByLog(V a, V y, T limit) {
  if (allBelow(magnitude(a), limit)) return y;
  return magnitude(a) > limit ? vectorLog(a) : y;
}
#ifndef TORCHSTONE_OWN_MATH
TS_INLINE VecF vectorExp(VecF x) { return TS_SLEEF_F(exp, u10)(x); }
TS_INLINE VecF vectorLog1p(VecF x) { return log1pByLog(x, TS_SLEEF_F(log1p, u10)(x), 1e30f); }
TS_INLINE VecF vectorErf(VecF x) { return TS_SLEEF_F(erf, u10)(x); }
#endif
TS_INLINE VecD vectorExp(VecD x) { return TS_SLEEF_D(exp, u10)(x); }
TS_INLINE VecD vectorLog1p(VecD x) { return log1pByLog(x, TS_SLEEF_D(log1p, u10)(x), 1e300); }
TS_INLINE VecD vectorErf(VecD x) { return TS_SLEEF_D(erf, u10)(x); }
}  // namespace torchstone::TORCHSTONE_ISA
#endif
