// MT19937 (Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998) in the 5,056 bytes that PyTorch gives as the state
// of its generator for the CPU, and the numbers that it makes of the words: Draws d(*state); d.unit64();
// A sum of a product is one fused multiply-add here where PyTorch's builds for AVX2 and AVX-512 have one; the file that includes
// this must be compiled without contraction (mersenne.cc sees to it).
#pragma once
#include <cmath>
#include <cstddef>

#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

inline constexpr int kWords = 624, kMiddle = 397;

// The layout is PyTorch's: torch.get_rng_state() is these bytes.
struct Mt19937 {
  uint64_t seed;
  int32_t left;  // words until the next twist, and one
  int32_t seeded;
  uint64_t next;  // the word that comes
  uint64_t words[kWords];  // 32 bits each
  double unusedX, second, unusedRho;  // second: the other normal of a pair
  int32_t hasSecond, unused;
  float unusedFloat;
  int32_t unusedHasFloat;
};
static_assert(sizeof(Mt19937) == 5056 && offsetof(Mt19937, second) == 5024 && offsetof(Mt19937, hasSecond) == 5040);

TS_INLINE double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }
TS_INLINE float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

class Draws {
 public:
  explicit Draws(Mt19937& state) : s_(state) {}

  uint32_t next32() {
    if (--s_.left == 0) twist();
    uint32_t y = static_cast<uint32_t>(s_.words[s_.next++]);
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
  }
  uint64_t next64() {
    const uint64_t high = next32();
    return high << 32 | next32();
  }
  // [0, 1), from as many bits as the type holds.
  float unit32() { return static_cast<float>(next32() & 0xFFFFFFu) * 0x1p-24f; }
  double unit64() { return static_cast<double>(next64() & 0x1FFFFFFFFFFFFFu) * 0x1p-53; }

  // Box and Muller (1958): a pair, of which the second waits.
  double normal(double mean, double deviation) {
    if (s_.hasSecond != 0) {
      const double x = s_.second;
      s_.hasSecond = 0;
      s_.second = 0;
      return fused(x, deviation, mean);
    }
    const double u1 = unit64(), u2 = unit64();
    const double r = __builtin_sqrt(-2.0 * ::log1p(-u2)), angle = 2.0 * 3.14159265358979323846 * u1;
    s_.second = r * ::sin(angle);
    s_.hasSecond = 1;
    return fused(r * ::cos(angle), deviation, mean);
  }

 private:
  static uint64_t mixed(uint64_t far, uint64_t a, uint64_t b) {
    return far ^ ((a & 0x80000000u) | (b & 0x7fffffffu)) >> 1 ^ (b & 1 ? 0x9908b0dfu : 0u);
  }
  TS_NOINLINE void twist() {
    uint64_t* w = s_.words;
    int i = 0;
    for (; i < kWords - kMiddle; ++i) w[i] = mixed(w[i + kMiddle], w[i], w[i + 1]);
    for (; i < kWords - 1; ++i) w[i] = mixed(w[i + kMiddle - kWords], w[i], w[i + 1]);
    w[i] = mixed(w[i + kMiddle - kWords], w[i], w[0]);
    s_.left = kWords;
    s_.next = 0;
  }
  Mt19937& s_;
};

// A block of 16 normals in the place of 16 uniform numbers: i and i + 8 are a pair. float64 takes the C library's functions,
// float32 the polynomials of Cephes (Moshier) in the form of avx_mathfun, lane by lane.
struct NormalBlock {
  static void fill(double* x, double mean, double deviation) {
    for (int i = 0; i < 8; ++i) {
      const double r = __builtin_sqrt(-2.0 * ::log(1.0 - x[i])), angle = 2.0 * 3.14159265358979323846 * x[i + 8];
      x[i] = fused(r * ::cos(angle), deviation, mean);
      x[i + 8] = fused(r * ::sin(angle), deviation, mean);
    }
  }
  static void fill(float* x, float mean, float deviation) {
    for (int i = 0; i < 8; ++i) {
      const float r = __builtin_sqrtf(-2.0f * logarithm(1.0f - x[i]));
      float s, c;
      sineCosine(static_cast<float>(2.0 * 3.14159265358979323846) * x[i + 8], s, c);
      x[i] = fused(r * c, deviation, mean);
      x[i + 8] = fused(r * s, deviation, mean);
    }
  }

 private:
  // Of x in (0, 1]: x = 2^e · m, √½ ≤ m < √2.
  TS_INLINE float logarithm(float x) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, x);
    const float half = __builtin_bit_cast(float, (bits & 0x007fffffu) | 0x3f000000u);
    const bool low = half < 0.707106781186547524f;
    const float e = static_cast<float>(static_cast<int32_t>(bits >> 23) - 126) - (low ? 1.0f : 0.0f);
    const float m = (half - 1.0f) + (low ? half : 0.0f), z = m * m;
    float p = fused(m, 7.0376836292e-2f, -1.1514610310e-1f);
    p = fused(m, p, 1.1676998740e-1f);
    p = fused(m, p, -1.2420140846e-1f);
    p = fused(m, p, 1.4249322787e-1f);
    p = fused(m, p, -1.6668057665e-1f);
    p = fused(m, p, 2.0000714765e-1f);
    p = fused(m, p, -2.4999993993e-1f);
    p = fused(m, p, 3.3333331174e-1f);
    p = fused(z, m * p, e * -2.12194440e-4f);
    return fused(e, 0.693359375f, m + fused(z, -0.5f, p));
  }
  // Of x in [0, 2π]: octants, their length taken away in three parts.
  TS_INLINE void sineCosine(float x, float& s, float& c) {
    const int32_t octant = (static_cast<int32_t>(x * 1.27323954473516f) + 1) & ~1;
    const float j = static_cast<float>(octant);
    x = fused(j, -0.78515625f, x);
    x = fused(j, -2.4187564849853515625e-4f, x);
    x = fused(j, -3.77489497744594108e-8f, x);
    const float z = x * x;
    float p = fused(z, 2.443315711809948e-5f, -1.388731625493765e-3f);
    p = fused(z, p, 4.166664568298827e-2f);
    p = fused(z, z * p, -(z * 0.5f)) + 1.0f;
    float q = fused(z, -1.9515295891e-4f, 8.3321608736e-3f);
    q = fused(z, q, -1.6666654611e-1f);
    q = fused(x, z * q, x);
    const bool swap = (octant & 2) != 0;
    const float sine = swap ? p : q, cosine = swap ? q : p;
    s = octant & 4 ? -sine : sine;
    c = (octant - 2) & 4 ? cosine : -cosine;
  }
};

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
