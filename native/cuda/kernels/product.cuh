// Products of matrices in tiles of shared memory: C = A·B where what A, B and C are is given by functions of two
// indices, so that matrices of any strides and the implicit matrices of convolutions share one loop.
#pragma once
#include "prelude.cuh"
#include "program.cuh"

namespace torchstone::device {

constexpr int kProductThreads = 256;
constexpr int kTile = 64, kDepth = 16, kMicro = 4;  // 16 × 16 threads of 4 × 4 elements each

template <class T> struct Complex { T re, im; };
template <class T> TS_INLINE T multiplyAdd(T a, T b, T c) { return ops::fma::apply(a, b, c); }
template <class T> TS_INLINE Complex<T> multiplyAdd(Complex<T> a, Complex<T> b, Complex<T> c) {
  return {multiplyAdd(a.re, b.re, multiplyAdd(-a.im, b.im, c.re)), multiplyAdd(a.re, b.im, multiplyAdd(a.im, b.re, c.im))};
}
template <class T> TS_INLINE Complex<T> operator+(Complex<T> a, Complex<T> b) { return {a.re + b.re, a.im + b.im}; }

// An element of memory as it is summed, and back: only the 16-bit floats differ.
template <class S> TS_INLINE S summed(S x) { return x; }
TS_INLINE float summed(Half x) { return widen(x); }
TS_INLINE float summed(Brain x) { return widen(x); }
template <class S, class T> TS_INLINE S rounded(T x) {
  if constexpr (kSame<S, Half>) return {halfBits(x)};
  else if constexpr (kSame<S, Brain>) return {brainBits(x)};
  else return S(x);
}

// One tile of C, whose corner is (row, column), summed over k in [from, to). S gives a(m, k) and b(k, n), 0 outside;
// kAlongK says that neighbours in memory are neighbours in k, for loads that are read together.
template <class T, class S> TS_INLINE void productTile(const S& source, int64_t row, int64_t column, int64_t from, int64_t to,
                                                       T (&c)[kMicro][kMicro]) {
  TS_SHARED T as[kDepth][kTile + 1];
  TS_SHARED T bs[kDepth][kTile + 1];
  const int me = int(threadIdx.x), ty = me / 16, tx = me % 16;
  for (int64_t k0 = from; k0 < to; k0 += kDepth) {
    for (int i = me; i < kTile * kDepth; i += kProductThreads) {
      const int am = S::kAAlongK ? i / kDepth : i % kTile, ak = S::kAAlongK ? i % kDepth : i / kTile;
      as[ak][am] = k0 + ak < to ? source.a(row + am, k0 + ak) : T{};
      const int bn = S::kBAlongK ? i / kDepth : i % kTile, bk = S::kBAlongK ? i % kDepth : i / kTile;
      bs[bk][bn] = k0 + bk < to ? source.b(k0 + bk, column + bn) : T{};
    }
    tsBarrier();
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      T x[kMicro], y[kMicro];
#pragma unroll
      for (int i = 0; i < kMicro; ++i) x[i] = as[k][ty + 16 * i], y[i] = bs[k][tx + 16 * i];
#pragma unroll
      for (int i = 0; i < kMicro; ++i)
#pragma unroll
        for (int j = 0; j < kMicro; ++j) c[i][j] = multiplyAdd(x[i], y[j], c[i][j]);
    }
    tsBarrier();
  }
}

// The whole of one block's work: `put(m, n, value)` gets what lies inside M × N.
template <class T, class S, class Put> TS_INLINE void product(const S& source, int64_t tiles, int64_t M, int64_t N, int64_t from,
                                                              int64_t to, Put put) {
  // blockIdx.x walks the tiles of C row by row: `tiles` of them in a row.
  const int64_t row = int64_t(blockIdx.x) / tiles * kTile, column = int64_t(blockIdx.x) % tiles * kTile;
  T c[kMicro][kMicro] = {};
  productTile<T>(source, row, column, from, to, c);
  const int ty = int(threadIdx.x) / 16, tx = int(threadIdx.x) % 16;
  for (int i = 0; i < kMicro; ++i)
    for (int j = 0; j < kMicro; ++j) {
      const int64_t m = row + ty + 16 * i, n = column + tx + 16 * j;
      if (m < M && n < N) put(m, n, c[i][j]);
    }
}

// --- matrices in memory ---

template <int B> struct GemmArgs {
  int64_t M, N, K, accumulate, tiles;
  const char* a;
  const char* b;
  char* c;
  int64_t aRow, aColumn, bRow, bColumn, cRow, cColumn;
  int64_t size[B], aBatch[B], bBatch[B], cBatch[B];
};

// S is stored, T is summed in.
template <class S, class T, bool aAlongK, bool bAlongK> struct Strided {
  static constexpr bool kAAlongK = aAlongK, kBAlongK = bAlongK;
  const S* pa;
  const S* pb;
  int64_t M, N, aRow, aColumn, bRow, bColumn;
  T a(int64_t m, int64_t k) const { return m < M ? summed(pa[m * aRow + k * aColumn]) : T{}; }
  T b(int64_t k, int64_t n) const { return n < N ? summed(pb[k * bRow + n * bColumn]) : T{}; }
};

template <class S, class T, bool aAlongK, bool bAlongK, int B> TS_INLINE void gemm(const GemmArgs<B>& g) {
  int64_t rest = int64_t(blockIdx.y) + int64_t(blockIdx.z) * gridDim.y, atA = 0, atB = 0, atC = 0;
  for (int d = B - 1; d >= 0; --d) {
    const int64_t i = rest % g.size[d];
    rest /= g.size[d];
    atA += i * g.aBatch[d], atB += i * g.bBatch[d], atC += i * g.cBatch[d];
  }
  if (rest > 0) return;  // the grid's last plane may have more blocks than matrices
  const Strided<S, T, aAlongK, bAlongK> source{reinterpret_cast<const S*>(g.a) + atA, reinterpret_cast<const S*>(g.b) + atB, g.M, g.N,
                                            g.aRow, g.aColumn, g.bRow, g.bColumn};
  S* const c = reinterpret_cast<S*>(g.c) + atC;
  product<T>(source, g.tiles, g.M, g.N, 0, g.K, [&](int64_t m, int64_t n, T value) {
    S& to = c[m * g.cRow + n * g.cColumn];
    to = rounded<S>(g.accumulate ? T(summed(to) + value) : value);
  });
}

}  // namespace torchstone::device
