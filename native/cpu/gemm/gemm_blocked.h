// The blocked product: cutting M, N and K to the caches, packing, and sharing the pieces between threads.
// K is never split between threads and every element is computed alike in any tile, so the result's bits do not depend on
// the number of threads, nor on the size of the pieces, which does. A product is a sequence of stages (packing, multiplying), each
// of which ends before the next begins.
#pragma once
#include <cstdlib>
#include <sys/mman.h>

#include "cpu/parallel.h"
#include "gemm_kernel.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Measured on Zen 5 (48 KB L1, 1 MB L2, 32 MB L3): a tile's rows of A (28 KB) stay near L1, a job's panels in L2,
// the blocks of A and B in L3. Half the depth costs 5 to 10% at 1024 and 2048.
inline constexpr int64_t kDepthBytes = 2048;      // K at a time: 512 float32, 256 float64
inline constexpr int64_t kBlockColumns = 4096;    // columns of B packed at a time
inline constexpr int64_t kBlockTiles = 160;       // tiles of rows of A packed at a time
inline constexpr int64_t kJobTiles = 10;          // a job: 10 tiles of rows × 16 panels of columns at most
inline constexpr int64_t kJobPanels = 16;
inline constexpr int64_t kUnpackedB = 64 * 64;    // a row-major B up to this many elements is read in place
inline constexpr size_t kHugePage = size_t{2} << 20;

// The packing buffer of a thread: grows, and lives as long as the thread (at most about 14 MB).
struct Scratch {
  void* p = nullptr;
  size_t bytes = 0;
  ~Scratch() { std::free(p); }
  void* ensure(size_t need) {
    if (need <= bytes) return p;
    std::free(p);
    const size_t unit = need >= kHugePage ? kHugePage : 4096;
    bytes = (need + unit - 1) / unit * unit;
    p = std::aligned_alloc(unit, bytes);
    if (!p) bytes = 0;
    else if (unit == kHugePage) madvise(p, bytes, MADV_HUGEPAGE);
    return p;
  }
};
thread_local Scratch scratch;

template <class T> struct Product {
  int64_t M, N, K;
  View<const T> a, b;
  View<T> c;
  bool add;
  Product transposed() const { return {N, M, K, b.transposed(), a.transposed(), c.transposed(), add}; }
};

