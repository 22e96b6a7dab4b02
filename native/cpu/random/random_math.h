// The vector log, sqrt and sincos the distributions need. Must be compiled without contraction to fused
// multiply-adds (random.cc sees to it), so that every instruction set gives the same bits.
// Polynomials: float32 from Cephes (logf, sinf, cosf), float64 from fdlibm (e_log.c, k_sin.c, k_cos.c); about 1 ulp.
#pragma once
#include "philox.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

typedef float F32 __attribute__((vector_size(kVectorBytes)));
typedef double F64 __attribute__((vector_size(kVectorBytes)));

TS_INLINE F32 squareRoot(F32 x) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_ps(0xFFFF, x);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#elif defined(__SSE2__)
  return _mm_sqrt_ps(x);
#else
  for (size_t i = 0; i < sizeof x / sizeof x[0]; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}
TS_INLINE F64 squareRoot(F64 x) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_pd(0xFF, x);
#elif defined(__AVX2__)
  return _mm256_sqrt_pd(x);
#elif defined(__SSE2__)
  return _mm_sqrt_pd(x);
#else
  for (size_t i = 0; i < sizeof x / sizeof x[0]; ++i) x[i] = __builtin_sqrt(x[i]);
  return x;
#endif
}

// Exact for x < 2^53; not every set converts 64-bit integers, all can put the halves behind a known exponent.
TS_INLINE F64 toDouble(U64 x) {
  const U64 magic = broadcast(0x4330000000000000u);  // 2^52
  const F64 low = reinterpret_cast<F64>((x & broadcast(0xFFFFFFFFu)) | magic) - 0x1p52;
  const F64 high = reinterpret_cast<F64>((x >> 32) | magic) - 0x1p52;
  return high * 0x1p32 + low;
}

// x positive and normal. x = 2^e · m, √½ ≤ m < √2.
template <int C> TS_INLINE void logarithms(F32 (&x)[C]) {
  I32 bits[C];
  F32 f[C], p[C];
  TS_ABREAST(C) bits[c] = reinterpret_cast<I32>(x[c]) + (0x3f800000 - 0x3f3504f3);
  TS_ABREAST(C) f[c] = reinterpret_cast<F32>((bits[c] & 0x007fffff) + 0x3f3504f3) - 1.0f;
  TS_ABREAST(C) p[c] = f[c] * 7.0376836292e-2f - 1.1514610310e-1f;
  TS_ABREAST(C) p[c] = p[c] * f[c] + 1.1676998740e-1f;
  TS_ABREAST(C) p[c] = p[c] * f[c] - 1.2420140846e-1f;
  TS_ABREAST(C) p[c] = p[c] * f[c] + 1.4249322787e-1f;
  TS_ABREAST(C) p[c] = p[c] * f[c] - 1.6668057665e-1f;
  TS_ABREAST(C) p[c] = p[c] * f[c] + 2.0000714765e-1f;
  TS_ABREAST(C) p[c] = p[c] * f[c] - 2.4999993993e-1f;
  TS_ABREAST(C) p[c] = p[c] * f[c] + 3.3333331174e-1f;
  TS_ABREAST(C) {
    const F32 e = __builtin_convertvector((bits[c] >> 23) - 127, F32), z = f[c] * f[c];
    const F32 tail = f[c] * z * p[c] + e * -2.12194440e-4f - z * 0.5f;
    x[c] = (f[c] + tail) + e * 0.693359375f;
  }
}
TS_INLINE F32 logarithm(F32 x) {
  F32 one[1] = {x};
  logarithms(one);
  return one[0];
}

TS_INLINE F64 logarithm(F64 x) {
  const U64 bits = reinterpret_cast<U64>(x) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
  const F64 e = reinterpret_cast<F64>((bits >> 52) | broadcast(0x4330000000000000u)) - (0x1p52 + 1023.0);
  const F64 f = reinterpret_cast<F64>((bits & broadcast(0x000fffffffffffffu)) + 0x3fe6a09e667f3bcdu) - 1.0;
  const F64 s = f / (f + 2.0), z = s * s, w = z * z, half = f * f * 0.5;
  const F64 t1 = w * (w * (w * 1.531383769920937332e-01 + 2.222219843214978396e-01) + 3.999999999940941908e-01);
  const F64 t2 = z * (w * (w * (w * 1.479819860511658591e-01 + 1.818357216161805012e-01) + 2.857142874366239149e-01) +
                      6.666666666666735130e-01);
  return e * 6.93147180369123816490e-01 - ((half - (s * (half + t1 + t2) + e * 1.90821492927058770002e-10)) - f);
}

