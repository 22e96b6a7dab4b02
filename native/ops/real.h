// The functors of the primitives for floats only. `apply` is one element by libm, `vector` one register by SLEEF
// or elementary.h (1 ULP); a kernel uses `vector` wherever there is one, tails included, so a result never depends on its position.
#pragma once
#include "types.h"

#ifndef TORCHSTONE_DEVICE
#include "../cpu/pointwise/elementary.h"
#endif

namespace torchstone::TORCHSTONE_ISA::ops {

#define TS_REAL1(name, libm, sleef, ulp)                      \
  struct name {                                               \
    TS_OP float apply(float a) { return __builtin_##libm##f(a); } \
    TS_OP double apply(double a) { return __builtin_##libm(a); }  \
    TS_VECTOR1(sleef, ulp)                                    \
  };
#define TS_REAL2(name, libm, sleef, ulp)                                      \
  struct name {                                                               \
    TS_OP float apply(float a, float b) { return __builtin_##libm##f(a, b); } \
    TS_OP double apply(double a, double b) { return __builtin_##libm(a, b); } \
    TS_VECTOR2(sleef, ulp)                                                    \
  };
// The same where elementary.h has functions of a register of either dtype.
#ifdef TORCHSTONE_VECTOR_MATH
#define TS_VECTOR_OF(function) template <class V> TS_OP V vector(V a) { return function(a); }
#else
#define TS_VECTOR_OF(function)
#endif
#define TS_ELEMENTARY(name, function)                             \
  struct name {                                                   \
    TS_OP float apply(float a) { return __builtin_##name##f(a); } \
    TS_OP double apply(double a) { return __builtin_##name(a); }  \
    TS_VECTOR_OF(function)                                        \
  };
// SLEEF takes a faster path when all lanes are small, and it rounds differently: the kernel keeps lanes apart by size.
// The thresholds are SLEEF's TRIGRANGEMAX2f, TRIGRANGEMAX2 and TRIGRANGEMAX (3.5.1, src/common/misc.h).
#define TS_PERIODIC(name)                                     \
  struct name {                                               \
    static constexpr bool kPeriodic = true;                   \
    TS_OP float apply(float a) { return __builtin_##name##f(a); } \
    TS_OP double apply(double a) { return __builtin_##name(a); }  \
    static constexpr float kFirst(float) { return 125.0f; }   \
    static constexpr double kFirst(double) { return 15.0; }   \
    TS_OP int laneClass(float a) { return __builtin_fabsf(a) < 125.0f ? 0 : 1; } \
    TS_OP int laneClass(double a) { return __builtin_fabs(a) < 15.0 ? 0 : __builtin_fabs(a) < 1e14 ? 1 : 2; } \
    TS_VECTOR1(name, u10)                                     \
  };

// SLEEF 3.5.1 gives infinity for arguments near the largest number; beyond `limit` the asymptote is exact.
#ifdef TORCHSTONE_VECTOR_MATH
#define TS_HUGE_VECTOR(name, V, T, sleef, limit, asymptote)                       \
  TS_OP V vector(V a) {                                                           \
    const V y = sleef(name, u10)(a);                                              \
    if (allBelow(magnitude(a), limit)) return y;                                     \
    [[maybe_unused]] constexpr T kLn2 = T(0.69314718055994530942), zero = 0;      \
    [[maybe_unused]] const V half = T(0.5) + V{};                                 \
    return magnitude(a) > limit ? asymptote : y;                                  \
  }
#else
#define TS_HUGE_VECTOR(name, V, T, sleef, limit, asymptote)
#endif
#define TS_HUGE(name, limitF, limitD, asymptote)                    \
  struct name {                                                     \
    TS_OP float apply(float a) { return __builtin_##name##f(a); }   \
    TS_OP double apply(double a) { return __builtin_##name(a); }    \
    TS_HUGE_VECTOR(name, VecF, float, TS_SLEEF_F, limitF, (asymptote))  \
    TS_HUGE_VECTOR(name, VecD, double, TS_SLEEF_D, limitD, (asymptote)) \
  };

TS_ELEMENTARY(exp, vectorExp)
TS_REAL1(exp2, exp2, exp2, u10)
TS_REAL1(expm1, expm1, expm1, u10)
TS_REAL1(log, log, log, u10)
TS_REAL1(log2, log2, log2, u10)
TS_REAL1(log10, log10, log10, u10)
TS_PERIODIC(sin)
TS_PERIODIC(cos)
TS_PERIODIC(tan)
TS_REAL1(asin, asin, asin, u10)
TS_REAL1(acos, acos, acos, u10)
TS_REAL1(atan, atan, atan, u10)
// SLEEF gives infinity where e^|a| overflows, a little before e^|a|/2 does.
TS_HUGE(sinh, 88.0f, 709.0, halfExp(a, a < zero ? -half : half))
TS_HUGE(cosh, 88.0f, 709.0, halfExp(a, half))
TS_REAL1(tanh, tanh, tanh, u10)
TS_REAL1(atanh, atanh, atanh, u10)
TS_ELEMENTARY(erf, vectorErf)
TS_REAL1(erfc, erfc, erfc, u15)
TS_REAL1(lgamma, lgamma, lgamma, u10)
TS_ELEMENTARY(log1p, vectorLog1p)
TS_HUGE(acosh, 1e15f, 1e150, vectorLog(a) + kLn2)
TS_HUGE(asinh, 1e15f, 1e150, a < zero ? -(vectorLog(magnitude(a)) + kLn2) : vectorLog(a) + kLn2)
TS_REAL2(atan2, atan2, atan2, u10)
TS_REAL2(hypot, hypot, hypot, u05)

struct div { template <class T> TS_OP T apply(T a, T b) { return a / b; } };
struct reciprocal { template <class T> TS_OP T apply(T a) { return T(1) / a; } };
struct sqrt {
  TS_OP float apply(float a) { return __builtin_sqrtf(a); }
  TS_OP double apply(double a) { return __builtin_sqrt(a); }
};
struct rsqrt { template <class T> TS_OP T apply(T a) { return T(1) / sqrt::apply(a); } };
struct floor { template <class T> TS_OP T apply(T a) { return floorOf(a); } };
struct ceil {
  TS_OP float apply(float a) { return __builtin_ceilf(a); }
  TS_OP double apply(double a) { return __builtin_ceil(a); }
};
struct round {  // half to even: the default rounding mode, which nothing here changes
  TS_OP float apply(float a) { return __builtin_rintf(a); }
  TS_OP double apply(double a) { return __builtin_rint(a); }
};
struct trunc { template <class T> TS_OP T apply(T a) { return truncate(a); } };
struct nextafter {
  TS_OP float apply(float a, float b) { return __builtin_nextafterf(a, b); }
  TS_OP double apply(double a, double b) { return __builtin_nextafter(a, b); }
};
struct sigmoid {  // exp overflows to infinity, and the result then is 0: no other guard is needed
  template <class T> TS_OP T apply(T a) { return T(1) / (T(1) + exp::apply(-a)); }
#ifdef TORCHSTONE_VECTOR_MATH
  TS_OP VecF vector(VecF a) { return 1.0f / (1.0f + exp::vector(-a)); }
  TS_OP VecD vector(VecD a) { return 1.0 / (1.0 + exp::vector(-a)); }
#endif
};
struct gelu {  // a · Φ(a)
  template <class T> TS_OP T apply(T a) { return a * T(0.5) * (erf::apply(a * T(0.70710678118654752440)) + T(1)); }
#ifdef TORCHSTONE_VECTOR_MATH
  TS_OP VecF vector(VecF a) { return a * 0.5f * (erf::vector(a * 0.70710678118654752440f) + 1.0f); }
  TS_OP VecD vector(VecD a) { return a * 0.5 * (erf::vector(a * 0.70710678118654752440) + 1.0); }
#endif
};
struct ldexp {  // a · 2^b, the power by itself as in PyTorch
  template <class T> TS_OP T apply(T a, T b) { return a * exp2::apply(b); }
#ifdef TORCHSTONE_VECTOR_MATH
  template <class V> TS_OP V vector(V a, V b) { return a * exp2::vector(b); }
#endif
};

// Recurrence up to 10, reflection below 0 (DLMF 5.5.2, 5.5.4), then the asymptotic series in B_2k / 2k (DLMF 5.11.2).
TS_INLINE double digammaPositive(double x) {
  double shift = 0;
  for (; x < 10; x += 1) shift -= 1 / x;
  const double z = 1 / (x * x);
  const double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 -
                        z * (691.0 / 32760 - z / 12))))));
  return shift + __builtin_log(x) - 0.5 / x - series;
}
TS_INLINE double digammaOf(double x) {
  if (x == 0) return __builtin_copysign(__builtin_inf(), -x);
  if (x > 0 || x != x) return x != x || x == __builtin_inf() ? x : digammaPositive(x);
  const double fraction = x - truncate(x);
  if (!(fraction < 0)) return __builtin_nan("");  // a negative integer or -infinity
  constexpr double kPi = 3.14159265358979323846;
  return digammaPositive(1 - x) - kPi / __builtin_tan(kPi * fraction);
}
struct digamma {
  template <class T> TS_OP T apply(T a) { return T(digammaOf(double(a))); }
};

// M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2010): his single-precision polynomials as a
// start, then Halley's step on erf, on erfc where 1 - x would cancel.
TS_INLINE double erfinvStart(double a) {
  double w = -__builtin_log((1 - a) * (1 + a));
  if (w < 5) {
    constexpr double k[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                            -0.00125372503, -0.00417768164, 0.246640727, 1.50140941};
    w -= 2.5;
    double p = k[0];
    for (int i = 1; i < 9; ++i) p = p * w + k[i];
    return p * a;
  }
  constexpr double k[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                          -0.0076224613, 0.00943887047, 1.00167406, 2.83297682};
  w = __builtin_sqrt(w) - 3;
  double p = k[0];
  for (int i = 1; i < 9; ++i) p = p * w + k[i];
  return p * a;
}
TS_INLINE double erfinvOf(double x) {
  const double a = __builtin_fabs(x);
  if (!(a < 1)) return a == 1 ? __builtin_copysign(__builtin_inf(), x) : __builtin_nan("");
  if (a < 1e-150) return x * 0.886226925452758013649;  // sqrt(pi)/2; the polynomials' square would underflow
  constexpr double kSlope = 1.12837916709551257390;  // 2/sqrt(pi)
  double y = erfinvStart(a);
  for (int i = 0; i < 2; ++i) {
    const double error = a > 0.5 ? (1 - a) - __builtin_erfc(y) : __builtin_erf(y) - a;
    const double step = error / (kSlope * __builtin_exp(-y * y));
    y -= step / (1 + y * step);
  }
  return __builtin_copysign(y, x);
}
struct erfinv {
  template <class T> TS_OP T apply(T a) { return T(erfinvOf(double(a))); }
};

}  // namespace torchstone::TORCHSTONE_ISA::ops
