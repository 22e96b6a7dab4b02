// The list of special functions that scalar primitives call: plain functions of doubles, compiled once for the
// baseline, so that every instruction set gives the same bits and a change here rebuilds no kernel. CUDA kernels that
// use one take the .cc files in as text, all into one unit: they need nothing but <cmath>.
#pragma once

namespace torchstone::special {

inline constexpr double kInf = __builtin_inf();
inline constexpr double kNaN = __builtin_nan("");
inline constexpr double kPi = 3.14159265358979323846;

// bessel.cc
double i0(double x);
double i0e(double x);
double i1(double x);
double i1e(double x);
double k0(double x);
double k0e(double x);
double k1(double x);
double k1e(double x);
double besselJ0(double x);
double besselJ1(double x);
double besselY0(double x);
double besselY1(double x);
double sphericalJ0(double x);
double airyAi(double x);

// normal.cc
double erfcx(double x);
double ndtri(double p);
double logNdtr(double x);

// gamma.cc
double zeta(double s, double q);
double polygamma(double n, double x);
double igamma(double a, double x);
double igammac(double a, double x);

// polynomials.cc; the degree is truncated to a whole number, and below 0 the value is 0
double chebyshevT(double x, double n);
double chebyshevU(double x, double n);
double chebyshevV(double x, double n);
double chebyshevW(double x, double n);
double hermiteH(double x, double n);
double hermiteHe(double x, double n);
double laguerreL(double x, double n);
double legendreP(double x, double n);

// frexp: x = mantissa · 2^exponent, |mantissa| in [0.5, 1)
double mantissa(double x);
double exponent(double x);

// c0/2 + sum ck Tk(t) by Clenshaw's recurrence.
template <int N> inline double chebyshevSum(const double (&c)[N], double t) {
  double b = 0, after = 0;
  for (int k = N - 1; k > 0; --k) {
    const double next = 2 * t * b - after + c[k];
    after = b;
    b = next;
  }
  return t * b - after + 0.5 * c[0];
}

}  // namespace torchstone::special
