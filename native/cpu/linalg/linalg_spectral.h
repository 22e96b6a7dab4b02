// Eigenvalues and eigenvectors of general matrices, in LAPACK's order: that in which its QR iteration leaves them on
// the diagonal of the Schur form (Eigen's own deflates otherwise, and sorts complex ones). Included by linalg_runner.cc only.
#pragma once
#include <cmath>
#include <limits>

#include "linalg.h"

namespace torchstone::linalg_ {

using Complex = std::complex<double>;
using Matrix = MatrixOf<double>;

// Unit length, and the greatest component real, as LAPACK's geev leaves them.
inline void normalise(MatrixOf<Complex>& vectors) {
  for (int64_t j = 0; j < vectors.cols(); ++j) {
    auto v = vectors.col(j);
    const double length = v.norm();
    if (!(length > 0)) continue;
    v /= length;
    int64_t at = 0;
    v.cwiseAbs2().maxCoeff(&at);
    if (v(at).imag() == 0) continue;
    v *= std::conj(v(at)) / std::abs(v(at));
    v(at) = v(at).real();
  }
}

// The eigenvectors of A = U·T·Uᴴ: those of the triangle T by back substitution, then times U.
inline MatrixOf<Complex> vectorsOf(const MatrixOf<Complex>& t, const MatrixOf<Complex>& u) {
  const int64_t n = t.rows();
  const double small = std::numeric_limits<double>::epsilon() * std::fmax(t.norm(), std::numeric_limits<double>::min());
  MatrixOf<Complex> x = MatrixOf<Complex>::Zero(n, n);
  for (int64_t k = n - 1; k >= 0; --k) {
    x(k, k) = 1;
    for (int64_t i = k - 1; i >= 0; --i) {
      const Complex sum = (t.row(i).segment(i + 1, k - i) * x.col(k).segment(i + 1, k - i)).value();
      Complex gap = t(i, i) - t(k, k);
      if (std::abs(gap) < small) gap = small;
      x(i, k) = -sum / gap;
    }
  }
  return u * x;
}

// Powers of two that make rows and columns of about one norm; the matrix is scaled in place.
inline Eigen::VectorXd balance(Matrix& a) {
  const int64_t n = a.rows();
  Eigen::VectorXd scale = Eigen::VectorXd::Ones(n);
  for (bool changed = true; changed;) {
    changed = false;
    for (int64_t i = 0; i < n; ++i) {
      double c = a.col(i).norm(), r = a.row(i).norm(), f = 1;
      if (c == 0 || r == 0) continue;
      const double before = c + r;
      while (c < r / 2 && f < 0x1p500) f *= 2, c *= 2, r /= 2;
      while (c / 2 >= r && f > 0x1p-500) f /= 2, c /= 2, r *= 2;
      if (c + r >= 0.95 * before) continue;
      scale(i) *= f;
      a.row(i) /= f;
      a.col(i) *= f;
      changed = true;
    }
  }
  return scale;
}

// The double-shift QR iteration on a Hessenberg matrix (Francis), with LAPACK's shifts and deflation (lahqr): h becomes a real
// Schur form with blocks of 2 for pairs, z follows.
class Schur {
 public:
  Schur(Matrix& h, Matrix& z) : h_(h), z_(z), n_(h.rows()) {}

  bool run() {
    const int64_t most = 30 * (n_ < 10 ? 10 : n_);
    for (int64_t i = n_ - 1, l; i >= 0; i = l - 1) {
      int64_t failed = 0;
      for (int64_t round = 0;; ++round) {
        l = split(i);
        if (l > 0) h_(l, l - 1) = 0;
        if (l >= i - 1) break;
        if (round >= most) return false;
        shift(i, l, ++failed);
        step(i, l);
      }
    }
    return true;
  }

 private:
  static constexpr double kUlp = std::numeric_limits<double>::epsilon();
  Matrix& h_;
  Matrix& z_;
  int64_t n_;
  double re1_ = 0, im1_ = 0, re2_ = 0, im2_ = 0;

