// The only list of scalar primitives: X(name, arity, kind, weight). An opcode is a position in this list.
// kind: number = integers and floats, integer, real = floats only. weight: time of one element against one addition.
// Each name is a functor in this folder (a template over the element type); nothing else may list primitives.
#pragma once

// The special functions (native/special/): no loops of their own, one call an element.
#define TORCHSTONE_SPECIAL_PRIMITIVES(X)                                                                             \
  X(i0, 1, real, 60) X(i0e, 1, real, 40) X(i1, 1, real, 60) X(i1e, 1, real, 40) X(k0, 1, real, 100)                  \
  X(k0e, 1, real, 80) X(k1, 1, real, 100) X(k1e, 1, real, 80) X(besselJ0, 1, real, 60) X(besselJ1, 1, real, 60)      \
  X(besselY0, 1, real, 90) X(besselY1, 1, real, 90) X(sphericalJ0, 1, real, 30) X(airyAi, 1, real, 80)               \
  X(erfcx, 1, real, 60) X(ndtri, 1, real, 200) X(logNdtr, 1, real, 80) X(mantissa, 1, real, 6)                       \
  X(exponent, 1, real, 6) X(zeta, 2, real, 400) X(polygamma, 2, real, 400) X(igamma, 2, real, 200)                   \
  X(igammac, 2, real, 200) X(chebyshevT, 2, real, 60) X(chebyshevU, 2, real, 60) X(chebyshevV, 2, real, 60)          \
  X(chebyshevW, 2, real, 60) X(hermiteH, 2, real, 40) X(hermiteHe, 2, real, 40) X(laguerreL, 2, real, 60)            \
  X(legendreP, 2, real, 60)

#define TORCHSTONE_PRIMITIVES(X)                                                                                     \
  X(neg, 1, number, 1) X(abs, 1, number, 1) X(sign, 1, number, 1) X(square, 1, number, 1)                            \
  X(logicalNot, 1, number, 1) X(isnan, 1, number, 1) X(isinf, 1, number, 1) X(isfinite, 1, number, 1)                \
  X(signbit, 1, number, 1)                                                                                           \
  X(add, 2, number, 1) X(sub, 2, number, 1) X(mul, 2, number, 1)                                                     \
  X(maximum, 2, number, 1) X(minimum, 2, number, 1) X(fmax, 2, number, 1) X(fmin, 2, number, 1)                      \
  X(eq, 2, number, 1) X(ne, 2, number, 1) X(lt, 2, number, 1) X(le, 2, number, 1) X(gt, 2, number, 1)                \
  X(ge, 2, number, 1) X(logicalAnd, 2, number, 1) X(logicalOr, 2, number, 1) X(logicalXor, 2, number, 1)             \
  X(floorDiv, 2, number, 30) X(truncDiv, 2, number, 10) X(remainder, 2, number, 20) X(fmod, 2, number, 20)           \
  X(pow, 2, number, 24) X(copysign, 2, number, 1) X(heaviside, 2, number, 1)                                         \
  X(where, 3, number, 1) X(fma, 3, number, 1) X(clamp, 3, number, 1)                                                 \
  X(bitwiseNot, 1, integer, 1) X(bitwiseAnd, 2, integer, 1) X(bitwiseOr, 2, integer, 1)                              \
  X(bitwiseXor, 2, integer, 1) X(shiftLeft, 2, integer, 2) X(shiftRight, 2, integer, 2)                              \
  X(gcd, 2, integer, 300) X(lcm, 2, integer, 300)                                                                    \
  X(div, 2, real, 1) X(reciprocal, 1, real, 1) X(exp, 1, real, 3) X(exp2, 1, real, 3) X(expm1, 1, real, 8)           \
  X(log, 1, real, 4) X(log2, 1, real, 5) X(log10, 1, real, 5) X(log1p, 1, real, 6)                                   \
  X(sqrt, 1, real, 1) X(rsqrt, 1, real, 2) X(sin, 1, real, 6) X(cos, 1, real, 6) X(tan, 1, real, 12)                 \
  X(asin, 1, real, 8) X(acos, 1, real, 8) X(atan, 1, real, 8) X(sinh, 1, real, 14) X(cosh, 1, real, 8)               \
  X(tanh, 1, real, 14) X(asinh, 1, real, 20) X(acosh, 1, real, 20) X(atanh, 1, real, 20)                             \
  X(atan2, 2, real, 12) X(hypot, 2, real, 6) X(erf, 1, real, 5) X(erfc, 1, real, 40) X(erfinv, 1, real, 300)         \
  X(lgamma, 1, real, 40) X(digamma, 1, real, 200) X(sigmoid, 1, real, 4) X(gelu, 1, real, 6)                         \
  X(floor, 1, real, 1) X(ceil, 1, real, 1) X(round, 1, real, 1) X(trunc, 1, real, 1)                                 \
  X(nextafter, 2, real, 20) X(ldexp, 2, real, 4)                                                                    \
  TORCHSTONE_SPECIAL_PRIMITIVES(X)

#define TORCHSTONE_NAME_OPCODE(name, arity, kind, weight) name,
namespace torchstone {
enum class Opcode : int { TORCHSTONE_PRIMITIVES(TORCHSTONE_NAME_OPCODE) count };
}
#undef TORCHSTONE_NAME_OPCODE
