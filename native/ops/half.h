// The two 16-bit floats: how they become float32 and how a float32 is rounded to them, to nearest and even.
// They are dtypes of memory only: programs compute in float32. The host has vectors for runs of them (cpu/half.h).
#pragma once
#include "types.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

struct Half { uint16_t v; };    // IEEE binary16
struct Brain { uint16_t v; };   // bfloat16: the upper half of a float32

TS_INLINE float widen(Brain x) { return __builtin_bit_cast(float, uint32_t(x.v) << 16); }

// A NaN stays one, quiet, with the upper bits of its payload.
TS_INLINE uint16_t brainBits(float x) {
  const uint32_t u = __builtin_bit_cast(uint32_t, x);
  const uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16, nan = u >> 16 | 0x40u;
  return uint16_t((u & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

#if defined(__CUDACC_RTC__)
TS_INLINE float widen(Half x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.v));
  return y;
}
TS_INLINE uint16_t halfBits(float x) {
  uint16_t y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
}
#elif defined(TORCHSTONE_DEVICE) || !defined(__F16C__)
// The exponent is moved by a multiplication, which makes denormals right too.
TS_INLINE float widen(Half x) {
  const uint32_t sign = uint32_t(x.v & 0x8000u) << 16, rest = uint32_t(x.v & 0x7fffu) << 13;
  if (rest >= 0x7c00u << 13) {  // infinity and NaN, which hardware makes quiet
    const uint32_t quiet = rest > 0x7c00u << 13 ? 0x400000u : 0u;
    return __builtin_bit_cast(float, sign | 0x70000000u | rest | quiet);
  }
  return __builtin_bit_cast(float, sign | __builtin_bit_cast(uint32_t, __builtin_bit_cast(float, rest) * 0x1p112f));
}
TS_INLINE uint16_t halfBits(float x) {
  const uint32_t u = __builtin_bit_cast(uint32_t, x), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
  if (a > 0x7f800000u) return uint16_t(sign | 0x7e00u | (a >> 13 & 0x3ffu));
  if (a >= 0x477ff000u) return uint16_t(sign | 0x7c00u);  // from 65520 on
  if (a < 0x38800000u) {  // denormal: adding ½ puts the last place where a float's is, and rounds
    const float shifted = __builtin_bit_cast(float, a) + 0.5f;
    return uint16_t(sign | (__builtin_bit_cast(uint32_t, shifted) - 0x3f000000u));
  }
  return uint16_t(sign | ((a - 0x38000000u + 0xfffu + (a >> 13 & 1u)) >> 13));
}
#endif

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
