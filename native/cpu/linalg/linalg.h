// The matrix type, measures and parts that the linalg kernels share.
#pragma once
#ifndef TORCHSTONE_NO_EIGEN
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#include <Eigen/Dense>
#include <complex>
#include <cstdint>

namespace torchstone::linalg_ {

template <class W> using MatrixOf = Eigen::Matrix<W, Eigen::Dynamic, Eigen::Dynamic>;

// LAPACK's measure of a pivot: |re| + |im|.
inline double measure(double x) { return x < 0 ? -x : x; }
inline double measure(const std::complex<double>& x) { return measure(x.real()) + measure(x.imag()); }

enum class Vectors { none, thin, full };
// A = U·S·Vᴴ, with the vectors that are wanted; false where the iteration did not end. W is double or complex double.
template <class W>
bool singularValues(const MatrixOf<W>& a, Vectors wanted, MatrixOf<double>& values, MatrixOf<W>& u, MatrixOf<W>& vh);

}  // namespace torchstone::linalg_
#endif
