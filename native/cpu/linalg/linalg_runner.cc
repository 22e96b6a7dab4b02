// The linalg kernels of a batch, matrix after matrix, and of all but singular values their Eigen.
#ifndef TORCHSTONE_NO_EIGEN
#include <new>

#include "common/thread_pool.h"
#include "linalg_command.h"
#include "linalg_factor.h"
#include "linalg_spectral.h"

namespace torchstone::linalg_ {
namespace {

// T is what memory holds, W the same in double.
template <class T, class W> struct Runner {
  using Matrix = MatrixOf<W>;
  using Real = MatrixOf<double>;
  using StoredReal = typename Eigen::NumTraits<T>::Real;
  using StoredComplex = std::complex<StoredReal>;
  const Command& c;

  Matrix load(const MatrixBatch& x, int64_t at, int64_t rows, int64_t columns) const {
    const T* p = reinterpret_cast<const T*>(x.address) + c.offset(x, at);
    Matrix a(rows, columns);
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t i = 0; i < rows; ++i) a(i, j) = W(p[i * x.row + j * x.column]);
    return a;
  }
  template <class S, class M> void store(int which, int64_t at, const M& a) const {
    if (c.out[which] == nullptr) return;
    S* p = reinterpret_cast<S*>(c.out[which]) + at * a.size();
    for (int64_t j = 0; j < a.cols(); ++j)
      for (int64_t i = 0; i < a.rows(); ++i) *p++ = S(a(i, j));
  }

  int run(int64_t at) const {
    switch (c.kind) {
      case LinalgKind::lu: return lu(at);
      case LinalgKind::cholesky: return cholesky(at);
      case LinalgKind::triangular: return triangular(at);
      case LinalgKind::qr: return qr(at);
      case LinalgKind::eigh: return eigh(at);
      case LinalgKind::eig: return eig(at);
      case LinalgKind::svd: return svd(at);
      case LinalgKind::ldl: return ldl(at);
      case LinalgKind::ldlSolve: return ldlSolve(at);
    }
    return 0;
  }

