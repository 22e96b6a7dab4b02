// The walks of a pointwise program over its elements: in runs along a dense innermost dim, in tiles where some inputs are dense
// along another one, or one by one with any strides.
#pragma once
#include "program.cuh"

namespace torchstone::device {

constexpr int kPointwiseThreads = 256;

template <class P, int D> struct PointwiseArgs {
  int64_t n;  // elements; units where the innermost dim is walked in runs
  int64_t rest;  // elements of a last unit that is no whole run, else 0
  void* error;
  double param[P::kParams];
  char* address[P::kOut + P::kIn];  // outputs, then inputs
  Space<D, P::kOut + P::kIn> space;
};

template <class P> TS_INLINE void readParams(typename P::V* p, const double* param) {
#pragma unroll
  for (int i = 0; i < P::kParams; ++i) p[i] = loadAs<typename P::C, double>(param[i]);
}

// Every thread takes one run of W elements along the innermost dim, whose strides count runs and are 0 for the inputs in `ones`.
// Runs are whole and aligned, but for the last one of a single dim.
template <class P, int D, class I, int W, uint64_t ones, class Args> TS_INLINE void pointwiseRuns(const Args& a) {
  using V = typename P::V;
  const int64_t unit = int64_t(blockIdx.x) * kPointwiseThreads + threadIdx.x;
  if (unit >= a.n) return;
  V p[P::kParams], x[W][P::kIn], y[W][P::kOut];
  readParams<P>(p, a.param);
  I at[P::kOut + P::kIn] = {};
  a.space.locate(a.space, I(unit), at);
  int32_t bad = 0;
  if (D == 1 && a.rest != 0 && unit == a.n - 1) {
    for (int k = 0; k < int(a.rest); ++k) {
      I one[P::kOut + P::kIn];
#pragma unroll
      for (int i = 0; i < P::kOut + P::kIn; ++i) one[i] = at[i] + (i >= P::kOut && (ones >> (i - P::kOut) & 1) ? 0 : k);
      P::load(x[0], a.address + P::kOut, one + P::kOut);
      P::eval(x[0], p, y[0], bad);
      P::store(y[0], a.address, one);
    }
  } else {
    P::template loadRuns<W, ones>(x, a.address + P::kOut, at + P::kOut);
#pragma unroll
    for (int k = 0; k < W; ++k) P::eval(x[k], p, y[k], bad);
    P::template storeRuns<W>(y, a.address, at);
  }
  report(a.error, bad);
}

// Every thread takes W elements a block's width apart, so that neighbours stay neighbours in every load.
template <class P, int D, class I, int W, class Args> TS_INLINE void pointwiseElements(const Args& a) {
  using V = typename P::V;
  const int64_t first = int64_t(blockIdx.x) * (kPointwiseThreads * W) + threadIdx.x;
  V p[P::kParams], x[W][P::kIn], y[W][P::kOut];
  readParams<P>(p, a.param);
  I at[W][P::kOut + P::kIn] = {};
#pragma unroll
  for (int k = 0; k < W; ++k) {
    const int64_t i = first + k * kPointwiseThreads;
    if (i >= a.n) break;
    a.space.locate(a.space, I(i), at[k]);
    P::load(x[k], a.address + P::kOut, at[k] + P::kOut);
  }
  int32_t bad = 0;
#pragma unroll
  for (int k = 0; k < W; ++k) {
    if (first + k * kPointwiseThreads >= a.n) break;
    P::eval(x[k], p, y[k], bad);
    P::store(y[k], a.address, at[k]);
  }
  report(a.error, bad);
}

constexpr int kTileSide = 32, kTileRows = kPointwiseThreads / kTileSide;

// The last two dims are walked in square tiles; `space` counts tiles, `step` elements along the last dim and the one before it.
template <class P, int D> struct TiledArgs {
  static constexpr int kOperands = P::kOut + P::kIn;
  void* error;
  double param[P::kParams];
  char* address[kOperands];
  int64_t extent[2];
  int64_t step[2][kOperands];
  Space<D, kOperands> space;
};

// An input's part of a tile: read along the dim in which it is dense, kept so that it can be read along the other.
template <int bytes> struct alignas(bytes) Item { char at[bytes]; };
template <int bytes> struct Tile { Item<bytes> at[kTileSide][kTileSide + 1]; };

template <class P, uint64_t turned, int i = 0, class I, class Args>
TS_INLINE void readTurned(const Args& a, const I* at, int width, int height, const char** in) {
  if constexpr (i < P::kIn) {
    if constexpr ((turned >> i & 1) != 0) {
      using Element = Item<P::bytes(i)>;
      TS_SHARED Tile<P::bytes(i)> tile;
      const int tx = int(threadIdx.x) % kTileSide, ty = int(threadIdx.x) / kTileSide;
      const Element* const from = reinterpret_cast<const Element*>(a.address[P::kOut + i]) + at[P::kOut + i];
#pragma unroll
      for (int row = 0; row < kTileSide; row += kTileRows)
        if (tx < height && ty + row < width)
          tile.at[ty + row][tx] = from[I(tx) * I(a.step[1][P::kOut + i]) + I(ty + row) * I(a.step[0][P::kOut + i])];
      in[i] = reinterpret_cast<const char*>(&tile.at[tx][ty]);
    }
    readTurned<P, turned, i + 1>(a, at, width, height, in);
  }
}

// Every block takes one tile; the inputs in `turned` are dense along the dim before the last, all else along the last.
template <class P, int D, class I, uint64_t turned, class Args> TS_INLINE void pointwiseTiles(const Args& a) {
  using V = typename P::V;
  constexpr int kRows = kTileSide / kTileRows;
  V p[P::kParams], x[kRows][P::kIn], y[P::kOut];
  readParams<P>(p, a.param);
  I at[P::kOut + P::kIn] = {};
  a.space.locate(a.space, I(blockIdx.x), at);
  const I tilesAcross = I(a.space.size[D - 1]), tilesDown = I(a.space.size[D - 2]);
  const int64_t left = int64_t(I(blockIdx.x) % tilesAcross) * kTileSide, top = int64_t(I(blockIdx.x) / tilesAcross % tilesDown) * kTileSide;
  const int width = a.extent[0] - left < kTileSide ? int(a.extent[0] - left) : kTileSide;
  const int height = a.extent[1] - top < kTileSide ? int(a.extent[1] - top) : kTileSide;
  const char* in[P::kIn];
  I place[P::kOut + P::kIn];
  for (int i = 0; i < P::kIn; ++i) in[i] = a.address[P::kOut + i];
  readTurned<P, turned>(a, at, width, height, in);
  tsBarrier();
  const int tx = int(threadIdx.x) % kTileSide, ty = int(threadIdx.x) / kTileSide;
  int32_t bad = 0;
#pragma unroll
  for (int k = 0; k < kRows; ++k) {
    const int row = ty + k * kTileRows;
    if (tx >= width || row >= height) continue;
#pragma unroll
    for (int i = 0; i < P::kIn; ++i)
      place[P::kOut + i] = (turned >> i & 1) != 0 ? I(k * kTileRows)
                                                  : at[P::kOut + i] + I(tx) * I(a.step[0][P::kOut + i]) + I(row) * I(a.step[1][P::kOut + i]);
    P::load(x[k], in, place + P::kOut);
  }
#pragma unroll
  for (int k = 0; k < kRows; ++k) {
    const int row = ty + k * kTileRows;
    if (tx >= width || row >= height) continue;
#pragma unroll
    for (int i = 0; i < P::kOut; ++i) place[i] = at[i] + I(tx) * I(a.step[0][i]) + I(row) * I(a.step[1][i]);
    P::eval(x[k], p, y, bad);
    P::store(y, a.address, place);
  }
  report(a.error, bad);
}

}  // namespace torchstone::device
