// Reading a vector of pixels of the im2col matrix (its runs of neighbours) and packing panels of them, with pixels along
// the vector (forward) or along K (weight gradient).
#pragma once
#include "conv_source.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Pixels numbered across images, rows and columns, with the steps between them in elements.
struct Grid {
  int64_t rows, cols, image, row, col;
  int64_t pixels() const { return rows * cols; }
};

// Up to a vector of consecutive pixels as runs: lane l of run r lies at offset[r] + l.
template <class T> struct Runs {
  static constexpr int W = kLanes<T>;
  int count = 0, lanes = 0;
  int begin[W + 1];
  int64_t offset[W];
#if defined(__AVX512F__)
  uint32_t mask[W];
#endif

  void find(const Grid& g, int64_t pixel, int n) {
    count = 0, lanes = n;
    int64_t image = pixel / g.pixels(), y = pixel % g.pixels() / g.cols, x = pixel % g.cols;
    for (int lane = 0; lane < n;) {
      const int length = static_cast<int>(least(n - lane, g.cols - x));
      const int64_t at = image * g.image + y * g.row + x - lane;
      if (count == 0 || offset[count - 1] != at) {
        begin[count] = lane;
        offset[count++] = at;
      }
      lane += length;
      x = 0;
      if (++y == g.rows) y = 0, ++image;
    }
    begin[count] = n;
#if defined(__AVX512F__)
    for (int r = 0; r < count; ++r) mask[r] = (1u << begin[r + 1]) - (1u << begin[r]);
#endif
  }
};

#if defined(__AVX512F__)
template <class T> TS_INLINE Vec<T> mergeRun(Vec<T> v, uint32_t mask, const T* p) {
  if constexpr (sizeof(T) == 4) return _mm512_mask_loadu_ps(v, static_cast<__mmask16>(mask), p);
  else return _mm512_mask_loadu_pd(v, static_cast<__mmask8>(mask), p);
}
// N: the number of runs, or 0 where it is known only at run time.
template <class T, int N> TS_INLINE Vec<T> loadRuns(const T* p, const Runs<T>& r) {
  Vec<T> v = {};
  const int n = N ? N : r.count;
  for (int i = 0; i < n; ++i) v = mergeRun<T>(v, r.mask[i], p + r.offset[i]);
  return v;
}
#else
template <class T, int N> TS_INLINE Vec<T> loadRuns(const T* p, const Runs<T>& r) {
  constexpr int W = kLanes<T>;
  if (N == 1 && r.lanes == W) return load<T>(p + r.offset[0]);
  T t[W] = {};
  const int n = N && N <= W ? N : r.count;
  for (int i = 0; i < n; ++i)
    for (int l = r.begin[i]; l < r.begin[i + 1]; ++l) t[l] = p[r.offset[i] + l];
  return load<T>(t);
}
#endif

template <class T, int N>
void packPixelsOf(T* dst, int64_t ld, const T* p, const int64_t* rows, int64_t K, const Runs<T>& runs) {
  const Runs<T> r = runs;
  for (int64_t k = 0; k < K; ++k) store<T>(dst + k * ld, loadRuns<T, N>(p + rows[k], r));
}

// dst[k·ld ...] = the vector of pixels at rows[k].
template <class T> void packPixels(T* dst, int64_t ld, const T* p, const int64_t* rows, int64_t K, const Runs<T>& r) {
  switch (r.count) {
    case 1: return packPixelsOf<T, 1>(dst, ld, p, rows, K, r);
    case 2: return packPixelsOf<T, 2>(dst, ld, p, rows, K, r);
    case 3: return packPixelsOf<T, 3>(dst, ld, p, rows, K, r);
    default: return packPixelsOf<T, 0>(dst, ld, p, rows, K, r);
  }
}

template <class T, int N>
TS_INLINE void turnPixelsOf(T* dst, int64_t ld, const T* p, const int64_t* rows, int lanes, const Runs<T>& r) {
  constexpr int W = kLanes<T>;
  Vec<T> v[W];
  for (int i = 0; i < W; ++i) v[i] = i < lanes ? loadRuns<T, N>(p + rows[i], r) : Vec<T>{};
  transpose<T>(v);
  for (int k = 0; k < r.lanes; ++k) store<T>(dst + k * ld, v[k]);
}

// dst[pixel·ld + i] = the pixel at rows[i], for up to W rows.
template <class T> void turnPixels(T* dst, int64_t ld, const T* p, const int64_t* rows, int lanes, const Runs<T>& r) {
  switch (r.count) {
    case 1: return turnPixelsOf<T, 1>(dst, ld, p, rows, lanes, r);
    case 2: return turnPixelsOf<T, 2>(dst, ld, p, rows, lanes, r);
    default: return turnPixelsOf<T, 0>(dst, ld, p, rows, lanes, r);
  }
}

// dst[k·rows + r] = src[taps[k] + r·step]: stretches of neighbouring taps are transposed in registers.
// Writes up to one vector past the end.
template <class T>
void packTaps(T* dst, const T* src, const int64_t* taps, int64_t step, int64_t rows, int64_t K) {
  constexpr int W = kLanes<T>;
  for (int64_t k = 0; k < K;) {
    int64_t n = 1;
    while (n < W && k + n < K && taps[k + n] == taps[k] + n) ++n;
    const T* from = src + taps[k];
    T* to = dst + k * rows;
    k += n;
    if (n == 1 || rows > W || rows < 3) {
      for (int64_t i = 0; i < n; ++i)
        for (int64_t r = 0; r < rows; ++r) to[i * rows + r] = from[i + r * step];
      continue;
    }
    Vec<T> v[W];
    for (int i = 0; i < W; ++i) {
      const T* p = from + i * step;
      v[i] = i >= rows ? Vec<T>{} : n == W ? load<T>(p) : loadPart<T>(p, static_cast<int>(n));
    }
    transpose<T>(v);
    for (int64_t i = 0; i < n; ++i) store<T>(to + i * rows, v[i]);
  }
}

// The rows of a packed operand, in tiles whose heights differ by at most 1, for one stretch of K at a time.
struct Tiles {
  int64_t M, count, shorter, longTiles;
  explicit Tiles(int64_t rows) : M(rows), count(ceilDiv(rows, kTileRows)), shorter(rows / count), longTiles(rows % count) {}
  int64_t row(int64_t t) const { return t * shorter + least(t, longTiles); }
  int64_t rows(int64_t t) const { return row(t + 1) - row(t); }
  // Where a tile starts within a stretch; packing writes up to one vector past its end.
  template <class T> int64_t at(int64_t t, int64_t kc) const { return row(t) * kc + t * kLanes<T>; }
  template <class T> int64_t elements(int64_t K, int64_t stretches) const { return M * K + stretches * count * kLanes<T>; }
};

// K in stretches of equal depth.
struct Stretches {
  int64_t K, count, depth;
  Stretches(int64_t k, int64_t limit, int64_t unit) : K(k) {
    depth = ceilDiv(ceilDiv(k, ceilDiv(k, limit)), unit) * unit;
    count = ceilDiv(k, depth);
  }
  int64_t begin(int64_t i) const { return i * depth; }
  int64_t length(int64_t i) const { return least(depth, K - i * depth); }
};

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
