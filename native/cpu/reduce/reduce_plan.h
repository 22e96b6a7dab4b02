// Reduction geometry: the choice of walk, chunks and positions. Nothing here may depend on the number of threads, so that
// results do not.
#pragma once
#include "commands/reduce.h"
#include "cpu/isa.h"
#include "common/program.h"
#include "reduction.h"
#include "cpu/pointwise/tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kGrain = 1 << 15;  // additions below which a second thread gains nothing on two quiet cores
// The same of a column walk, whose partial results, whole rows, travel between cores. [250, 400] float32 took
// 4.0 us in one thread and 5.8 in two, least of many on two quiet cores.
constexpr int64_t kColumnGrain = 1 << 17;
constexpr int64_t kChunk = 1 << 15;      // elements of one chunk of the reduced range
constexpr int64_t kMaxChunks = 128;      // bounds the memory of partial results
constexpr int64_t kColumnPieces = 64;    // the same of a column walk, whose partial results are whole rows

// Dims 0..K-1 are kept, K..K+R-1 reduced. Strides become bytes here, except `step` and `rowStep`, which the tile machine reads.
// A unit is one kept element (row walk) or `width` of them along the last kept dim (column walk). A tile is `rows` runs of
// the last dim: along the last reduced dim for a column walk, along the last but one for a row walk.
struct Plan : ReduceCommand {
  const Reduction* reduction;
  int nin;
  int64_t itemSize[kMaxOperands];
  bool column;
  bool dense;                      // tiles lie in memory as they are wanted: no program runs
  bool plain;                      // the same of whole rows: no position either
  int64_t kept, reduced;           // elements
  int64_t width, blocks, units;    // blocks: tiles along the last kept dim
  int64_t chunk, chunks;           // of the reduced range, in its flat order
  int64_t step[kMaxOperands], rowStep[kMaxOperands];
};

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// Swaps dim d to the position of `last`, keeping the order of the others.
void moveToLast(Plan& p, int d, int last) {
  auto rotate = [d, last](int64_t* a) {
    const int64_t moved = a[d];
    for (int i = d; i < last; ++i) a[i] = a[i + 1];
    a[last] = moved;
  };
  if (d == last) return;
  rotate(p.size);
  if (last < p.K) rotate(p.outStride);
  if (last < p.K && p.index) rotate(p.indexStride);
  for (int i = 0; i < p.nin; ++i) rotate(p.stride[i]);
}

// Rough nanoseconds an element costs to load along dim d: contiguous, strided, a cache line each, a page each.
double loadCost(const Plan& p, int d) {
  double cost = 0;
  for (int i = 0; i < p.nin; ++i) {
    const int64_t bytes = magnitude(p.stride[i][d]);
    if (bytes == 0 || p.stride[i][d] == p.itemSize[i]) cost += 0.1;
    else cost += 0.5 + (bytes < 64 ? bytes / 64.0 : 1) + (bytes >= 4096 ? 1 : 0);
  }
  return cost;
}

// The cheaper of the two walks, by load, by evaluation (30 ns a tile, 3 ns a run), by unit (40 ns).
// Arg reductions visit the reduced dims in order, so that the first of equals comes first.
void chooseWalk(Plan& p, bool ordered) {
  p.column = false;
  if (p.K == 0 && p.R == 1) return;
  const int last = p.K + p.R - 1;
  double best = 0;
  int chosen = -1;
  for (int d = 0; d <= last; ++d) {
    const bool kept = d < p.K;
    if (!kept && ordered && d != last) continue;
    const double count = static_cast<double>(kept ? p.size[d] * p.reduced : p.reduced);
    const double cost = loadCost(p, d) + 3.0 / p.size[d] + 30 / (count < TileRunner::kTile ? count : TileRunner::kTile) +
                        (kept ? 0.05 + 40 / count : 40 / count);
    if (chosen < 0 || cost < best) best = cost, chosen = d;
  }
  p.column = chosen < p.K;
  moveToLast(p, chosen, p.column ? p.K - 1 : last);
}

