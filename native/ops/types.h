// The traits and bit-level helpers the functors share. Compiled per instruction set; includes no std:: template.
#pragma once
#include <cstdint>

#if defined(__CUDACC_RTC__) || defined(TS_SHIM)
#include "device.h"
#else
#include "../cpu/isa.h"
#endif

#define TS_OP static inline __attribute__((always_inline))

namespace torchstone::TORCHSTONE_ISA::ops {

template <class T> inline constexpr bool kReal = false;
template <> inline constexpr bool kReal<float> = true;
template <> inline constexpr bool kReal<double> = true;
template <class T> inline constexpr bool kSigned = T(-1) < T(0);

template <class T> struct Types;
template <> struct Types<uint8_t> { using U = uint8_t; using W = uint32_t; };
template <> struct Types<int8_t> { using U = uint8_t; using W = uint32_t; };
template <> struct Types<int16_t> { using U = uint16_t; using W = uint32_t; };
template <> struct Types<int32_t> { using U = uint32_t; using W = uint32_t; };
template <> struct Types<int64_t> { using U = uint64_t; using W = uint64_t; };
template <> struct Types<float> { using U = uint32_t; using W = float; };
template <> struct Types<double> { using U = uint64_t; using W = double; };
template <class T> using Unsigned = typename Types<T>::U;
// Unsigned and at least as wide as int: products of promoted uint16_t would overflow a signed int.
template <class T> using Wide = typename Types<T>::W;

template <class T> inline constexpr T kInfinity = T(__builtin_inff());
template <class T> inline constexpr T kNaN = T(__builtin_nanf(""));

TS_INLINE int32_t bits(float x) { return __builtin_bit_cast(int32_t, x); }
TS_INLINE int64_t bits(double x) { return __builtin_bit_cast(int64_t, x); }
TS_INLINE float absolute(float x) { return __builtin_fabsf(x); }
TS_INLINE double absolute(double x) { return __builtin_fabs(x); }
TS_INLINE float copySign(float x, float s) { return __builtin_copysignf(x, s); }
TS_INLINE double copySign(double x, double s) { return __builtin_copysign(x, s); }
TS_INLINE float truncate(float x) { return __builtin_truncf(x); }
TS_INLINE double truncate(double x) { return __builtin_trunc(x); }
TS_INLINE float floorOf(float x) { return __builtin_floorf(x); }
TS_INLINE double floorOf(double x) { return __builtin_floor(x); }
TS_INLINE float multiplyAdd(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
TS_INLINE double multiplyAdd(double a, double b, double c) { return __builtin_fma(a, b, c); }
TS_INLINE float realPow(float a, float b) { return __builtin_powf(a, b); }
TS_INLINE double realPow(double a, double b) { return __builtin_pow(a, b); }

// Floats become integers as x86 does it: what does not fit, and NaN, gives the smallest number, where a device saturates.
template <class I, class T> TS_INLINE I whole(T x) {
#ifdef TORCHSTONE_DEVICE
  constexpr I kLeast = I(uint64_t(1) << (sizeof(I) * 8 - 1));
  return x >= T(kLeast) && x < -T(kLeast) ? I(x) : kLeast;
#else
  return I(x);
#endif
}

TS_INLINE double realMod(double a, double b) { return __builtin_fmod(a, b); }
// While the quotient is below 2^28 its product with a float divisor is exact in double, and so is the difference; the
// rounded quotient is at most one too far.
TS_INLINE float realMod(float a, float b) {
  const double x = absolute(a), y = absolute(b);
  const double q = truncate(x / y);
  if (!(q < 268435456.0) || x == __builtin_inf()) return __builtin_fmodf(a, b);
  double r = x - q * y;
  if (y == __builtin_inf()) r = x;
  r = r < 0 ? r + y : r;
  return copySign(float(r), a);
}

}  // namespace torchstone::TORCHSTONE_ISA::ops