  // Where the block that ends at i begins (Ahues and Tisseur's test).
  int64_t split(int64_t i) const {
    const double least = std::numeric_limits<double>::min() * (double(n_) / kUlp);
    int64_t k = i;
    for (; k > 0; --k) {
      const double low = std::abs(h_(k, k - 1)), high = std::abs(h_(k - 1, k));
      if (low <= least) break;
      double around = std::abs(h_(k - 1, k - 1)) + std::abs(h_(k, k));
      if (around == 0) {
        if (k >= 2) around += std::abs(h_(k - 1, k - 2));
        if (k + 1 < n_) around += std::abs(h_(k + 1, k));
      }
      if (low > kUlp * around) continue;
      const double own = std::abs(h_(k, k)), gap = std::abs(h_(k - 1, k - 1) - h_(k, k));
      const double ab = std::fmax(low, high), ba = std::fmin(low, high), aa = std::fmax(own, gap), bb = std::fmin(own, gap);
      const double s = aa + ab;
      if (ba * (ab / s) <= std::fmax(least, kUlp * (bb * (aa / s)))) break;
    }
    return k;
  }

  void shift(int64_t i, int64_t l, int64_t failed) {
    double a, b, c, d;
    if (failed % 10 == 0) {  // exceptional: from the bottom and from the top in turn
      const bool bottom = failed % 20 == 0;
      const double s = bottom ? std::abs(h_(i, i - 1)) + std::abs(h_(i - 1, i - 2)) : std::abs(h_(l + 1, l)) + std::abs(h_(l + 2, l + 1));
      a = d = 0.75 * s + (bottom ? h_(i, i) : h_(l, l));
      b = -0.4375 * s;
      c = s;
    } else {
      a = h_(i - 1, i - 1), b = h_(i - 1, i), c = h_(i, i - 1), d = h_(i, i);
    }
    const double s = std::abs(a) + std::abs(b) + std::abs(c) + std::abs(d);
    re1_ = im1_ = re2_ = im2_ = 0;
    if (s == 0) return;
    a /= s, b /= s, c /= s, d /= s;
    const double middle = (a + d) / 2, det = (a - middle) * (d - middle) - b * c, root = std::sqrt(std::abs(det));
    if (det >= 0) {
      re1_ = re2_ = middle * s;
      im1_ = root * s;
      im2_ = -im1_;
    } else {
      const double one = middle + root, two = middle - root;
      re1_ = re2_ = (std::abs(one - d) <= std::abs(two - d) ? one : two) * s;
    }
  }

  // The first column of (H − s₁)(H − s₂) from row m on; m where two small subdiagonals follow one another.
  int64_t start(int64_t i, int64_t l, double* v) const {
    int64_t m = i - 2;
    for (;; --m) {
      double low = std::abs(h_(m + 1, m));
      double s = std::abs(h_(m, m) - re2_) + std::abs(im2_) + low;
      low = h_(m + 1, m) / s;
      v[0] = low * h_(m, m + 1) + (h_(m, m) - re1_) * ((h_(m, m) - re2_) / s) - im1_ * (im2_ / s);
      v[1] = low * (h_(m, m) + h_(m + 1, m + 1) - re1_ - re2_);
      v[2] = low * h_(m + 2, m + 1);
      s = std::abs(v[0]) + std::abs(v[1]) + std::abs(v[2]);
      for (int j = 0; j < 3; ++j) v[j] /= s;
      if (m == l) return m;
      const double near = std::abs(h_(m - 1, m - 1)) + std::abs(h_(m, m)) + std::abs(h_(m + 1, m + 1));
      if (std::abs(h_(m, m - 1)) * (std::abs(v[1]) + std::abs(v[2])) <= kUlp * std::abs(v[0]) * near) return m;
    }
  }

  // A reflector that makes (v₀, v₁, …) a multiple of the first; v becomes (beta, vector…). Returns tau.
  static double reflector(double* v, int n) {
    const double rest = n == 3 ? std::hypot(v[1], v[2]) : std::abs(v[1]);
    if (rest == 0) return 0;
    const double beta = -std::copysign(std::hypot(v[0], rest), v[0]), tau = (beta - v[0]) / beta;
    for (int j = 1; j < n; ++j) v[j] /= v[0] - beta;
    v[0] = beta;
    return tau;
  }