int64_t roundUp(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Fixes units and chunks, from the shape alone. A chunk of a row walk holds whole runs, unless a run is longer.
void divide(Plan& p) {
  const int last = p.K + p.R - 1;
  const int64_t run = p.column ? p.size[p.K - 1] : p.size[last];
  p.width = p.column ? (run < TileRunner::kTile ? run : TileRunner::kTile) : 1;
  p.blocks = p.column ? (run + p.width - 1) / p.width : 1;
  p.units = p.column ? p.kept / run * p.blocks : p.kept;
  const int64_t most = p.column ? (kColumnPieces + p.units - 1) / p.units : kMaxChunks;
  const int64_t shared = (p.reduced + most - 1) / most;
  p.chunk = kChunk / p.width > shared ? kChunk / p.width : shared;
  const int64_t tileRows = TileRunner::kTile / p.width;
  p.chunk = roundUp(p.chunk, p.column ? roundUp(tileRows, kColumnRows) : run <= p.chunk ? run : tileRows);
  p.chunks = (p.reduced + p.chunk - 1) / p.chunk;
  const Program& g = *p.program;
  p.dense = p.nin == 1 && g.copy && g.inDtype[0] == g.compute && g.outDtype[0] == g.compute &&
            p.stride[0][p.column ? p.K - 1 : last] == p.itemSize[0];
  p.plain = p.dense && !p.column && p.R == 1 && p.K <= 1 && p.chunks == 1 && p.reduction->rows;
  const int inner = p.column ? p.K - 1 : last, outer = p.column ? last : last - 1;
  for (int i = 0; i < p.nin; ++i) {
    p.step[i] = p.stride[i][inner] / p.itemSize[i];
    p.rowStep[i] = !p.column && p.R < 2 ? 0 : p.stride[i][outer] / p.itemSize[i];
  }
}

void inBytes(int64_t* stride, int n, int64_t itemSize) {
  for (int d = 0; d < n; ++d) stride[d] *= itemSize;
}

// False, with a status, where the command cannot be run.
bool readPlan(Context& ctx, Plan& p) {
  if (!decode(ctx, p)) return false;
  p.reduction = reductionFor(p.reducer, p.program->compute);
  if (!p.reduction) {
    setStatus(ctx, kBadDtype, p.program->compute);
    return false;
  }
  p.nin = p.program->nin;
  inBytes(p.outStride, p.K, kItemSize[int(p.program->outDtype[0])]);
  if (p.index) inBytes(p.indexStride, p.K, sizeof(int64_t));
  for (int i = 0; i < p.nin; ++i) {
    p.itemSize[i] = kItemSize[int(p.program->inDtype[i])];
    inBytes(p.stride[i], p.K + p.R, p.itemSize[i]);
  }
  p.kept = p.reduced = 1;
  for (int d = 0; d < p.K; ++d) p.kept *= p.size[d];
  for (int d = p.K; d < p.K + p.R; ++d) p.reduced *= p.size[d];
  chooseWalk(p, p.reducer >= kArgmax);
  divide(p);
  return true;
}

// Addresses of the inputs at one place of dims first..last, moved along by odometer.
struct Position {
  int64_t at[kMaxDims + 1];  // a reduced dim of size 1 may stand behind 64 kept ones
  const char* in[kMaxOperands];
};

void seek(const Plan& p, Position& s, const char* const* base, int first, int last, int64_t flat) {
  for (int i = 0; i < p.nin; ++i) s.in[i] = base[i];
  for (int d = last; d >= first; --d) {
    s.at[d] = flat ? flat % p.size[d] : 0;
    flat = flat ? flat / p.size[d] : 0;
    for (int i = 0; i < p.nin; ++i) s.in[i] += s.at[d] * p.stride[i][d];
  }
}

// Moves by `count` along dim d (to its end at most), carrying into the dims before it.
void advance(const Plan& p, Position& s, int first, int d, int64_t count) {
  for (; d >= first; --d) {
    s.at[d] += count;
    int64_t moved = count;
    const bool stays = s.at[d] < p.size[d];
    if (!stays) moved -= p.size[d], s.at[d] = 0;
    for (int i = 0; i < p.nin; ++i) s.in[i] += moved * p.stride[i][d];
    if (stays) return;
    count = 1;
  }
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
