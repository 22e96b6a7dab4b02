// The product of packed weights and the im2col matrix: out[m, pixel] = Σ_k weights[m, k]·source[rows[k] + pixel]; a
// bias is one more column of weights against a row of ones: no pass over the result.
// The forward pass is one such part; an input gradient is one for each phase of the stride. Jobs pack their own panels of
// pixels; K is never split between jobs.
#pragma once
#include "conv_pack.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

inline constexpr int64_t kConvPanels = 4;  // panels of pixels a job packs at once: 256 KB at full depth

template <class T> struct Part {
  int64_t K = 0;             // with the bias
  int64_t* rows = nullptr;   // where row k of the im2col matrix starts
  int64_t* taps = nullptr;   // where column k of the weights starts, within a group's weights
  T* packed = nullptr;       // [group][stretch][tile]
  int64_t outStart = 0;
  Grid grid{}, out{};        // the pixels in the source and in the result
  int64_t firstPiece = 0;
};

template <class T> struct Correlation {
  static constexpr int W = kLanes<T>;
  static constexpr int64_t NR = kTileCols<T>;
  int64_t images, groups, inputs, M;  // inputs: channels read per group
  Source<T> source;
  Tiles tiles;
  const T* weights;
  int64_t weightGroup, weightRow;  // steps of the weights; columns by Part::taps
  bool weightColumns;              // whether taps[k] = taps[0] + k·(taps[1] − taps[0])
  const T* bias;
  T* out;
  int64_t outImage, outChannel;
  Part<T>* parts = nullptr;
  int64_t partCount = 1;
  T* buffers = nullptr;  // one for each thread: panels, then scattered tiles

  int64_t depth() const { return kDepthBytes / static_cast<int64_t>(sizeof(T)) + (bias != nullptr); }
  Stretches stretches(const Part<T>& p) const { return {p.K, depth(), 1}; }
  int64_t panelElements() const { return kConvPanels * NR * depth(); }
  int64_t bufferElements() const { return panelElements() + kConvPanels * NR * M; }
  int64_t packedElements(const Part<T>& p) const {
    return p.K == 0 ? 0 : groups * tiles.template elements<T>(p.K, stretches(p).count);
  }

  void packWeights(int64_t piece) const {
    int64_t i = partCount - 1;
    while (parts[i].firstPiece > piece) --i;
    const Part<T>& p = parts[i];
    const Stretches s = stretches(p);
    piece -= p.firstPiece;
    const int64_t t = piece % tiles.count, c = piece / tiles.count % s.count, g = piece / tiles.count / s.count;
    const int64_t k0 = s.begin(c), kc = s.length(c), rows = tiles.rows(t);
    const T* src = weights + g * weightGroup + tiles.row(t) * weightRow;
    T* dst = const_cast<T*>(panelA(p, s, g, c, t));
    const int64_t n = least(kc, p.K - (bias != nullptr) - k0);
    if (weightColumns) {
      const int64_t step = n > 1 ? p.taps[1] - p.taps[0] : 1;
      packPanel<T, false>(dst, rows, src + p.taps[k0], rows, weightRow, step, n);
    } else {
      packTaps(dst, src, p.taps + k0, weightRow, rows, n);
    }
    if (n < kc)
      for (int64_t r = 0; r < rows; ++r) dst[n * rows + r] = bias[g * M + tiles.row(t) + r];
  }
  const T* panelA(const Part<T>& p, const Stretches& s, int64_t g, int64_t c, int64_t t) const {
    return p.packed + g * tiles.template elements<T>(p.K, s.count) + M * s.begin(c) + c * tiles.count * W +
           tiles.template at<T>(t, s.length(c));
  }

  struct Panel {
    Runs<T> runs[2];
    int64_t cols, ld, outOffset;
    bool dense;  // the pixels are neighbours in the result too
  };
  void findPanel(Panel& panel, const Part<T>& p, int64_t count, int64_t q) const {
    const int64_t j = q * NR, pixels = p.grid.pixels();
    panel.cols = least(NR, count * pixels - j);
    panel.ld = panel.cols > W ? NR : W;
    panel.runs[0].find(p.grid, j, static_cast<int>(least(W, panel.cols)));
    if (panel.cols > W) panel.runs[1].find(p.grid, j + W, static_cast<int>(panel.cols - W));
    const int64_t y = j % pixels / p.grid.cols, x = j % p.grid.cols;
    panel.outOffset = p.outStart + j / pixels * p.out.image + y * p.out.row + x * p.out.col;
    panel.dense = p.out.col == 1 && (p.out.row == p.out.cols ? j % pixels + panel.cols <= pixels
                                                              : x + panel.cols <= p.out.cols);
  }

  void scatter(const Part<T>& p, int64_t q, const Panel& panel, const T* from, T* to, int64_t r0, int64_t r1) const {
    int64_t at[NR];
    const int64_t pixels = p.grid.pixels();
    for (int64_t l = 0; l < panel.cols; ++l) {
      const int64_t j = q * NR + l;
      at[l] = p.outStart + j / pixels * p.out.image + j % pixels / p.grid.cols * p.out.row + j % p.grid.cols * p.out.col;
    }
    for (int64_t r = r0; r < r1; ++r) {
      T* row = to + r * outChannel;
      for (int64_t l = 0; l < panel.cols; ++l) row[at[l]] = from[r * NR + l];
    }
  }

  void packPanelB(const Part<T>& p, const Panel& panel, const T* from, int64_t k0, int64_t kc, T* to) const {
    const int64_t n = least(kc, p.K - (bias != nullptr) - k0);
    for (int v = 0; v * W < panel.cols; ++v) packPixels<T>(to + v * W, panel.ld, from, p.rows + k0, n, panel.runs[v]);
    if (n < kc)
      for (int64_t l = 0; l < panel.ld; ++l) to[n * panel.ld + l] = 1;
  }

  // Panels [q0, q1) of pixels × tiles [t0, t1) of rows. A panel is packed just before it is used, while it is in L1.
  void multiply(const Part<T>& p, int64_t first, int64_t count, int64_t g, int64_t q0, int64_t q1, int64_t t0, int64_t t1,
                T* buffer) const {
    const Stretches s = stretches(p);
    const T* from = source.at(first) + g * inputs * source.channel;
    T* to = out + first * outImage + g * M * outChannel;
    const int64_t slot = t1 - t0 > kJobTiles ? NR * s.depth : 0;  // panels used only once share one place
    Panel panels[kConvPanels];
    for (int64_t q = q0; q < q1; ++q) findPanel(panels[q - q0], p, count, q);
    for (int64_t c = 0; c < s.count; ++c)
      for (int64_t tb = t0; tb < t1; tb += kJobTiles)
        for (int64_t q = q0; q < q1; ++q) {
          const Panel& panel = panels[q - q0];
          T* packed = buffer + (q - q0) * slot;
          if (tb == t0) packPanelB(p, panel, from, s.begin(c), s.length(c), packed);
          const View<T> result = panel.dense ? View<T>{to + panel.outOffset, outChannel, 1}
                                             : View<T>{buffer + panelElements() + (q - q0) * NR * M, NR, 1};
          for (int64_t t = tb; t < least(t1, tb + kJobTiles); ++t)
            tileFor<T>(tiles.rows(t), panel.cols)(s.length(c), panelA(p, s, g, c, t), packed, panel.ld,
                                                  result.at(tiles.row(t), 0), panel.cols, c > 0);
        }
    for (int64_t q = q0; q < q1; ++q)
      if (!panels[q - q0].dense)
        scatter(p, q, panels[q - q0], buffer + panelElements() + (q - q0) * NR * M, to, tiles.row(t0), tiles.row(t1));
  }

  // No tap reaches these pixels.
  void clearPart(const Part<T>& p, int64_t first, int64_t count, int64_t g) const {
    for (int64_t i = 0; i < count * M; ++i) {
      T* to = out + (first + i / M) * outImage + (g * M + i % M) * outChannel + p.outStart;
      for (int64_t y = 0; y < p.out.rows; ++y)
        for (int64_t x = 0; x < p.out.cols; ++x) to[y * p.out.row + x * p.out.col] = 0;
    }
  }

  // How the pixels of one part are shared out.
  struct Share {
    int64_t panels, width, across, height, down;
  };
  Share share(const Part<T>& p, int64_t count, int threads) const {
    Share h;
    h.panels = ceilDiv(count * p.grid.pixels(), NR);
    h.width = least(kConvPanels, h.panels), h.height = tiles.count;
    const int64_t wanted = threads > 1 ? 8 * threads : 1;
    auto jobs = [&] { return groups * ceilDiv(h.panels, h.width) * ceilDiv(tiles.count, h.height) * partCount; };
    while (jobs() < wanted && h.width > 1) h.width = ceilDiv(h.width, 2);
    if (jobs() < wanted && tiles.count > 3) h.height = ceilDiv(tiles.count, 2);
    h.across = ceilDiv(h.panels, h.width), h.down = ceilDiv(tiles.count, h.height);
    return h;
  }
  int64_t jobsOf(const Part<T>& p, const Share& h) const { return p.K == 0 ? groups : groups * h.across * h.down; }

  void job(int64_t i, int64_t first, int64_t count, int threads, T* buffer) const {
    for (int64_t n = 0; n < partCount; ++n) {
      const Part<T>& p = parts[n];
      const Share h = share(p, count, threads);
      const int64_t jobs = jobsOf(p, h);
      if (i >= jobs) {
        i -= jobs;
        continue;
      }
      if (p.K == 0) return clearPart(p, first, count, i);
      const int64_t q = i % h.across * h.width, t = i / h.across % h.down * h.height, g = i / h.across / h.down;
      return multiply(p, first, count, g, q, least(h.panels, q + h.width), t, least(tiles.count, t + h.height), buffer);
    }
  }

  int64_t placePieces() const {
    int64_t pieces = 0;
    for (int64_t i = 0; i < partCount; ++i) {
      parts[i].firstPiece = pieces;
      if (parts[i].K > 0) pieces += groups * stretches(parts[i]).count * tiles.count;
    }
    return pieces;
  }
  void run(int threads) const {
    int64_t pieces = placePieces();
    for (int64_t first = 0; first < images; first += source.block) {
      const int64_t count = least(source.block, images - first);
      const int64_t copies = source.inPlace() ? 0 : count * source.channels;
      forEachChunk(copies + pieces, threads, [&](int64_t i) {
        if (i < copies) source.copyPiece(first, i);
        else packWeights(i - copies);
      });
      pieces = 0;
      int64_t jobs = 0;
      for (int64_t i = 0; i < partCount; ++i) jobs += jobsOf(parts[i], share(parts[i], count, threads));
      shareChunks(jobs, threads, [&](Chunks& mine) {
        T* buffer = buffers + mine.member() * bufferElements();
        for (int64_t i; (i = mine.next()) >= 0;) job(i, first, count, threads, buffer);
      });
    }
  }
};

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
