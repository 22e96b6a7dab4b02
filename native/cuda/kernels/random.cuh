// Random fills: the same words, distributions and bits as native/cpu/random/random.cc, one element (or pair) a thread. The
// mathematics is that of native/cpu/random/random_math.h on single numbers; a test holds both together.
#pragma once
#include "program.cuh"

namespace torchstone::device {

constexpr int kRandomThreads = 256;
constexpr int kPhiloxGroup = 16;  // counters a group, as in native/cpu/random/philox.h

struct RandomArgs {
  int64_t n;
  char* out;
  int64_t seed, offset;
  double p0, p1;
  int64_t from, range;  // of integers; `range` is the threshold of bernoulli
};

struct Words4 { uint32_t w[4]; };
TS_INLINE Words4 philox(uint64_t counter, uint64_t seed) {
  uint32_t x[4] = {uint32_t(counter), uint32_t(counter >> 32), 0, 0}, k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t(x[0]) * 0xD2511F53u, p1 = uint64_t(x[2]) * 0xCD9E8D57u;
    x[0] = uint32_t(p1 >> 32) ^ x[1] ^ k0;
    x[2] = uint32_t(p0 >> 32) ^ x[3] ^ k1;
    x[1] = uint32_t(p1);
    x[3] = uint32_t(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{x[0], x[1], x[2], x[3]}};
}
TS_INLINE uint64_t draw64(const Words4& x, int j) { return uint64_t(x.w[2 * j]) | uint64_t(x.w[2 * j + 1]) << 32; }

TS_INLINE float logarithm(float x) {
  const int32_t bits = __builtin_bit_cast(int32_t, x) + (0x3f800000 - 0x3f3504f3);
  const float e = float((bits >> 23) - 127);
  const float f = __builtin_bit_cast(float, (bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
  const float z = f * f;
  float p = f * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float tail = f * z * p + e * -2.12194440e-4f - z * 0.5f;
  return (f + tail) + e * 0.693359375f;
}
TS_INLINE double logarithm(double x) {
  const uint64_t bits = __builtin_bit_cast(uint64_t, x) + (0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull);
  const double e = __builtin_bit_cast(double, (bits >> 52) | 0x4330000000000000ull) - (0x1p52 + 1023.0);
  const double f = __builtin_bit_cast(double, (bits & 0x000fffffffffffffull) + 0x3fe6a09e667f3bcdull) - 1.0;
  const double s = f / (f + 2.0), z = s * s, w = z * z, half = f * f * 0.5;
  const double t1 = w * (w * (w * 1.531383769920937332e-01 + 2.222219843214978396e-01) + 3.999999999940941908e-01);
  const double t2 = z * (w * (w * (w * 1.479819860511658591e-01 + 1.818357216161805012e-01) + 2.857142874366239149e-01) +
                         6.666666666666735130e-01);
  return e * 6.93147180369123816490e-01 - ((half - (s * (half + t1 + t2) + e * 1.90821492927058770002e-10)) - f);
}

TS_INLINE void sineCosine(float x, float& s, float& c) {
  const float z = x * x;
  s = ((z * -1.9515295891e-4f + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
  c = ((z * 2.443315711809948e-5f - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - z * 0.5f + 1.0f;
}
TS_INLINE void sineCosine(double x, double& s, double& c) {
  const double z = x * x;
  double p = z * 1.58969099521155010221e-10 - 2.50507602534068634195e-08;
  p = p * z + 2.75573137070700676789e-06;
  p = p * z - 1.98412698298579493134e-04;
  p = p * z + 8.33333333332248946124e-03;
  p = p * z - 1.66666666666666324348e-01;
  s = x + x * z * p;
  double q = z * -1.13596475577881948265e-11 + 2.08757232129817482790e-09;
  q = q * z - 2.75573143513906633035e-07;
  q = q * z + 2.48015872894767294178e-05;
  q = q * z - 1.38888888888741095749e-03;
  q = q * z + 4.16666666666666019037e-02;
  c = 1.0 - (z * 0.5 - z * z * q);
}

TS_INLINE float openUnit(uint32_t w) { return (float(int32_t(w >> 1)) + 0.5f) * 0x1p-31f; }
TS_INLINE double openUnit(uint64_t w) { return (double(int64_t(w >> 11)) + 0.5) * 0x1p-53; }

// The first normal of a pair of draws, or the second.
TS_INLINE float normalOf(uint32_t a, uint32_t b, bool second) {
  const float r = ::sqrtf(logarithm(openUnit(a)) * -2.0f);
  float s, c;
  sineCosine(float(int32_t(b << 2)) * (1.57079632679489661923f * 0x1p-32f), s, c);
  const uint32_t quadrant = b >> 30;
  const bool swap = quadrant & 1;
  const float v = second ? (swap ? c : s) : (swap ? s : c);
  const uint32_t sign = second ? (quadrant & 2) << 30 : ((quadrant + 1) & 2) << 30;
  return r * __builtin_bit_cast(float, __builtin_bit_cast(uint32_t, v) ^ sign);
}
TS_INLINE double normalOf(uint64_t a, uint64_t b, bool second) {
  const double r = ::sqrt(logarithm(openUnit(a)) * -2.0);
  double s, c;
  sineCosine((double(int64_t((b << 2) >> 11)) - 0x1p52) * (1.57079632679489661923 * 0x1p-53), s, c);
  const uint64_t quadrant = b >> 62;
  const bool swap = quadrant & 1;
  const double v = second ? (swap ? c : s) : (swap ? s : c);
  const uint64_t sign = second ? (quadrant & 2) << 62 : ((quadrant + 1) & 2) << 62;
  return r * __builtin_bit_cast(double, __builtin_bit_cast(uint64_t, v) ^ sign);
}

struct Uniform {
  TS_INLINE float of(const RandomArgs& a, const Words4& x, int j) {
    const float from = float(a.p0), top = ::nextafterf(float(a.p1), from);
    const float y = float(int32_t(x.w[j] >> 8)) * 0x1p-24f * float(a.p1 - a.p0) + from;
    return y < top ? y : top;
  }
  TS_INLINE double of64(const RandomArgs& a, const Words4& x, int j) {
    const double top = ::nextafter(a.p1, a.p0), y = double(int64_t(draw64(x, j) >> 11)) * 0x1p-53 * (a.p1 - a.p0) + a.p0;
    return y < top ? y : top;
  }
};
struct Normal {
  TS_INLINE float of(const RandomArgs& a, const Words4& x, int j) {
    return normalOf(x.w[j & 2], x.w[(j & 2) + 1], j & 1) * float(a.p1) + float(a.p0);
  }
  TS_INLINE double of64(const RandomArgs& a, const Words4& x, int j) {
    return normalOf(draw64(x, 0), draw64(x, 1), j) * a.p1 + a.p0;
  }
};
struct Exponential {
  TS_INLINE float of(const RandomArgs& a, const Words4& x, int j) {
    const float y = -logarithm(openUnit(x.w[j]));
    return (y > 0x1p-24f ? y : 0x1p-24f) / float(a.p0);
  }
  TS_INLINE double of64(const RandomArgs& a, const Words4& x, int j) {
    const double y = -logarithm(openUnit(draw64(x, j)));
    return (y > 0x1p-53 ? y : 0x1p-53) / a.p0;
  }
};
struct Bernoulli {
  TS_INLINE int64_t of(const RandomArgs& a, const Words4& x, int j) { return a.range > 0 && x.w[j] <= uint32_t(a.range - 1); }
};
// from + ⌊draw · range / 2^64⌋
struct Integer {
  TS_INLINE int64_t of64(const RandomArgs& a, const Words4& x, int j) {
    const uint64_t draw = draw64(x, j), range = uint64_t(a.range), low = draw & 0xffffffffu, high = draw >> 32;
    const uint64_t rangeLow = range & 0xffffffffu, rangeHigh = range >> 32;
    const uint64_t middle = high * rangeLow + (low * rangeLow >> 32), cross = low * rangeHigh + (middle & 0xffffffffu);
    return int64_t(high * rangeHigh + (middle >> 32) + (cross >> 32) + uint64_t(a.from));
  }
};
struct Raw {
  TS_INLINE int64_t of64(const RandomArgs&, const Words4& x, int j) { return int64_t(draw64(x, j) >> 1); }
};

template <class T, class V> TS_INLINE void store(char* out, int64_t i, V v) {
  if constexpr (kSame<T, Bool>) reinterpret_cast<Bool*>(out)[i] = Bool{uint8_t(v != 0)};
  else reinterpret_cast<T*>(out)[i] = T(v);
}

// Elements of 32-bit draws: word (i / 16) % 4 of counter i / 64 · 16 + i % 16.
template <class D, class T> TS_INLINE void fill32(const RandomArgs& a) {
  const int64_t i = int64_t(blockIdx.x) * kRandomThreads + threadIdx.x;
  if (i >= a.n) return;
  const Words4 x = philox(uint64_t(a.offset) + uint64_t(i / 64 * kPhiloxGroup + i % kPhiloxGroup), uint64_t(a.seed));
  store<T>(a.out, i, D::of(a, x, int(i / kPhiloxGroup % 4)));
}
// Elements of 64-bit draws: words 2j and 2j + 1, j = (i / 16) % 2, of counter i / 32 · 16 + i % 16.
template <class D, class T> TS_INLINE void fill64(const RandomArgs& a) {
  const int64_t i = int64_t(blockIdx.x) * kRandomThreads + threadIdx.x;
  if (i >= a.n) return;
  const Words4 x = philox(uint64_t(a.offset) + uint64_t(i / 32 * kPhiloxGroup + i % kPhiloxGroup), uint64_t(a.seed));
  store<T>(a.out, i, D::of64(a, x, int(i / kPhiloxGroup % 2)));
}

}  // namespace torchstone::device