template <class T> struct Blocked {
  static constexpr int W = kLanes<T>;
  static constexpr int64_t NR = kTileCols<T>;
  Product<T> p;
  int64_t depth, tiles, shortRows, longTiles;  // tile heights differ by at most 1: the first longTiles have one row more
  bool packB;
  T* bufferA;
  T* bufferB;

  explicit Blocked(const Product<T>& product) : p(product) {
    const int64_t limit = kDepthBytes / static_cast<int64_t>(sizeof(T));
    depth = ceilDiv(p.K, ceilDiv(p.K, limit));
    tiles = ceilDiv(p.M, kTileRows);
    shortRows = p.M / tiles;
    longTiles = p.M % tiles;
    packB = p.b.cs != 1 || p.N * p.K > kUnpackedB;
  }
  int64_t row(int64_t tile) const { return tile * shortRows + least(tile, longTiles); }
  size_t elementsA() const { return static_cast<size_t>(least(tiles, kBlockTiles) * (depth * kTileRows + W) + W); }
  size_t elementsB() const {
    const int64_t columns = packB ? least(ceilDiv(p.N, NR) * NR, kBlockColumns) : NR;
    return static_cast<size_t>(columns * depth);
  }
  bool allocate() {
    const size_t a = (elementsA() * sizeof(T) + 63) / 64 * 64;
    char* base = static_cast<char*>(scratch.ensure(a + elementsB() * sizeof(T)));
    bufferA = reinterpret_cast<T*>(base);
    bufferB = reinterpret_cast<T*>(base + a);
    return base != nullptr;
  }

  T* panelA(int64_t first, int64_t tile, int64_t kc) const {
    return bufferA + (row(tile) - row(first)) * kc + (tile - first) * W;
  }
  void packRows(int64_t first, int64_t tile, int64_t k0, int64_t kc) const {
    const int64_t r0 = row(tile), rows = row(tile + 1) - r0;
    packPanel<T, false>(panelA(first, tile, kc), rows, p.a.at(r0, k0).p, rows, p.a.rs, p.a.cs, kc);
  }
  // Panel j of the block of columns [j0, j0 + nc).
  void packColumns(int64_t j0, int64_t nc, int64_t j, int64_t k0, int64_t kc) const {
    const int64_t cols = least(NR, nc - j * NR);
    T* dst = bufferB + (packB ? j * NR * kc : 0);
    packPanel<T, true>(dst, cols > W ? NR : W, p.b.at(k0, j0 + j * NR).p, cols, p.b.cs, p.b.rs, kc);
  }

  void job(int64_t t0, int64_t t1, int64_t q0, int64_t q1, int64_t first, int64_t j0, int64_t nc, int64_t k0,
           int64_t kc) const {
    for (int64_t q = q0; q < q1; ++q) {
      const int64_t cols = least(NR, nc - q * NR);
      const bool whole = cols == NR || cols == W;
      const T* b = packB ? bufferB + q * NR * kc : bufferB;
      int64_t ldb = cols > W ? NR : W;
      if (!packB && whole) b = p.b.at(k0, j0 + q * NR).p, ldb = p.b.rs;
      for (int64_t t = t0; t < t1; ++t)
        tileFor<T>(row(t + 1) - row(t), cols)(kc, panelA(first, t, kc), b, ldb, p.c.at(row(t), j0 + q * NR), cols,
                                              p.add || k0 > 0);
    }
  }

  void work(int threads) const {
    for (int64_t j0 = 0; j0 < p.N; j0 += kBlockColumns)
      for (int64_t k0 = 0; k0 < p.K; k0 += depth)
        for (int64_t first = 0; first < tiles; first += kBlockTiles) block(threads, j0, k0, first);
  }

  void block(int threads, int64_t j0, int64_t k0, int64_t first) const {
    const int64_t nc = least(kBlockColumns, p.N - j0), kc = least(depth, p.K - k0);
    const int64_t panels = ceilDiv(nc, NR), count = least(kBlockTiles, tiles - first);
    const bool tail = nc % NR != 0 && nc % NR != W;  // unpacked: only a partial last panel is packed
    const int64_t firstB = packB ? 0 : panels - 1;
    const int64_t packedB = first > 0 ? 0 : packB ? panels : tail ? 1 : 0;
    const int64_t packedA = j0 > 0 && depth >= p.K && tiles <= kBlockTiles ? 0 : count;
    forEachChunk(packedB + packedA, threads, [&](int64_t i) {
      if (i < packedB) packColumns(j0, nc, firstB + i, k0, kc);
      else packRows(first, first + i - packedB, k0, kc);
    });
    int64_t jobTiles = least(kJobTiles, count), jobPanels = least(kJobPanels, panels);
    const int64_t wanted = threads > 1 ? 4 * threads : 1;
    while (ceilDiv(count, jobTiles) * ceilDiv(panels, jobPanels) < wanted && jobTiles * jobPanels > 1)
      if (jobPanels > 1) jobPanels = ceilDiv(jobPanels, 2);
      else jobTiles = ceilDiv(jobTiles, 2);
    const int64_t across = ceilDiv(panels, jobPanels);
    forEachChunk(ceilDiv(count, jobTiles) * across, threads, [&](int64_t i) {
      const int64_t t = i / across * jobTiles, q = i % across * jobPanels;
      job(first + t, first + least(count, t + jobTiles), q, least(panels, q + jobPanels), first, j0, nc, k0, kc);
    });
  }
};

// False when there is no memory.
template <class T> bool blockedProduct(Product<T> p, int threads) {
  // The tile's vectors run along C's columns: turn the problem when that is the strided or the very short side.
  if ((p.c.cs != 1 && p.c.rs == 1) || (p.N < 8 && p.M >= 2 * p.N)) p = p.transposed();
  Blocked<T> blocked(p);
  if (!blocked.allocate()) return false;
  blocked.work(threads);
  return true;
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
