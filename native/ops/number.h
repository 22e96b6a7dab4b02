// The functors of the primitives valid for every number, and for integers only. PyTorch's semantics throughout.
// Integers wrap: arithmetic goes through the unsigned type, since signed overflow is undefined in C++.
// The functors are pure functions of their operands; an integer divisor is never 0 here (the kernel has replaced it).
#pragma once
#include "types.h"

namespace torchstone::TORCHSTONE_ISA::ops {

struct neg {
  template <class T> TS_OP T apply(T a) {
    if constexpr (kReal<T>) return -a;
    else return T(Unsigned<T>(0) - Unsigned<T>(a));
  }
};
struct abs {
  template <class T> TS_OP T apply(T a) {
    if constexpr (kReal<T>) return absolute(a);
    else if constexpr (!kSigned<T>) return a;
    else return a < 0 ? neg::apply(a) : a;
  }
};
struct sign {  // NaN gives 0, as in PyTorch
  template <class T> TS_OP T apply(T a) { return T(T(a > 0) - T(kSigned<T> && a < 0)); }
};
struct square {
  template <class T> TS_OP T apply(T a) {
    if constexpr (kReal<T>) return a * a;
    else return T(Wide<T>(a) * Wide<T>(a));
  }
};
struct logicalNot { template <class T> TS_OP T apply(T a) { return T(a == 0); } };
struct isnan { template <class T> TS_OP T apply(T a) { return T(a != a); } };
struct isinf {
  template <class T> TS_OP T apply(T a) {
    if constexpr (kReal<T>) return T(absolute(a) == kInfinity<T>);
    else return T(0);
  }
};
struct isfinite {
  template <class T> TS_OP T apply(T a) {
    if constexpr (kReal<T>) return T(absolute(a) < kInfinity<T>);
    else return T(1);
  }
};
struct signbit {
  template <class T> TS_OP T apply(T a) {
    if constexpr (kReal<T>) return T(bits(a) < 0);
    else return T(kSigned<T> && a < 0);
  }
};

struct add {
  template <class T> TS_OP T apply(T a, T b) {
    if constexpr (kReal<T>) return a + b;
    else return T(Unsigned<T>(a) + Unsigned<T>(b));
  }
};
struct sub {
  template <class T> TS_OP T apply(T a, T b) {
    if constexpr (kReal<T>) return a - b;
    else return T(Unsigned<T>(a) - Unsigned<T>(b));
  }
};
struct mul {
  template <class T> TS_OP T apply(T a, T b) {
    if constexpr (kReal<T>) return a * b;
    else return T(Wide<T>(a) * Wide<T>(b));
  }
};
// NaN wins in maximum and minimum, and loses in fmax and fmin.
struct maximum {
  template <class T> TS_OP T apply(T a, T b) { return a != a ? a : (a > b ? a : b); }
};
struct minimum {
  template <class T> TS_OP T apply(T a, T b) { return a != a ? a : (a < b ? a : b); }
};
struct fmax {
  template <class T> TS_OP T apply(T a, T b) { return b != b ? a : (a >= b ? a : b); }
};
struct fmin {
  template <class T> TS_OP T apply(T a, T b) { return b != b ? a : (a <= b ? a : b); }
};
struct eq { static constexpr bool kTruth = true; template <class T> TS_OP T apply(T a, T b) { return T(a == b); } };
struct ne { static constexpr bool kTruth = true; template <class T> TS_OP T apply(T a, T b) { return T(a != b); } };
struct lt { static constexpr bool kTruth = true; template <class T> TS_OP T apply(T a, T b) { return T(a < b); } };
struct le { static constexpr bool kTruth = true; template <class T> TS_OP T apply(T a, T b) { return T(a <= b); } };
struct gt { static constexpr bool kTruth = true; template <class T> TS_OP T apply(T a, T b) { return T(a > b); } };
struct ge { static constexpr bool kTruth = true; template <class T> TS_OP T apply(T a, T b) { return T(a >= b); } };
struct logicalAnd { template <class T> TS_OP T apply(T a, T b) { return T((a != 0) & (b != 0)); } };
struct logicalOr { template <class T> TS_OP T apply(T a, T b) { return T((a != 0) | (b != 0)); } };
struct logicalXor { template <class T> TS_OP T apply(T a, T b) { return T((a != 0) ^ (b != 0)); } };

// C's remainder. Up to 32 bits the quotient comes from a double division, which is exact there and has vectors.
struct truncDiv {
  static constexpr bool kDivides = true;
  template <class T> TS_OP T apply(T a, T b) {
    if constexpr (kReal<T>) return truncate(a / b);
    else if constexpr (sizeof(T) < 4) return T(int32_t(float(a) / float(b)));
    else if constexpr (sizeof(T) == 4) return T(whole<int32_t>(double(a) / double(b)));
    else return b == -1 ? neg::apply(a) : T(a / b);  // the smallest number / -1 traps
  }
};
struct fmod {
  static constexpr bool kDivides = true;
  template <class T> TS_OP T apply(T a, T b) {
    if constexpr (kReal<T>) return realMod(a, b);
    else return T(Wide<T>(a) - Wide<T>(truncDiv::apply(a, b)) * Wide<T>(b));
  }
};
struct remainder {  // Python's: the sign of the divisor
  static constexpr bool kDivides = true;
  template <class T> TS_OP T apply(T a, T b) {
    const T r = fmod::apply(a, b);
    if constexpr (!kSigned<T>) return r;
    else return r != 0 && (r < 0) != (b < 0) ? T(r + b) : r;
  }
};
struct floorDiv {  // for floats as ATen's div_floor_floating: the quotient of a - mod, moved to the nearest integer
  static constexpr bool kDivides = true;
  template <class T> TS_OP T apply(T a, T b) {
    if constexpr (kReal<T>) {
      if (b == 0) return a / b;
      const T mod = realMod(a, b);
      T quotient = (a - mod) / b;
      if (mod != 0 && (b < 0) != (mod < 0)) quotient -= 1;
      if (quotient == 0) return copySign(T(0), a / b);
      const T down = floorOf(quotient);
      return quotient - down > T(0.5) ? down + 1 : down;
    } else {
      const T q = truncDiv::apply(a, b);
      if constexpr (!kSigned<T>) return q;
      const T r = T(Wide<T>(a) - Wide<T>(q) * Wide<T>(b));
      return r != 0 && (r < 0) != (b < 0) ? T(q - 1) : q;
    }
  }
};
struct pow {  // integers only here (floats: real.h); a negative exponent truncates to 0 unless the base is 1 or -1
  template <class T> TS_OP T integer(T base, T exponent) {
    if constexpr (kSigned<T>) {
      if (exponent < 0) return base == 1 ? T(1) : base == -1 ? T(exponent & 1 ? -1 : 1) : T(0);
    }
    Wide<T> result = 1, power = Wide<T>(base);
    for (Unsigned<T> left = Unsigned<T>(exponent); left; left >>= 1, power *= power)
      if (left & 1) result *= power;
    return T(result);
  }
  template <class T> TS_OP T apply(T a, T b) {
    if constexpr (kReal<T>) return realPow(a, b);
    else return integer(a, b);
  }
#ifdef TORCHSTONE_VECTOR_MATH
  template <class V> TS_OP V vector(V a, V b) { return vectorPow(a, b); }
#endif
};
struct copysign {
  template <class T> TS_OP T apply(T a, T b) {
    if constexpr (kReal<T>) return copySign(a, b);
    else return (kSigned<T> && b < 0) ? neg::apply(abs::apply(a)) : abs::apply(a);
  }
};
struct heaviside {
  template <class T> TS_OP T apply(T a, T b) { return a == 0 ? b : T(a > 0); }
};
struct where {
  template <class T> TS_OP T apply(T c, T a, T b) { return c != 0 ? a : b; }
};
// Between two bounds, the upper one last; NaN wins wherever it stands.
struct clamp {
  template <class T> TS_OP T apply(T a, T low, T high) {
    const T b = (a < low) | (low != low) ? low : a;
    return (high < b) | (high != high) ? high : b;
  }
};
struct fma {  // one rounding, on every instruction set
  template <class T> TS_OP T apply(T a, T b, T c) {
    if constexpr (kReal<T>) return multiplyAdd(a, b, c);
    else return add::apply(mul::apply(a, b), c);
  }
};

struct bitwiseNot { template <class T> TS_OP T apply(T a) { return T(~a); } };
struct bitwiseAnd { template <class T> TS_OP T apply(T a, T b) { return T(a & b); } };
struct bitwiseOr { template <class T> TS_OP T apply(T a, T b) { return T(a | b); } };
struct bitwiseXor { template <class T> TS_OP T apply(T a, T b) { return T(a ^ b); } };
// A shift by a negative amount or by all bits shifts everything out.
struct shiftLeft {
  template <class T> TS_OP T apply(T a, T b) {
    constexpr T kBits = T(sizeof(T) * 8);
    const bool out = (kSigned<T> && b < 0) || b >= kBits;
    return out ? T(0) : T(Wide<T>(a) << (out ? T(0) : b));
  }
};
struct shiftRight {
  template <class T> TS_OP T apply(T a, T b) {
    constexpr T kBits = T(sizeof(T) * 8), kLast = T(kBits - 1);
    const bool out = (kSigned<T> && b < 0) || b >= kBits;
    if constexpr (kSigned<T>) return T(a >> (out ? kLast : b));
    else return out ? T(0) : T(a >> (out ? T(0) : b));
  }
};
struct gcd {  // Euclid on absolute values, signed as in ATen: only the smallest number, its own negative, shows it
  template <class T> TS_OP T apply(T a, T b) {
    T x = abs::apply(a), y = abs::apply(b);
    while (x != 0) {
      const T r = kSigned<T> && x == T(-1) ? T(0) : T(y % x);  // the smallest number % -1 traps
      y = x;
      x = r;
    }
    return y;
  }
};
struct lcm {  // below 32 bits the product is an int before it wraps, as in ATen
  template <class T> TS_OP T apply(T a, T b) {
    const T g = gcd::apply(a, b);
    if (g == 0) return T(0);
    if constexpr (sizeof(T) < 4) return T(abs::apply(int32_t(a) / int32_t(g) * int32_t(b)));
    else return abs::apply(mul::apply(truncDiv::apply(a, g), b));
  }
};

}  // namespace torchstone::TORCHSTONE_ISA::ops
