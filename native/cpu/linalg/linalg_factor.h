// Factorisations that report where they fail and pack their factors as LAPACK does: LU with row exchanges, Cholesky,
// and LDL with Bunch and Kaufman's exchanges. Included by linalg_runner.cc only.
#pragma once
#include <cmath>

#include "linalg.h"

namespace torchstone::linalg_ {

// The place of the greatest measure; the first of equals. A NaN counts as the greatest, so that it is not divided away.
template <class Column> int64_t greatest(const Column& x) {
  int64_t at = 0;
  double best = measure(x(0));
  for (int64_t i = 1; i < x.size(); ++i) {
    const double v = measure(x(i));
    if (v > best || (v != v && best == best)) best = v, at = i;
  }
  return at;
}

// A = P·L·U by halves of the columns. pivots[i] is the row, counted from 1, that row i was exchanged with. Returns the first
// i, counted from 1, whose U(i, i) is 0; else 0.
template <class W> int luInPlace(Eigen::Ref<MatrixOf<W>> a, int32_t* pivots) {
  const int64_t m = a.rows(), n = a.cols(), k = m < n ? m : n;
  if (k == 0) return 0;
  if (k == 1) {
    const int64_t at = greatest(a.col(0));
    pivots[0] = static_cast<int32_t>(at + 1);
    if (a(at, 0) == W(0)) return 1;
    if (at != 0) a.row(0).swap(a.row(at));
    if (m > 1) a.col(0).tail(m - 1) /= a(0, 0);
    return 0;
  }
  const int64_t h = k / 2;
  auto right = a.rightCols(n - h);
  const int first = luInPlace<W>(a.leftCols(h), pivots);
  for (int64_t i = 0; i < h; ++i)
    if (pivots[i] != i + 1) right.row(i).swap(right.row(pivots[i] - 1));
  a.topLeftCorner(h, h).template triangularView<Eigen::UnitLower>().solveInPlace(right.topRows(h));
  right.bottomRows(m - h).noalias() -= a.bottomLeftCorner(m - h, h) * right.topRows(h);
  const int second = luInPlace<W>(a.bottomRightCorner(m - h, n - h), pivots + h);
  for (int64_t i = h; i < k; ++i) {
    pivots[i] += static_cast<int32_t>(h);
    if (pivots[i] != i + 1) a.leftCols(h).row(i).swap(a.leftCols(h).row(pivots[i] - 1));
  }
  return first != 0 ? first : second != 0 ? second + static_cast<int>(h) : 0;
}

// A = L·Lᴴ by halves, reading and writing the lower triangle. Returns the order, from 1, of the first leading minor that is
// not positive; else 0.
template <class W> int choleskyInPlace(Eigen::Ref<MatrixOf<W>> a) {
  const int64_t n = a.rows();
  if (n == 0) return 0;
  if (n == 1) {
    const double x = std::real(a(0, 0));
    if (!(x > 0)) return 1;
    a(0, 0) = W(std::sqrt(x));
    return 0;
  }
  const int64_t h = n / 2;
  const int first = choleskyInPlace<W>(a.topLeftCorner(h, h));
  if (first != 0) return first;
  auto low = a.bottomLeftCorner(n - h, h);
  a.topLeftCorner(h, h).template triangularView<Eigen::Lower>().adjoint().template solveInPlace<Eigen::OnTheRight>(low);
  a.bottomRightCorner(n - h, n - h).template selfadjointView<Eigen::Lower>().rankUpdate(low, -1.0);
  const int second = choleskyInPlace<W>(a.bottomRightCorner(n - h, n - h));
  return second == 0 ? 0 : second + static_cast<int>(h);
}

// One matrix's L·D·Lᵀ (or L·D·Lᴴ), column by column, in the lower triangle, as LAPACK's sytf2 and hetf2 pack it.
template <class W> struct Ldl {
  MatrixOf<W>& a;
  int32_t* pivots;
  bool hermitian;

  W conjugate(const W& x) const { return hermitian ? W(Eigen::numext::conj(x)) : x; }
  double size(const W& x, bool diagonal) const { return diagonal && hermitian ? std::abs(std::real(x)) : measure(x); }

  // Rows and columns q and p of the trailing matrix exchanged; q < p.
  void exchange(int64_t k, int64_t q, int64_t p, int64_t step) {
    const int64_t n = a.rows();
    for (int64_t i = p + 1; i < n; ++i) std::swap(a(i, q), a(i, p));
    for (int64_t j = q + 1; j < p; ++j) {
      const W x = conjugate(a(j, q));
      a(j, q) = conjugate(a(p, j));
      a(p, j) = x;
    }
    a(p, q) = conjugate(a(p, q));
    std::swap(a(q, q), a(p, p));
    if (step == 2) std::swap(a(k + 1, k), a(p, k));
  }
  void eliminateOne(int64_t k) {
    const int64_t n = a.rows();
    const W d = a(k, k);
    for (int64_t j = k + 1; j < n; ++j) {
      const W factor = conjugate(a(j, k)) / d;
      for (int64_t i = j; i < n; ++i) a(i, j) -= a(i, k) * factor;
    }
    for (int64_t i = k + 1; i < n; ++i) a(i, k) /= d;
  }
  void eliminateTwo(int64_t k) {
    const int64_t n = a.rows();
    const W d11 = a(k, k), d21 = a(k + 1, k), d12 = conjugate(d21), d22 = a(k + 1, k + 1), det = d11 * d22 - d21 * d12;
    for (int64_t j = k + 2; j < n; ++j) {
      // Row j of the columns times D⁻¹.
      const W x = a(j, k), y = a(j, k + 1);
      const W l1 = (x * d22 - y * d21) / det, l2 = (y * d11 - x * d12) / det;
      for (int64_t i = j; i < n; ++i) a(i, j) -= a(i, k) * conjugate(l1) + a(i, k + 1) * conjugate(l2);
      a(j, k) = l1;
      a(j, k + 1) = l2;
    }
  }
  int factor() {
    static const double kAlpha = (1 + std::sqrt(17.0)) / 8;  // bounds the growth of elements
    const int64_t n = a.rows();
    int info = 0;
    for (int64_t k = 0, step; k < n; k += step) {
      step = 1;
      int64_t p = k, r = k;
      const double own = size(a(k, k), true);
      double most = 0;
      if (k + 1 < n) {
        r = k + 1 + greatest(a.col(k).tail(n - k - 1));
        most = measure(a(r, k));
      }
      if (std::fmax(own, most) == 0 || own != own) {
        if (info == 0) info = static_cast<int>(k + 1);
        pivots[k] = static_cast<int32_t>(k + 1);
        continue;
      }
      if (own < kAlpha * most) {
        double row = 0;
        for (int64_t j = k; j < r; ++j) row = std::fmax(row, measure(a(r, j)));
        for (int64_t i = r + 1; i < n; ++i) row = std::fmax(row, measure(a(i, r)));
        if (own >= kAlpha * most * (most / row)) p = k;
        else if (size(a(r, r), true) >= kAlpha * row) p = r;
        else p = r, step = 2;
      }
      const int64_t q = k + step - 1;
      if (p != q) exchange(k, q, p, step);
      if (hermitian) {
        a(k, k) = std::real(a(k, k));
        if (step == 2) a(k + 1, k + 1) = std::real(a(k + 1, k + 1));
      }
      if (step == 1) eliminateOne(k);
      else eliminateTwo(k);
      pivots[k] = static_cast<int32_t>(step == 1 ? p + 1 : -(p + 1));
      if (step == 2) pivots[k + 1] = pivots[k];
    }
    return info;
  }
};

template <class W> int ldlInPlace(MatrixOf<W>& a, int32_t* pivots, bool hermitian) {
  return Ldl<W>{a, pivots, hermitian}.factor();
}

template <class W> void ldlSolveInPlace(const MatrixOf<W>& a, const int32_t* pivots, MatrixOf<W>& x, bool hermitian) {
  const int64_t n = a.rows();
  const auto conjugate = [hermitian](const W& v) { return hermitian ? W(Eigen::numext::conj(v)) : v; };
  for (int64_t k = 0, step; k < n; k += step) {
    step = pivots[k] > 0 ? 1 : 2;
    const int64_t p = (step == 1 ? pivots[k] : -pivots[k]) - 1, q = k + step - 1;
    if (p != q) x.row(q).swap(x.row(p));
    for (int64_t s = 0; s < step; ++s)
      for (int64_t i = k + step; i < n; ++i) x.row(i) -= a(i, k + s) * x.row(k + s);
    if (step == 1) {
      x.row(k) /= a(k, k);
    } else {
      const W d11 = a(k, k), d21 = a(k + 1, k), d12 = conjugate(d21), d22 = a(k + 1, k + 1), det = d11 * d22 - d21 * d12;
      for (int64_t j = 0; j < x.cols(); ++j) {
        const W y = x(k, j), z = x(k + 1, j);
        x(k, j) = (d22 * y - d12 * z) / det;
        x(k + 1, j) = (d11 * z - d21 * y) / det;
      }
    }
  }
  for (int64_t k = n - 1, step; k >= 0; k -= step) {
    step = pivots[k] > 0 ? 1 : 2;
    const int64_t first = k - step + 1, p = (step == 1 ? pivots[k] : -pivots[k]) - 1;
    for (int64_t s = first; s <= k; ++s)
      for (int64_t i = k + 1; i < n; ++i) x.row(s) -= conjugate(a(i, s)) * x.row(i);
    if (p != k) x.row(k).swap(x.row(p));
  }
}

}  // namespace torchstone::linalg_
