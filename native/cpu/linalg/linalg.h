// Owns the vocabulary of the linalg family's files: its commands, flags and matrix type. The layout is in native/README.md.
#pragma once
#ifndef TORCHSTONE_NO_EIGEN
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#include <Eigen/Dense>
#include <complex>
#include <cstdint>

namespace torchstone::linalg_ {

enum class Kind : int { lu = 0, cholesky = 1, triangular = 2, qr = 3, eigh = 4, eig = 5, svd = 6, ldl = 7, ldlSolve = 8 };
enum Flag : int { kUpper = 1, kUnit = 2, kFull = 4, kHermitian = 8 };

template <class W> using MatrixOf = Eigen::Matrix<W, Eigen::Dynamic, Eigen::Dynamic>;

// LAPACK's measure of a pivot: |re| + |im|.
inline double measure(double x) { return x < 0 ? -x : x; }
inline double measure(const std::complex<double>& x) { return measure(x.real()) + measure(x.imag()); }

}  // namespace torchstone::linalg_
#endif
