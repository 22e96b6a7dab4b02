// The micro-kernel (a tile of C held in registers) and the packing that feeds it.
// The structure is that of Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008), and BLIS.
#pragma once
#include "gemm_simd.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Rows × vectors of the largest tile. AVX-512: 14×2 accumulators + 2 of B + broadcasts fill 32 registers; the others use
// 12 of 16.
#if defined(__AVX512F__)
inline constexpr int kTileRows = 14;
#else
inline constexpr int kTileRows = 6;
#endif
inline constexpr int kTileVectors = 2;
template <class T> inline constexpr int kTileCols = kTileVectors * kLanes<T>;

template <class T> struct View {
  T* p;
  int64_t rs, cs;
  View at(int64_t i, int64_t j) const { return {p + i * rs + j * cs, rs, cs}; }
  View transposed() const { return {p, cs, rs}; }
};

// A tile that is not whole or not row-major goes to C from memory: t has rows of `width` values.
template <class T> void copyTile(const T* t, int64_t rows, int64_t width, View<T> c, int64_t cols, bool add) {
  constexpr int W = kLanes<T>;
  for (int64_t r = 0; r < rows; ++r, t += width) {
    T* p = c.p + r * c.rs;
    int64_t j = 0;
    if (c.cs == 1) {
      for (; j + W <= cols; j += W) store<T>(p + j, add ? load<T>(p + j) + load<T>(t + j) : load<T>(t + j));
      const int part = static_cast<int>(cols - j);
      if (part) storePart<T>(p + j, add ? loadPart<T>(p + j, part) + load<T>(t + j) : load<T>(t + j), part);
    } else {
      for (; j < cols; ++j) p[j * c.cs] = add ? p[j * c.cs] + t[j] : t[j];
    }
  }
}

// The longest chain of multiply-adds: a product's error grows with it. Adding up takes 1 to 2% of the time.
inline constexpr int64_t kChain = 192;
// How long the next chain is; the last two are alike. No division: it would cost a short tile some percent.
TS_INLINE int64_t chainOf(int64_t left) { return left <= kChain ? left : left < 2 * kChain ? (left + 1) / 2 : kChain; }

// C[R, cols] (+)= A·B over K: a is packed, R values for each k; b has a row of NV whole vectors every ldb.
// Every element is the sum of chains of fused multiply-adds in the order of k, whatever tile it falls in.
template <class T, int R, int NV>
void tile(int64_t K, const T* a, const T* b, int64_t ldb, View<T> c, int64_t cols, bool add) {
  constexpr int W = kLanes<T>;
  Vec<T> acc[R][NV];
  T spilled[R * NV * W];
  // C is touched only after the loop: 2 to 5%
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < NV; ++v) __builtin_prefetch(c.p + r * c.rs + v * W, 1);
  int64_t left = K;
  do {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) acc[r][v] = Vec<T>{};
    const int64_t length = chainOf(left);
#pragma GCC unroll 1
    for (int64_t k = 0; k < length; ++k) {
      Vec<T> bv[NV];
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) bv[v] = load<T>(b + v * W);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) acc[r][v] += a[r] * bv[v];
      a += R;
      b += ldb;
    }
    if (length == K) break;
    const bool first = left == K, last = length == left;
    left -= length;
    T* sum = spilled;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v, sum += W) {
        if (!first) acc[r][v] += load<T>(sum);
        if (!last) store<T>(sum, acc[r][v]);
      }
  } while (left > 0);
  const bool direct = c.cs == 1 && cols == NV * W;
  T* to = direct ? c.p : spilled;
  const int64_t step = direct ? c.rs : NV * W;
  const bool sum = direct && add;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r, to += step)
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) store<T>(to + v * W, sum ? acc[r][v] + load<T>(to + v * W) : acc[r][v]);
  if (!direct) copyTile<T>(spilled, R, NV * W, c, cols, add);
}

template <class T> using Tile = void (*)(int64_t, const T*, const T*, int64_t, View<T>, int64_t, bool);
template <class T, int NV, class Seq> struct TileRow;
template <class T, int NV, int... R> struct TileRow<T, NV, std::integer_sequence<int, R...>> {
  static constexpr Tile<T> table[] = {tile<T, R + 1, NV>...};
};
template <class T> TS_INLINE Tile<T> tileFor(int64_t rows, int64_t cols) {
  using Rows = std::make_integer_sequence<int, kTileRows>;
  return cols > kLanes<T> ? TileRow<T, 2, Rows>::table[rows - 1] : TileRow<T, 1, Rows>::table[rows - 1];
}

// A panel: for each k, `lanes` values (from src[l·ls + k·ks]) at dst + k·ld. A panel of B is filled up with zeros to a
// whole vector; a panel of A may be overrun by less than a vector (its next row, or the padding, comes after).
template <class T> void packGroup(T* dst, int64_t ld, const T* src, int64_t lanes, int64_t ls, int64_t ks, int64_t k0) {
  constexpr int W = kLanes<T>;
  constexpr int G = kTileRows > 2 * W ? (kTileRows + W - 1) / W : 2;
  Vec<T> rows[G][W];
  const int groups = static_cast<int>(ceilDiv(lanes, W));
  for (int g = 0; g < groups; ++g) {
    for (int i = 0; i < W; ++i) rows[g][i] = g * W + i < lanes ? load<T>(src + (g * W + i) * ls + k0 * ks) : Vec<T>{};
    transpose<T>(rows[g]);
  }
  for (int k = 0; k < W; ++k)
    for (int g = 0; g < groups; ++g) store<T>(dst + (k0 + k) * ld + g * W, rows[g][k]);
}

template <class T, bool Fill>
void packPanel(T* dst, int64_t ld, const T* src, int64_t lanes, int64_t ls, int64_t ks, int64_t K) {
  constexpr int W = kLanes<T>;
  int64_t k = 0;
  if (ls == 1) {
    const int part = static_cast<int>(lanes % W);
    const int64_t whole = lanes - part;
    for (; k < K; ++k) {
      const T* s = src + k * ks;
      T* d = dst + k * ld;
      for (int64_t l = 0; l < whole; l += W) store<T>(d + l, load<T>(s + l));
      if (part) store<T>(d + whole, loadPart<T>(s + whole, part));
    }
    return;
  }
  if (ks == 1)
    for (; k + W <= K; k += W) packGroup<T>(dst, ld, src, lanes, ls, ks, k);
  for (; k < K; ++k) {
    T* d = dst + k * ld;
    int64_t l = 0;
    for (; l < lanes; ++l) d[l] = src[l * ls + k * ks];
    if (Fill)
      for (; l % W; ++l) d[l] = 0;
  }
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