  int lu(int64_t at) const {
    Matrix a = load(c.a, at, c.m, c.n);
    const int64_t k = c.m < c.n ? c.m : c.n;
    int32_t* pivots = reinterpret_cast<int32_t*>(c.out[1]) + at * k;
    const int info = luInPlace<W>(a, pivots);
    store<T>(0, at, a);
    return info;
  }
  int cholesky(int64_t at) const {
    Matrix a = load(c.a, at, c.n, c.n);
    if (c.flags & kUpper) a = a.adjoint().eval();
    const int info = choleskyInPlace<W>(a);
    a.template triangularView<Eigen::StrictlyUpper>().setZero();
    if (c.flags & kUpper) a = a.adjoint().eval();
    store<T>(0, at, a);
    return info;
  }
  int triangular(int64_t at) const {
    const Matrix a = load(c.a, at, c.n, c.n);
    Matrix x = load(c.b, at, c.n, c.k);
    switch (c.flags & (kUpper | kUnit)) {
      case 0: a.template triangularView<Eigen::Lower>().solveInPlace(x); break;
      case kUpper: a.template triangularView<Eigen::Upper>().solveInPlace(x); break;
      case kUnit: a.template triangularView<Eigen::UnitLower>().solveInPlace(x); break;
      default: a.template triangularView<Eigen::UnitUpper>().solveInPlace(x);
    }
    store<T>(0, at, x);
    return 0;
  }
  int qr(int64_t at) const {
    const Eigen::HouseholderQR<Matrix> made(load(c.a, at, c.m, c.n));
    store<T>(0, at, made.matrixQR());
    store<T>(1, at, Matrix(made.hCoeffs().conjugate()));
    return 0;
  }
  int eigh(int64_t at) const {
    Matrix a = load(c.a, at, c.n, c.n);
    if (c.flags & kUpper) a = a.adjoint().eval();
    if (!a.template triangularView<Eigen::Lower>().toDenseMatrix().allFinite()) return 1;
    const bool vectors = c.out[1] != nullptr;
    const Eigen::SelfAdjointEigenSolver<Matrix> made(a, vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly);
    if (made.info() != Eigen::Success) return 1;
    store<StoredReal>(0, at, made.eigenvalues());
    if (vectors) store<T>(1, at, made.eigenvectors());
    return 0;
  }
  int eig(int64_t at) const {
    const Matrix a = load(c.a, at, c.n, c.n);
    if (!a.allFinite()) return 1;
    MatrixOf<std::complex<double>> values, vectors;
    const int info = eigenvalues(a, values, c.out[1] ? &vectors : nullptr);
    if (info != 0) return info;
    store<StoredComplex>(0, at, values);
    if (c.out[1]) store<StoredComplex>(1, at, vectors);
    return 0;
  }
  int svd(int64_t at) const {
    const Matrix a = load(c.a, at, c.m, c.n);
    if (!a.allFinite()) return 1;
    const Vectors wanted = c.out[1] == nullptr ? Vectors::none : c.flags & kFull ? Vectors::full : Vectors::thin;
    Real values;
    Matrix u, vh;
    if (!singularValues<W>(a, wanted, values, u, vh)) return 1;
    store<StoredReal>(0, at, values);
    if (wanted == Vectors::none) return 0;
    store<T>(1, at, u);
    store<T>(2, at, vh);
    return 0;
  }
  int ldl(int64_t at) const {
    Matrix a = load(c.a, at, c.n, c.n);
    int32_t* pivots = reinterpret_cast<int32_t*>(c.out[1]) + at * c.n;
    const int info = ldlInPlace<W>(a, pivots, (c.flags & kHermitianMatrix) != 0);
    a.template triangularView<Eigen::StrictlyUpper>().setZero();
    store<T>(0, at, a);
    return info;
  }
  int ldlSolve(int64_t at) const {
    const Matrix a = load(c.a, at, c.n, c.n);
    Matrix x = load(c.b, at, c.n, c.k);
    const int32_t* pivots = reinterpret_cast<const int32_t*>(c.out[1]) + at * c.n;
    ldlSolveInPlace<W>(a, pivots, x, (c.flags & kHermitianMatrix) != 0);
    store<T>(0, at, x);
    return 0;
  }
};

constexpr int64_t kParallelWork = 1 << 15;  // about the multiplications that are worth a second thread
constexpr int64_t kChunkWork = 1 << 12;     // and those that are worth claiming

// Each matrix is one thread's, so results do not depend on how many there are. False: out of memory.
template <class T, class W> bool runAll(const Command& c) {
  const Runner<T, W> runner{c};
  const int64_t rows = c.m > c.n ? c.m : c.n;
  const int64_t work = rows * rows * rows, length = work < kChunkWork ? kChunkWork / (work + 1) + 1 : 1;
  const auto matrices = [&](Chunks& mine) {
    for (int64_t i; (i = mine.next()) >= 0;)
      for (int64_t at = i * length; at < c.count && at < (i + 1) * length; ++at) {
        const int info = runner.run(at);
        if (c.info != nullptr) reinterpret_cast<int32_t*>(c.info)[at] = info;
      }
  };
  try {
    runChunks((c.count + length - 1) / length, c.count * work < kParallelWork ? 1 : c.threads,
              [](void* f, Chunks& mine) { (*static_cast<decltype(matrices)*>(f))(mine); }, const_cast<void*>(static_cast<const void*>(&matrices)));
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

}  // namespace

bool runMatrices(const Command& c) {
  switch (c.dtype) {
    case Dtype::Float32: return runAll<float, double>(c);
    case Dtype::Float64: return runAll<double, double>(c);
    case Dtype::Complex64: return runAll<std::complex<float>, std::complex<double>>(c);
    default: return runAll<std::complex<double>, std::complex<double>>(c);
  }
}

}  // namespace torchstone::linalg_
#endif
