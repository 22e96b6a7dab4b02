// The Bessel functions: modified ones and Airy's by Chebyshev series (tables.h), the rest by libm.
#include <cmath>

#include "special.h"
#include "tables.h"

namespace torchstone::special {

namespace {

// e^(a - |x|) with a the exponent that is wanted: 0 or |x|. The power is split where it alone would overflow.
double grown(double scaled, double x) {
  const double half = std::exp(0.5 * x);
  return scaled * half * half;
}

double i0ePositive(double x) {
  return x <= 8 ? chebyshevSum(kI0Small, 0.25 * x - 1) : chebyshevSum(kI0Large, 16 / x - 1) / std::sqrt(x);
}
double i1ePositive(double x) {
  return x <= 8 ? x * chebyshevSum(kI1Small, 0.25 * x - 1) : chebyshevSum(kI1Large, 16 / x - 1) / std::sqrt(x);
}

}  // namespace

double i0e(double x) { return i0ePositive(std::fabs(x)); }
double i1e(double x) { return std::copysign(i1ePositive(std::fabs(x)), x); }
double i0(double x) { return std::isinf(x) ? kInf : grown(i0e(x), std::fabs(x)); }
double i1(double x) { return std::isinf(x) ? x : grown(i1e(x), std::fabs(x)); }

double k0e(double x) {
  if (!(x > 0)) return x == 0 ? kInf : kNaN;
  if (x > 2) return chebyshevSum(kK0Large, 4 / x - 1) / std::sqrt(x);
  return (chebyshevSum(kK0Small, 0.5 * x * x - 1) - std::log(0.5 * x) * i0(x)) * std::exp(x);
}
double k1e(double x) {
  if (!(x > 0)) return x == 0 ? kInf : kNaN;
  if (x > 2) return chebyshevSum(kK1Large, 4 / x - 1) / std::sqrt(x);
  return (chebyshevSum(kK1Small, 0.5 * x * x - 1) / x + std::log(0.5 * x) * i1(x)) * std::exp(x);
}
double k0(double x) { return k0e(x) * std::exp(-x); }
double k1(double x) { return k1e(x) * std::exp(-x); }

double besselJ0(double x) { return ::j0(x); }
double besselJ1(double x) { return ::j1(x); }
// PyTorch's values outside: -infinity at 0, NaN below.
double besselY0(double x) { return x > 0 ? ::y0(x) : x == 0 ? -kInf : kNaN; }
double besselY1(double x) { return x > 0 ? ::y1(x) : x == 0 ? -kInf : kNaN; }

double sphericalJ0(double x) {
  if (std::isinf(x)) return 0;
  return x == 0 ? 1 : std::sin(x) / x;
}

double airyAi(double x) {
  if (x != x) return kNaN;
  if (std::isinf(x)) return 0;
  if (x >= -3 && x <= 2) return chebyshevSum(kAiryMiddle, (2 * x + 1) / 5);
  const double z = std::fabs(x), zeta = 2.0 / 3 * z * std::sqrt(z), fourthRoot = std::sqrt(std::sqrt(z));
  if (x > 0) {
    const double least = 2.0 / 3 * 2 * std::sqrt(2.0);
    return chebyshevSum(kAiryDecay, 2 * least / zeta - 1) * std::exp(-zeta) / (2 * std::sqrt(kPi) * fourthRoot);
  }
  const double least = 2.0 / 3 * 3 * std::sqrt(3.0), ratio = least / zeta, t = 2 * ratio * ratio - 1;
  const double angle = zeta - kPi / 4;
  const double wave = chebyshevSum(kAiryP, t) * std::cos(angle) + chebyshevSum(kAiryQ, t) / zeta * std::sin(angle);
  return wave / (std::sqrt(kPi) * fourthRoot);
}

}  // namespace torchstone::special
