// Singular values by Eigen: half of the compilation of all of linalg, hence a file of its own.
#ifndef TORCHSTONE_NO_EIGEN
#include "linalg.h"

namespace torchstone::linalg_ {

template <class W>
bool singularValues(const MatrixOf<W>& a, Vectors wanted, MatrixOf<double>& values, MatrixOf<W>& u, MatrixOf<W>& vh) {
  const unsigned options = wanted == Vectors::none   ? 0u
                           : wanted == Vectors::full ? Eigen::ComputeFullU | Eigen::ComputeFullV
                                                     : Eigen::ComputeThinU | Eigen::ComputeThinV;
  const Eigen::BDCSVD<MatrixOf<W>> made(a, options);
  if (made.info() != Eigen::Success) return false;
  values = made.singularValues();
  if (wanted == Vectors::none) return true;
  u = made.matrixU();
  vh = made.matrixV().adjoint();
  return true;
}

template bool singularValues(const MatrixOf<double>&, Vectors, MatrixOf<double>&, MatrixOf<double>&, MatrixOf<double>&);
template bool singularValues(const MatrixOf<std::complex<double>>&, Vectors, MatrixOf<double>&, MatrixOf<std::complex<double>>&,
                             MatrixOf<std::complex<double>>&);

}  // namespace torchstone::linalg_
#endif
