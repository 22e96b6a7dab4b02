// The orthogonal polynomials by their three-term recurrences (DLMF 18.9); Chebyshev's by angles where that is shorter.
#include <cmath>
#include <cstdint>

#include "special.h"

namespace torchstone::special {

namespace {

// The degree as a whole number; what is no number counts as below 0.
int64_t degree(double n) { return n > -1 && n < 9e18 ? int64_t(n) : -1; }
bool isEven(int64_t n) { return (n & 1) == 0; }

// p0 = 1, p1 = first, p(k+1) = step(k, pk, p(k-1)).
template <class Step> double recurrence(int64_t n, double first, Step step) {
  if (n <= 0) return n == 0 ? 1 : 0;
  double before = 1, now = first;
  for (int64_t k = 1; k < n && now == now; ++k) {
    const double next = step(double(k), now, before);
    before = now;
    now = next;
  }
  return now;
}
double chebyshev(int64_t n, double x, double first) {
  return recurrence(n, first, [x](double, double p, double before) { return 2 * x * p - before; });
}
// From this degree on the angle is used, between -1 and 1.
constexpr int64_t kAngle = 9;
bool byAngle(int64_t n, double x) { return n >= kAngle && std::fabs(x) < 1; }

}  // namespace

double chebyshevT(double x, double order) {
  const int64_t n = degree(order);
  if (n >= 0 && std::fabs(x) == 1) return x > 0 || isEven(n) ? 1 : -1;
  return byAngle(n, x) ? std::cos(double(n) * std::acos(x)) : chebyshev(n, x, x);
}
double chebyshevU(double x, double order) {
  const int64_t n = degree(order);
  if (n >= 0 && std::fabs(x) == 1) return (x > 0 || isEven(n) ? 1 : -1) * double(n + 1);
  if (!byAngle(n, x)) return chebyshev(n, x, 2 * x);
  const double angle = std::acos(x);
  return std::sin(double(n + 1) * angle) / std::sin(angle);
}
double chebyshevV(double x, double order) {
  const int64_t n = degree(order);
  if (n >= 0 && x == 1) return 1;
  if (n >= 0 && x == -1) return (isEven(n) ? 1 : -1) * double(2 * n + 1);
  if (!byAngle(n, x)) return chebyshev(n, x, 2 * x - 1);
  const double angle = std::acos(x);
  return std::cos((double(n) + 0.5) * angle) / std::cos(0.5 * angle);
}
double chebyshevW(double x, double order) {
  const int64_t n = degree(order);
  if (n >= 0 && x == 1) return double(2 * n + 1);
  if (n >= 0 && x == -1) return isEven(n) ? 1 : -1;
  if (!byAngle(n, x)) return chebyshev(n, x, 2 * x + 1);
  const double angle = std::acos(x);
  return std::sin((double(n) + 0.5) * angle) / std::sin(0.5 * angle);
}
double hermiteH(double x, double order) {
  return recurrence(degree(order), 2 * x,
                    [x](double k, double p, double before) { return 2 * x * p - 2 * k * before; });
}
double hermiteHe(double x, double order) {
  return recurrence(degree(order), x, [x](double k, double p, double before) { return x * p - k * before; });
}
double laguerreL(double x, double order) {
  if (x == 0) return degree(order) < 0 ? 0 : 1;
  return recurrence(degree(order), 1 - x, [x](double k, double p, double before) {
    return ((2 * k + 1 - x) * p - k * before) / (k + 1);
  });
}
double legendreP(double x, double order) {
  const int64_t n = degree(order);
  if (n >= 0 && std::fabs(x) == 1) return x > 0 || isEven(n) ? 1 : -1;
  return recurrence(n, x, [x](double k, double p, double before) {
    return ((2 * k + 1) * x * p - k * before) / (k + 1);
  });
}

}  // namespace torchstone::special
