// What the functors need where a device compiles them: the names of NVRTC's functions behind GCC's builtins, and
// the macros that cpu/ defines for its own. The fake of CUDA (TS_SHIM) is g++, which has the builtins.
#pragma once
#include <cstdint>

#define TORCHSTONE_DEVICE 1
#ifndef TORCHSTONE_ISA
#define TORCHSTONE_ISA device
#endif
#define TS_INLINE static inline __attribute__((always_inline))
#define TS_VECTOR1(sleef, ulp)
#define TS_VECTOR2(sleef, ulp)

#ifdef __CUDACC_RTC__
#define __builtin_fabs ::fabs
#define __builtin_fabsf ::fabsf
#define __builtin_copysign ::copysign
#define __builtin_copysignf ::copysignf
#define __builtin_trunc ::trunc
#define __builtin_truncf ::truncf
#define __builtin_floor ::floor
#define __builtin_floorf ::floorf
#define __builtin_ceil ::ceil
#define __builtin_ceilf ::ceilf
#define __builtin_rint ::rint
#define __builtin_rintf ::rintf
#define __builtin_pow ::pow
#define __builtin_powf ::powf
#define __builtin_fmod ::fmod
#define __builtin_fmodf ::fmodf
#define __builtin_fma ::fma
#define __builtin_fmaf ::fmaf
#define __builtin_sqrt ::sqrt
#define __builtin_sqrtf ::sqrtf
#define __builtin_nextafter ::nextafter
#define __builtin_nextafterf ::nextafterf
#define __builtin_exp ::exp
#define __builtin_expf ::expf
#define __builtin_exp2 ::exp2
#define __builtin_exp2f ::exp2f
#define __builtin_expm1 ::expm1
#define __builtin_expm1f ::expm1f
#define __builtin_log ::log
#define __builtin_logf ::logf
#define __builtin_log2 ::log2
#define __builtin_log2f ::log2f
#define __builtin_log10 ::log10
#define __builtin_log10f ::log10f
#define __builtin_log1p ::log1p
#define __builtin_log1pf ::log1pf
#define __builtin_sin ::sin
#define __builtin_sinf ::sinf
#define __builtin_cos ::cos
#define __builtin_cosf ::cosf
#define __builtin_tan ::tan
#define __builtin_tanf ::tanf
#define __builtin_asin ::asin
#define __builtin_asinf ::asinf
#define __builtin_acos ::acos
#define __builtin_acosf ::acosf
#define __builtin_atan ::atan
#define __builtin_atanf ::atanf
#define __builtin_sinh ::sinh
#define __builtin_sinhf ::sinhf
#define __builtin_cosh ::cosh
#define __builtin_coshf ::coshf
#define __builtin_tanh ::tanh
#define __builtin_tanhf ::tanhf
#define __builtin_asinh ::asinh
#define __builtin_asinhf ::asinhf
#define __builtin_acosh ::acosh
#define __builtin_acoshf ::acoshf
#define __builtin_atanh ::atanh
#define __builtin_atanhf ::atanhf
#define __builtin_erf ::erf
#define __builtin_erff ::erff
#define __builtin_erfc ::erfc
#define __builtin_erfcf ::erfcf
#define __builtin_lgamma ::lgamma
#define __builtin_lgammaf ::lgammaf
#define __builtin_atan2 ::atan2
#define __builtin_atan2f ::atan2f
#define __builtin_hypot ::hypot
#define __builtin_hypotf ::hypotf
#define __builtin_inf() __builtin_bit_cast(double, 0x7ff0000000000000ll)
#define __builtin_inff() __builtin_bit_cast(float, 0x7f800000)
#define __builtin_nan(text) __builtin_bit_cast(double, 0x7ff8000000000000ll)
#define __builtin_nanf(text) __builtin_bit_cast(float, 0x7fc00000)
#endif
