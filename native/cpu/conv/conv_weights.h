// The gradient of a convolution's weights: the product of the output's gradient and the transposed im2col matrix, summed
// over all pixels in fixed stretches. Few weights are summed in several partial results, so that there is work for every
// thread; their number depends on the sizes alone.
#pragma once
#include "conv_pack.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

inline constexpr int64_t kWantedJobs = 24;
inline constexpr int64_t kPartialBytes = 1 << 19;  // partial results, all together

template <class T> struct WeightGradient {
  static constexpr int W = kLanes<T>;
  static constexpr int64_t NR = kTileCols<T>;
  static constexpr int64_t kDepth = kDepthBytes / static_cast<int64_t>(sizeof(T));
  int64_t images, groups, inputs, M, N;  // M filters × N weights of each, per group
  Source<T> source;
  Grid grid;
  Tiles tiles;
  const T* gradient;
  int64_t gradientImage, gradientChannel;  // pixels are neighbours
  T* out;
  int64_t* rows = nullptr;  // where column n of the weights starts in the source
  T *packed = nullptr, *partials = nullptr, *buffers = nullptr;

  int64_t panels() const { return ceilDiv(N, NR); }
  int64_t weights() const { return groups * M * N; }
  Stretches stretches(int64_t count) const { return {count * grid.pixels(), kDepth, W}; }
  int64_t partialCount() const {
    int64_t n = 1;
    const int64_t most = stretches(source.block).count, bytes = weights() * static_cast<int64_t>(sizeof(T));
    while (2 * n <= most && n * groups * panels() < kWantedJobs && 2 * n * bytes <= kPartialBytes) n *= 2;
    return n;
  }
  int64_t groupElements(const Stretches& s) const { return tiles.template elements<T>(s.K, s.count); }
  int64_t packedElements() const { return groups * groupElements(stretches(source.block)); }
  int64_t bufferElements() const { return kDepth * NR; }
  T* panelA(const Stretches& s, int64_t g, int64_t c, int64_t t) const {
    return packed + g * groupElements(s) + M * s.begin(c) + c * tiles.count * W + tiles.template at<T>(t, s.length(c));
  }

  // A stretch may go on from one image to the next.
  void packGradient(const Stretches& s, int64_t first, int64_t piece) const {
    const int64_t t = piece % tiles.count, c = piece / tiles.count % s.count, g = piece / tiles.count / s.count;
    const int64_t pixels = grid.pixels(), height = tiles.rows(t), end = s.begin(c) + s.length(c);
    T* dst = panelA(s, g, c, t);
    for (int64_t j = s.begin(c); j < end;) {
      const int64_t n = least(end - j, pixels - j % pixels);
      const T* src = gradient + (first + j / pixels) * gradientImage + (g * M + tiles.row(t)) * gradientChannel + j % pixels;
      packPanel<T, false>(dst, height, src, height, gradientChannel, 1, n);
      dst += n * height;
      j += n;
    }
  }

  void packColumns(T* dst, int64_t ld, const T* from, int64_t n, int64_t cols, const Runs<T>* runs, int64_t length) const {
    for (int64_t k = 0; k < length; k += W)
      for (int64_t v = 0; v < cols; v += W)
        turnPixels<T>(dst + k * ld + v, ld, from, rows + n + v, static_cast<int>(least(W, cols - v)), runs[k / W]);
  }

  // Panel q of the columns, in every count-th stretch from `part` on.
  void multiply(const Stretches& s, int64_t first, int64_t g, int64_t q, int64_t part, int64_t count, T* buffer) const {
    const T* from = source.at(first) + g * inputs * source.channel;
    T* to = (part == 0 ? out : partials + (part - 1) * weights()) + g * M * N + q * NR;
    const int64_t cols = least(NR, N - q * NR), ld = cols > W ? NR : W;
    Runs<T> runs[kDepth / W];
    for (int64_t c = part; c < s.count; c += count) {
      const int64_t length = s.length(c);
      for (int64_t k = 0; k < length; k += W)
        runs[k / W].find(grid, s.begin(c) + k, static_cast<int>(least(W, length - k)));
      packColumns(buffer, ld, from, q * NR, cols, runs, length);
      const bool add = first > 0 || c > part;
      for (int64_t t = 0; t < tiles.count; ++t)
        tileFor<T>(tiles.rows(t), cols)(length, panelA(s, g, c, t), buffer, ld, {to + tiles.row(t) * N, N, 1}, cols, add);
    }
  }

  void addPartials(int64_t begin, int64_t end, int64_t count) const {
    for (int64_t p = 0; p + 1 < count; ++p) {
      const T* from = partials + p * weights();
      for (int64_t i = begin; i < end; ++i) out[i] += from[i];
    }
  }

  void run(int threads) const {
    const int64_t count = partialCount(), jobs = groups * panels() * count;
    for (int64_t first = 0; first < images; first += source.block) {
      const int64_t block = least(source.block, images - first);
      const Stretches s = stretches(block);
      const int64_t copies = source.inPlace() ? 0 : block * source.channels;
      forEachChunk(copies + groups * s.count * tiles.count, threads, [&](int64_t i) {
        if (i < copies) source.copyPiece(first, i);
        else packGradient(s, first, i - copies);
      });
      shareChunks(jobs, threads, [&](Chunks& mine) {
        T* buffer = buffers + mine.member() * bufferElements();
        for (int64_t i; (i = mine.next()) >= 0;) {
          const int64_t part = i % count, q = i / count % panels();
          multiply(s, first, i / count / panels(), q, part, count, buffer);
        }
      });
    }
    if (count == 1) return;
    const int64_t stride = 4096;
    forEachChunk(ceilDiv(weights(), stride), threads, [&](int64_t i) {
      addPartials(i * stride, least(weights(), (i + 1) * stride), count);
    });
  }
};

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
