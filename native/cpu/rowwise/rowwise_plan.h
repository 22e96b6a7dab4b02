// Rowwise geometry: the walk, and how rows are grouped in units. Nothing here may depend on the number of threads, so that
// results do not.
#pragma once
#include "commands/rowwise.h"
#include "cpu/isa.h"
#include "cpu/reduce/reduction.h"
#include "cpu/pointwise/tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kRowTile = TileRunner::kTile;
constexpr int64_t kLaneBudget = 1 << 19;  // bytes of a unit's buffers that are hoped to stay in L2
constexpr int64_t kLeastLanes = 16;       // a cache line of float32
constexpr int64_t kMostLanes = 256;
constexpr int64_t kSingleRow = 32;        // from here on a row alone, which reads its scalars as such, beats a tile of several
constexpr int64_t kShortRow = 24;         // a row this short is walked as a column: its reduction would not fill a vector

// How a stage reduces.
struct StageKernel {
  const Reduction* reduction;
  bool sums, tops;  // the reducer is a sum, a maximum of floats
};

// A unit is up to `width` neighbouring rows along kept dim `lane`; a tile is a part of them. In the column walk the rows
// of a unit lie side by side in a tile, in the row walk one after the other.
struct RowPlan : RowwiseCommand {
  StageKernel kernel[kMaxStages];
  int64_t weight;        // of one element, all programs
  bool column;
  int lane;
  int64_t width, blocks, units, run;  // run: elements of a row in a tile
};

int64_t distance(int64_t x) { return x < 0 ? -x : x; }

// False for a dtype without kernels.
bool chooseKernel(const RowStage& s, StageKernel& kernel) {
  const Dtype compute = s.prologue->compute;
  const bool real = compute == Dtype::Float32 || compute == Dtype::Float64;
  kernel.reduction = reductionFor(s.reducer, compute);
  kernel.sums = real && s.reducer == kSum;
  kernel.tops = real && s.reducer == kMax;
  return kernel.reduction != nullptr;
}

// The lane is the kept dim along which most operands are densest.
void chooseLane(RowPlan& p) {
  auto cost = [&p](int d) {
    double total = 0;
    auto one = [&](const RowOperand& o) {
      const int64_t bytes = distance(o.stride[d]) * o.itemSize();
      total += bytes < 64 ? double(bytes) / 64 : 1.0;
    };
    for (int i = 0; i < p.nin; ++i) one(p.in[i]);
    for (int i = 0; i < p.nout; ++i) one(p.out[i]);
    return total + 8.0 / double(p.size[d]);
  };
  p.lane = p.ndim - 1;
  for (int d = p.ndim - 2; d >= 0; --d)
    if (cost(d) < cost(p.lane)) p.lane = d;
}

// Walks down columns where more operands lie densely across the rows than along them, or where rows are short.
void chooseWalk(RowPlan& p) {
  int across = 0, along = 0;
  auto count = [&](const RowOperand& o) {
    if (o.along == 0 || distance(o.along) < distance(o.stride[p.lane])) ++along;
    else ++across;
  };
  for (int i = 0; i < p.nin; ++i) count(p.in[i]);
  for (int i = 0; i < p.nout; ++i) count(p.out[i]);
  p.column = p.size[p.lane] > 1 && (across > along || (p.length <= kShortRow && p.size[p.lane] > 2 * p.length));
}

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t padded(int64_t bytes) { return (bytes + 63) & ~int64_t(63); }  // to whole cache lines

// How many rows make a unit: what fits the budget, in whole cache lines, and few enough that there is work to share.
int64_t lanesFor(const RowPlan& p) {
  const int64_t lanes = p.size[p.lane];
  if (!p.column) return p.length >= kSingleRow ? 1 : smaller(lanes, kRowTile / p.length);
  int64_t bytes = 0, rows = 1;
  for (int i = 0; i < p.nin; ++i) bytes += p.in[i].along == 0 ? 0 : p.in[i].itemSize();
  for (int k = 0; k < p.stages; ++k) bytes += p.stage[k].kept ? kItemSize[int(p.compute)] : 0;
  for (int d = 0; d < p.ndim; ++d) rows *= p.size[d];
  int64_t width = kLaneBudget / ((bytes + 1) * p.length);
  width = smaller(smaller(width, kMostLanes), rows / 8) / kLeastLanes * kLeastLanes;
  return smaller(lanes, width < kLeastLanes ? kLeastLanes : width);
}

void groupRows(RowPlan& p) {
  chooseLane(p);
  chooseWalk(p);
  p.width = lanesFor(p);
  p.blocks = (p.size[p.lane] + p.width - 1) / p.width;
  p.units = p.blocks;
  for (int d = 0; d < p.ndim; ++d)
    if (d != p.lane) p.units *= p.size[d];
  p.run = smaller(p.length, kRowTile / p.width);
}

// False, with a status, where the command cannot be run.
bool readRows(Context& ctx, RowPlan& p) {
  if (!decode(ctx, p)) return false;
  p.weight = p.final ? p.final->weight : 0;
  for (int k = 0; k < p.stages; ++k) {
    p.weight += p.stage[k].prologue->weight + 1;
    if (chooseKernel(p.stage[k], p.kernel[k])) continue;
    setStatus(ctx, kBadDtype, p.compute);
    return false;
  }
  groupRows(p);
  return true;
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
