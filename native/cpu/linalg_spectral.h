// Owns the eigenvalues and eigenvectors of general matrices, in the order of the Schur form. Included by linalg.cc only.
#pragma once
#include "linalg.h"

namespace torchstone::linalg_ {

using Complex = std::complex<double>;

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

// 0, or 1 where the iteration did not end.
inline int eigenvalues(const MatrixOf<double>& a, MatrixOf<Complex>& values, MatrixOf<Complex>* vectors) {
  const Eigen::EigenSolver<MatrixOf<double>> made(a, vectors != nullptr);
  if (made.info() != Eigen::Success) return 1;
  values = made.eigenvalues();
  if (vectors == nullptr) return 0;
  *vectors = made.eigenvectors();
  normalise(*vectors);
  return 0;
}

// From A = U·T·Uᴴ: the eigenvectors of the triangle T by back substitution, then times U. (Eigen's own solver sorts.)
inline int eigenvalues(const MatrixOf<Complex>& a, MatrixOf<Complex>& values, MatrixOf<Complex>* vectors) {
  const Eigen::ComplexSchur<MatrixOf<Complex>> schur(a, vectors != nullptr);
  if (schur.info() != Eigen::Success) return 1;
  const MatrixOf<Complex>& t = schur.matrixT();
  values = t.diagonal();
  if (vectors == nullptr) return 0;
  const int64_t n = a.rows();
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
  *vectors = schur.matrixU() * x;
  normalise(*vectors);
  return 0;
}

}  // namespace torchstone::linalg_
