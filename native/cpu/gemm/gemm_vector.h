// Matrix·vector products and dot products: one pass over A at memory speed, no packing.
// Sums are cascaded: fixed chunks of K are summed apart and their totals added pairwise, so the bits do not depend on the
// number of threads and the error grows with log K.
#pragma once
#include "gemm_blocked.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

inline constexpr int64_t kDotChunk = 4096;     // K of one row summed in one go
inline constexpr int64_t kAxpyChunk = 512;     // columns added up in one go
inline constexpr int64_t kAxpyRows = 512;
inline constexpr int64_t kVectorJob = 1 << 15; // elements of A a job reads
inline constexpr int64_t kVectorGrain = 1 << 17;  // measured: below, one thread is faster

// out[r] = Σ a[r·rs + k]·x[k] for R rows at once (they share the loads of x); the arithmetic of a row is the same for any R.
template <class T, int R> void dotRows(const T* a, int64_t rs, const T* x, int64_t K, T* out, int64_t outStride) {
  constexpr int W = kLanes<T>, U = 4;
  Vec<T> acc[R][U] = {};
  int64_t k = 0;
  for (; k + U * W <= K; k += U * W)
    for (int u = 0; u < U; ++u) {
      const Vec<T> xv = load<T>(x + k + u * W);
      for (int r = 0; r < R; ++r) acc[r][u] += load<T>(a + r * rs + k + u * W) * xv;
    }
  for (; k + W <= K; k += W)
    for (int r = 0; r < R; ++r) acc[r][0] += load<T>(a + r * rs + k) * load<T>(x + k);
  const int part = static_cast<int>(K - k);
  if (part)
    for (int r = 0; r < R; ++r) acc[r][1] += loadPart<T>(a + r * rs + k, part) * loadPart<T>(x + k, part);
  for (int r = 0; r < R; ++r) out[r * outStride] = sumLanes<T>((acc[r][0] + acc[r][1]) + (acc[r][2] + acc[r][3]));
}

// out[i] = Σ_k a[i + k·ks]·x[k] for up to kAxpyRows rows, four columns at a time.
template <class T> void axpyColumns(const T* a, int64_t ks, const T* x, int64_t K, int64_t rows, T* __restrict out) {
  for (int64_t i = 0; i < rows; ++i) out[i] = 0;
  int64_t k = 0;
  for (; k + 4 <= K; k += 4) {
    const T *a0 = a + k * ks, *a1 = a0 + ks, *a2 = a1 + ks, *a3 = a2 + ks;
    const T x0 = x[k], x1 = x[k + 1], x2 = x[k + 2], x3 = x[k + 3];
    int64_t i = 0;
    for (; i + kLanes<T> <= rows; i += kLanes<T>)
      store<T>(out + i, load<T>(out + i) + ((load<T>(a0 + i) * x0 + load<T>(a1 + i) * x1) +
                                            (load<T>(a2 + i) * x2 + load<T>(a3 + i) * x3)));
    for (; i < rows; ++i) out[i] += (a0[i] * x0 + a1[i] * x1) + (a2[i] * x2 + a3[i] * x3);
  }
  for (; k < K; ++k)
    for (int64_t i = 0; i < rows; ++i) out[i] += a[i + k * ks] * x[k];
}

template <class T> T pairwise(const T* p, int64_t n) {
  if (n == 1) return p[0];
  const int64_t half = n / 2;
  return pairwise(p, half) + pairwise(p + half, n - half);
}

// y (+)= A·x, A: M×K with one stride 1, x contiguous. Totals of the chunks of K: totals[row · chunks + chunk].
template <class T> struct MatVec {
  int64_t M, K;
  View<const T> a;
  const T* x;
  T* totals;
  bool byRows;
  int64_t chunk, chunks;

  void rowsJob(int64_t r, int64_t end, int64_t c) const {
    const int64_t k0 = c * chunk, n = least(chunk, K - k0);
    for (; r + 4 <= end; r += 4) dotRows<T, 4>(a.at(r, k0).p, a.rs, x + k0, n, totals + r * chunks + c, chunks);
    for (; r < end; ++r) dotRows<T, 1>(a.at(r, k0).p, a.rs, x + k0, n, totals + r * chunks + c, chunks);
  }
  void columnsJob(int64_t r, int64_t end, int64_t c) const {
    const int64_t k0 = c * chunk, n = least(chunk, K - k0);
    T sums[kAxpyRows];
    axpyColumns<T>(a.at(r, k0).p, a.cs, x + k0, n, end - r, sums);
    for (int64_t i = r; i < end; ++i) totals[i * chunks + c] = sums[i - r];
  }
  void run(int threads) const {
    const int64_t n = least(K, chunk);
    const int64_t rows = byRows ? ceilDiv(ceilDiv(kVectorJob, n), 4) * 4 : kAxpyRows / 2;
    const int64_t blocks = ceilDiv(M, rows), jobs = blocks * chunks;
    auto piece = [&](int64_t j) {
      const int64_t r = j / chunks * rows, end = least(M, r + rows), c = j % chunks;
      if (byRows) rowsJob(r, end, c);
      else columnsJob(r, end, c);
    };
    forEachStretch(jobs, byRows ? ceilDiv(kVectorJob, least(M, rows) * n) : 1, threads, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) piece(j);
    });
  }
};

enum class Done { Yes, NotMine, NoMemory };

// Handles N = 1 where A has a stride of 1.
template <class T> Done matrixVector(const Product<T>& p, int threads) {
  const bool byRows = p.a.cs == 1 || p.K == 1 || p.M == 1;
  if (!byRows && p.a.rs != 1) return Done::NotMine;
  const bool copyA = p.M == 1 && p.a.cs != 1 && p.K > 1, copyX = p.b.rs != 1;
  const int64_t chunk = byRows ? kDotChunk : kAxpyChunk, chunks = ceilDiv(p.K, chunk);
  const int64_t need = p.M * chunks + (copyA ? p.K : 0) + (copyX ? p.K : 0);
  T local[1024];
  T* memory = need <= 1024 ? local : static_cast<T*>(std::malloc(static_cast<size_t>(need) * sizeof(T)));
  if (!memory) return Done::NoMemory;
  MatVec<T> m{p.M, p.K, p.a, p.b.p, memory, byRows, chunk, chunks};
  T* free = memory + p.M * chunks;
  if (copyX) {
    for (int64_t k = 0; k < p.K; ++k) free[k] = p.b.p[k * p.b.rs];
    m.x = free;
    free += p.K;
  }
  if (copyA) {
    for (int64_t k = 0; k < p.K; ++k) free[k] = p.a.p[k * p.a.cs];
    m.a = {free, 0, 1};
  }
  m.run(p.M * p.K < kVectorGrain ? 1 : threads);
  for (int64_t i = 0; i < p.M; ++i) {
    const T total = chunks == 1 ? memory[i] : pairwise(memory + i * chunks, chunks);
    T* y = p.c.p + i * p.c.rs;
    *y = p.add ? *y + total : total;
  }
  if (memory != local) std::free(memory);
  return Done::Yes;
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