// sin and cos of x, |x| ≤ π/4.
template <int C> TS_INLINE void sinesCosines(const F32 (&x)[C], F32 (&s)[C], F32 (&k)[C]) {
  F32 z[C];
  TS_ABREAST(C) z[c] = x[c] * x[c];
  TS_ABREAST(C) s[c] = z[c] * -1.9515295891e-4f + 8.3321608736e-3f;
  TS_ABREAST(C) k[c] = z[c] * 2.443315711809948e-5f - 1.388731625493765e-3f;
  TS_ABREAST(C) s[c] = s[c] * z[c] - 1.6666654611e-1f;
  TS_ABREAST(C) k[c] = k[c] * z[c] + 4.166664568298827e-2f;
  TS_ABREAST(C) s[c] = s[c] * z[c] * x[c] + x[c];
  TS_ABREAST(C) k[c] = k[c] * z[c] * z[c] - z[c] * 0.5f + 1.0f;
}
TS_INLINE void sineCosine(F64 x, F64& s, F64& c) {
  const F64 z = x * x;
  F64 p = z * 1.58969099521155010221e-10 - 2.50507602534068634195e-08;
  p = p * z + 2.75573137070700676789e-06;
  p = p * z - 1.98412698298579493134e-04;
  p = p * z + 8.33333333332248946124e-03;
  p = p * z - 1.66666666666666324348e-01;
  s = x + x * z * p;
  F64 q = z * -1.13596475577881948265e-11 + 2.08757232129817482790e-09;
  q = q * z - 2.75573143513906633035e-07;
  q = q * z + 2.48015872894767294178e-05;
  q = q * z - 1.38888888888741095749e-03;
  q = q * z + 4.16666666666666019037e-02;
  c = 1.0 - (z * 0.5 - z * z * q);
}

// (0, 1]: 31 bits, half a step above zero, so that the logarithm reaches 6.66 standard deviations.
TS_INLINE F32 openUnit(U32 w) { return (__builtin_convertvector(reinterpret_cast<I32>(w >> 1), F32) + 0.5f) * 0x1p-31f; }
TS_INLINE F64 openUnit(U64 w) { return (toDouble(w >> 11) + 0.5) * 0x1p-53; }

// Box and Muller (1958): two normals from two draws. The second draw is an angle: its top two bits are the quadrant, the
// rest a signed fraction of it, so no range reduction is needed.
template <int C> TS_INLINE void boxMuller(const U32 (&a)[C], const U32 (&b)[C], F32 (&x)[C], F32 (&y)[C]) {
  F32 r[C], angle[C], s[C], k[C];
  TS_ABREAST(C) r[c] = openUnit(a[c]);
  logarithms(r);
  TS_ABREAST(C) r[c] = squareRoot(r[c] * -2.0f);
  TS_ABREAST(C) angle[c] = __builtin_convertvector(reinterpret_cast<I32>(b[c] << 2), F32) * (1.57079632679489661923f * 0x1p-32f);
  sinesCosines(angle, s, k);
  TS_ABREAST(C) {
    const U32 quadrant = b[c] >> 30;
    const I32 swap = reinterpret_cast<I32>((quadrant & 1) != 0);
    const F32 cosine = swap ? s[c] : k[c], sine = swap ? k[c] : s[c];
    x[c] = r[c] * reinterpret_cast<F32>(reinterpret_cast<U32>(cosine) ^ (((quadrant + 1) & 2) << 30));
    y[c] = r[c] * reinterpret_cast<F32>(reinterpret_cast<U32>(sine) ^ ((quadrant & 2) << 30));
  }
}
TS_INLINE void boxMuller(U64 a, U64 b, F64& x, F64& y) {
  const F64 r = squareRoot(logarithm(openUnit(a)) * -2.0);
  F64 s, c;
  sineCosine((toDouble((b << 2) >> 11) - 0x1p52) * (1.57079632679489661923 * 0x1p-53), s, c);
  const U64 quadrant = b >> 62;
  const I64 swap = reinterpret_cast<I64>((quadrant & 1) != 0);
  const F64 cs = swap ? s : c, sn = swap ? c : s;
  x = r * reinterpret_cast<F64>(reinterpret_cast<U64>(cs) ^ (((quadrant + 1) & 2) << 62));
  y = r * reinterpret_cast<F64>(reinterpret_cast<U64>(sn) ^ ((quadrant & 2) << 62));
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