  void step(int64_t i, int64_t l) {
    double v[3];
    const int64_t m = start(i, l, v);
    for (int64_t k = m; k < i; ++k) {
      const int size = i - k + 1 < 3 ? static_cast<int>(i - k + 1) : 3;
      if (k > m)
        for (int j = 0; j < size; ++j) v[j] = h_(k + j, k - 1);
      const double tau = reflector(v, size);
      if (k > m) {
        h_(k, k - 1) = v[0];
        for (int j = 1; j < size; ++j) h_(k + j, k - 1) = 0;
      } else if (m > l) {
        h_(k, k - 1) *= 1 - tau;  // not its negative, as where tau is 0
      }
      v[0] = 1;
      for (int64_t j = k; j < n_; ++j) {
        double sum = 0;
        for (int p = 0; p < size; ++p) sum += v[p] * h_(k + p, j);
        for (int p = 0; p < size; ++p) h_(k + p, j) -= sum * tau * v[p];
      }
      fromRight(h_, k, size, v, tau, (k + 3 < i ? k + 3 : i) + 1);
      fromRight(z_, k, size, v, tau, n_);
    }
  }
  static void fromRight(Matrix& x, int64_t k, int size, const double* v, double tau, int64_t rows) {
    for (int64_t j = 0; j < rows; ++j) {
      double sum = 0;
      for (int p = 0; p < size; ++p) sum += v[p] * x(j, k + p);
      for (int p = 0; p < size; ++p) x(j, k + p) -= sum * tau * v[p];
    }
  }
};

// The eigenvalues of [a b; c d] in the order of LAPACK's lanv2.
inline void pairOf(double a, double b, double c, double d, Complex* out) {
  const double p = (a - d) / 2, z = p * p + b * c;
  if (b == 0) {
    out[0] = d, out[1] = a;
  } else if (z < 0) {
    const double re = (a + d) / 2, im = std::sqrt(-z);
    out[0] = Complex(re, im), out[1] = Complex(re, -im);
  } else {
    const double root = p + std::copysign(std::sqrt(z), p);
    out[0] = d + root, out[1] = root == 0 ? d : d - b * c / root;
  }
}

// 0, or 1 where the iteration did not end.
inline int eigenvalues(const Matrix& given, MatrixOf<Complex>& values, MatrixOf<Complex>* vectors) {
  const int64_t n = given.rows();
  // Far from 1, squares would overflow or vanish.
  const double most = n == 0 ? 0 : given.cwiseAbs().maxCoeff();
  const double unit = most > 0x1p300 || (most > 0 && most < 0x1p-300) ? std::exp2(std::floor(std::log2(most))) : 1;
  Matrix h = given / unit;
  const Eigen::VectorXd scale = balance(h);
  Matrix z = Matrix::Identity(n, n);
  if (n > 2) {
    const Eigen::HessenbergDecomposition<Matrix> made(h);
    z = made.matrixQ();
    h = made.matrixH();
  }
  if (!Schur(h, z).run()) return 1;
  MatrixOf<Complex> t = h.cast<Complex>(), u = z.cast<Complex>();
  values.resize(n, 1);
  for (int64_t k = 0; k < n; ++k) {
    if (k + 1 == n || h(k + 1, k) == 0) {
      values(k) = h(k, k);
      continue;
    }
    Complex pair[2];
    pairOf(h(k, k), h(k, k + 1), h(k + 1, k), h(k + 1, k + 1), pair);
    values(k) = pair[0], values(k + 1) = pair[1];
    // The block's first eigenvector and what is orthogonal to it make the block a triangle.
    Complex x = pair[0] - h(k + 1, k + 1), y = h(k + 1, k);
    const double length = std::hypot(std::abs(x), std::abs(y));
    x /= length, y /= length;
    Eigen::Matrix2cd g;
    g << x, -std::conj(y), y, std::conj(x);
    t.middleRows(k, 2) = (g.adjoint() * t.middleRows(k, 2)).eval();
    t.middleCols(k, 2) = (t.middleCols(k, 2) * g).eval();
    u.middleCols(k, 2) = (u.middleCols(k, 2) * g).eval();
    t(k + 1, k) = 0;
    t(k, k) = pair[0], t(k + 1, k + 1) = pair[1];
    ++k;
  }
  if (unit != 1) values *= unit;
  if (vectors == nullptr) return 0;
  *vectors = scale.cast<Complex>().asDiagonal() * vectorsOf(t, u);
  normalise(*vectors);
  for (int64_t k = 0; k < n; ++k) {
    auto v = vectors->col(k);
    if (values(k).imag() == 0) v = v.real().cast<Complex>().eval();
    else if (values(k).imag() < 0) v = vectors->col(k - 1).conjugate();
  }
  return 0;
}

inline int eigenvalues(const MatrixOf<Complex>& a, MatrixOf<Complex>& values, MatrixOf<Complex>* vectors) {
  const Eigen::ComplexSchur<MatrixOf<Complex>> schur(a, vectors != nullptr);
  if (schur.info() != Eigen::Success) return 1;
  values = schur.matrixT().diagonal();
  if (vectors == nullptr) return 0;
  *vectors = vectorsOf(schur.matrixT(), schur.matrixU());
  normalise(*vectors);
  return 0;
}

}  // namespace torchstone::linalg_
