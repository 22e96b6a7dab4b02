// Functions of the normal distribution: the scaled complementary error function, the quantile, the logarithm of Φ.
#include <cmath>

#include "special.h"
#include "tables.h"

namespace torchstone::special {

namespace {
constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kSqrt2Pi = 2.50662827463100050242;
}  // namespace

// No function here calls itself: a device could not tell how much stack it needs.
static double erfcxPositive(double x) {
  const double u = 4 / (4 + x);
  return u * chebyshevSum(kErfcx, 2 * u - 1);
}
double erfcx(double x) {
  if (x >= 0) return erfcxPositive(x);
  if (x != x) return x;
  // 2 e^(x²) - erfcx(-x), the square's rounding error kept
  const double square = x * x, error = std::fma(x, x, -square);
  const double power = std::exp(square);
  if (std::isinf(power)) return power;
  return 2 * (power + power * error) - (x < -26 ? 0 : erfcxPositive(-x));
}

double logNdtr(double x) {
  const double z = x * kSqrtHalf;
  return x < -1 ? std::log(0.5 * erfcx(-z)) - z * z : std::log1p(-0.5 * std::erfc(z));
}

// Abramowitz and Stegun 26.2.23 as a start (error below 5e-4), then Halley's step on Φ.
static double ndtriLower(double p) {
  const double t = std::sqrt(-2 * std::log(p));
  double x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  if (p > 0.25) {  // measured from the middle, where p and Φ would cancel
    for (int i = 0; i < 3; ++i) {
      const double step = kSqrt2Pi * (0.5 * std::erf(x * kSqrtHalf) - (p - 0.5)) / std::exp(-0.5 * x * x);
      x -= step / (1 + 0.5 * x * step);
    }
    return x;
  }
  if (p < 1e-280) {  // where φ would underflow: Newton's step on log Φ
    const double wanted = std::log(p);
    for (int i = 0; i < 3; ++i) x -= (logNdtr(x) - wanted) * erfcx(-x * kSqrtHalf) * (0.5 * kSqrt2Pi);
    return x;
  }
  for (int i = 0; i < 3; ++i) {
    const double step = kSqrt2Pi * (0.5 * std::erfc(-x * kSqrtHalf) - p) / std::exp(-0.5 * x * x);
    x -= step / (1 + 0.5 * x * step);
  }
  return x;
}

double ndtri(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -kInf : p == 1 ? kInf : kNaN;
  return p > 0.5 ? -ndtriLower(1 - p) : ndtriLower(p);  // 1 - p is exact
}

double mantissa(double x) {
  int e;
  return std::frexp(x, &e);
}
double exponent(double x) {
  int e = 0;
  if (std::isfinite(x)) (void)std::frexp(x, &e);
  return e;
}

}  // namespace torchstone::special
