// Hurwitz' zeta function, the polygamma functions and the incomplete gamma functions.
#include <cmath>

#include "special.h"
#include "tables.h"

namespace torchstone::special {

namespace {

constexpr double kEps = 0x1p-52;
constexpr double kEuler = 0.57721566490153286061;

// q^-s; by multiplications for the small whole s of the polygamma functions.
double inversePower(double q, double s) {
  if (s > 16 || s != std::floor(s)) return std::pow(q, -s);
  double power = q;
  for (int k = 1; k < int(s); ++k) power *= q;
  return 1 / power;
}

// Terms up to q >= 10 + s, then Euler and Maclaurin's sum of the rest (DLMF 25.11.28), whose terms shrink by about
// (s / 2πq)². Where s is large the first terms are all.
double zetaPositive(double s, double q) {
  double sum = 0;
  for (; q < 10 + s; q += 1) {
    const double term = inversePower(q, s);
    sum += term;
    if (term <= kEps * 0.01 * sum) return sum;
  }
  const double first = inversePower(q, s);
  sum += first * (q / (s - 1) + 0.5);
  double term = first * s / q;
  int k = 1;
  for (double b : kEulerMaclaurin) {
    const double part = b * term;
    sum += part;
    if (std::fabs(part) <= kEps * 0.1 * std::fabs(sum)) break;
    term *= (s + k) * (s + k + 1) / (q * q);
    k += 2;
  }
  return sum;
}

// log(1 + d) - d, negated: d·r - 2r³(1/3 + r²/5 + …) with r = d / (2 + d), without cancellation near 0.
double excess(double d) {
  if (std::fabs(d) > 0.6) return d - std::log1p(d);
  const double r = d / (2 + d), square = r * r;
  double sum = 0, power = 2 * r * square;
  for (int k = 3; k < 60; k += 2, power *= square) {
    const double part = power / k;
    sum += part;
    if (std::fabs(part) <= kEps * 0.1 * std::fabs(sum)) break;
  }
  return d * r - sum;
}

// x^a e^-x / Γ(a + 1); from a = 10 on with Stirling's series, so that nothing large cancels.
double density(double a, double x) {
  if (a < 10) return std::pow(x, a) * std::exp(-x) / std::tgamma(a + 1);
  double series = 0, power = 1 / a;
  for (double b : kStirling) {
    series += b * power;
    power /= a * a;
  }
  return std::exp(-a * excess((x - a) / a) - series) / std::sqrt(2 * kPi * a);
}

// P by its power series (DLMF 8.11.4).
double lowerSeries(double a, double x) {
  double sum = 1, term = 1;
  for (int n = 1; n < 100000; ++n) {
    term *= x / (a + n);
    sum += term;
    if (term <= kEps * 0.1 * sum) break;
  }
  return density(a, x) * sum;
}

// Q by Legendre's continued fraction (DLMF 8.9.2), evaluated as Lentz and Thompson do.
double upperFraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, h = d;
  for (int n = 1; n < 100000; ++n) {
    const double numerator = -n * (n - a);
    b += 2;
    d = numerator * d + b;
    d = 1 / (std::fabs(d) < kTiny ? kTiny : d);
    c = b + numerator / c;
    c = std::fabs(c) < kTiny ? kTiny : c;
    const double factor = c * d;
    h *= factor;
    if (std::fabs(factor - 1) <= kEps) break;
  }
  return density(a, x) * a * h;
}

double logGamma1p(double a) {
  if (a > 0.02) return std::lgamma(1 + a);
  double sum = 0, power = a;
  for (double c : kLogGamma1p) {
    power *= a;
    sum += c * power;
  }
  return sum - kEuler * a;
}

// Q for small a and x, where 1 - P would cancel: 1 - x^a / Γ(1 + a) (1 + a Σ (-x)^n / (n! (a + n))) (DLMF 8.7.1).
double upperSeries(double a, double x) {
  double sum = 0, factor = 1;
  for (int n = 1; n < 200; ++n) {
    factor *= -x / n;
    const double part = factor / (a + n);
    sum += part;
    if (std::fabs(part) <= kEps * 0.1 * std::fabs(sum)) break;
  }
  const double exponent = a * std::log(x) - logGamma1p(a);
  return -std::expm1(exponent) - a * sum * std::exp(exponent);
}

// Temme's uniform expansion for large a and x near a (DLMF 8.12.7 to 8.12.12): P or Q.
double uniform(double a, double x, bool upper) {
  const double d = (x - a) / a, half = excess(d), eta = std::copysign(std::sqrt(2 * half), d);
  double sum = 0, power = 1;
  for (int k = 0; k < kTemmeRows; ++k, power /= a) {
    double c = 0;
    for (int n = kTemmeColumns - 1; n >= 0; --n) c = c * eta + kTemme[k * kTemmeColumns + n];
    sum += c * power;
  }
  const double sign = upper ? 1 : -1;
  return 0.5 * std::erfc(sign * eta * std::sqrt(0.5 * a)) + sign * std::exp(-a * half) * sum / std::sqrt(2 * kPi * a);
}

bool isNear(double a, double x) { return a > 100 && std::fabs(x - a) < 0.3 * a; }

}  // namespace

double zeta(double s, double q) {
  if (s != s || q != q) return kNaN;
  if (s == 1) return kInf;
  if (s < 1) return kNaN;
  if (q > 0) return std::isinf(q) ? 0 : zetaPositive(s, q);
  if (q == std::floor(q)) return kInf;
  if (s != std::floor(s)) return kNaN;
  // The terms below 0 are those of |q| down to its fraction, with the power's sign: two sums of positive terms.
  const double size = -q, fraction = size - std::floor(size);
  const double below = zetaPositive(s, fraction) - zetaPositive(s, size + 1);
  return zetaPositive(s, 1 - fraction) + (std::fmod(s, 2) == 0 ? below : -below);
}

double polygamma(double n, double x) {
  const double value = std::tgamma(n + 1) * zeta(n + 1, x);
  return std::fmod(n, 2) == 0 ? -value : value;
}

double igamma(double a, double x) {
  if (!(a >= 0) || !(x >= 0)) return kNaN;
  if (a == 0) return x > 0 ? 1 : kNaN;
  if (x == 0) return 0;
  if (std::isinf(a)) return std::isinf(x) ? kNaN : 0;
  if (std::isinf(x)) return 1;
  if (isNear(a, x)) return uniform(a, x, false);
  if (x > 1 && x > a) return 1 - igammac(a, x);
  return std::fmin(lowerSeries(a, x), 1);
}

double igammac(double a, double x) {
  if (!(a >= 0) || !(x >= 0)) return kNaN;
  if (a == 0) return x > 0 ? 0 : kNaN;
  if (x == 0) return 1;
  if (std::isinf(a)) return std::isinf(x) ? kNaN : 1;
  if (std::isinf(x)) return 0;
  if (isNear(a, x)) return uniform(a, x, true);
  if (x <= 1.1) return x < 0.5 ? (-0.4 / std::log(x) < a ? 1 - lowerSeries(a, x) : upperSeries(a, x))
                               : (x * 1.1 < a ? 1 - lowerSeries(a, x) : upperSeries(a, x));
  return x < a ? 1 - lowerSeries(a, x) : upperFraction(a, x);
}

}  // namespace torchstone::special
