// Owns how a rowwise command lies in memory: the decoded stages and operands, the walk, and how rows are grouped in units.
// Must not touch an element; nothing here may depend on the number of threads.
#pragma once
#include "block.h"
#include "cpu/isa.h"
#include "common/program.h"
#include "cpu/reduce/reduce_kernels.h"
#include "cpu/pointwise/tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int kMaxStages = 8;
constexpr int64_t kRowTile = TileRunner::kTile;
constexpr int64_t kLaneBudget = 1 << 19;  // bytes of a unit's buffers that are hoped to stay in L2
constexpr int64_t kLeastLanes = 16;       // a cache line of float32
constexpr int64_t kMostLanes = 256;
constexpr int64_t kSingleRow = 32;        // from here on a row alone, which reads its scalars as such, beats a tile of several
constexpr int64_t kShortRow = 24;         // a row this short is walked as a column: its reduction would not fill a vector

struct Stage {
  const Program* prologue;
  const Program* epilogue;  // null: the reduction itself
  const Reduction* reduction;
  bool sums, tops;          // the reducer is a sum, a maximum of floats
  bool kept;                // the prologue's values are wanted by later programs
  char* out;                // where the scalars go as well, or null
  int64_t stride[kMaxDims];
};

// An input or output: strides in elements over the kept dims, then along the row.
struct RowOperand {
  char* address;
  Dtype dtype;
  int64_t stride[kMaxDims], along;
  int64_t itemSize() const { return kItemSize[int(dtype)]; }
};

// A unit is up to `width` neighbouring rows along kept dim `lane`; a tile is a part of them. In the column walk the rows
// of a unit lie side by side in a tile, in the row walk one after the other.
struct RowPlan {
  int stages, nin, nout, ndim;
  Dtype compute;
  const double* params;
  const Program* final;  // null where there is no output
  int64_t size[kMaxDims], length;
  Stage stage[kMaxStages];
  RowOperand out[kMaxOperands], in[kMaxOperands];
  int64_t weight;        // of one element, all programs
  bool column;
  int lane;
  int64_t width, blocks, units, run;  // run: elements of a row in a tile
};

int64_t distance(int64_t x) { return x < 0 ? -x : x; }

void readRowOperand(const RowPlan& p, Cursor& c, RowOperand& o, Dtype dtype) {
  o.address = c.address();
  o.dtype = dtype;
  c.integers(o.stride, p.ndim);
  o.along = c.integer();
}

// An input's dtype stands in every program: the first that there is.
const Program& anyProgram(const RowPlan& p) { return p.stages > 0 ? *p.stage[0].prologue : *p.final; }

int readStage(Context& ctx, RowPlan& p, Cursor& c, Stage& s) {
  const int reducer = int(c.integer());
  s.prologue = &programAt(ctx, c.integer());
  const int64_t epilogue = c.integer();
  s.epilogue = epilogue < 0 ? nullptr : &programAt(ctx, epilogue);
  s.kept = c.integer() != 0;
  s.out = c.address();
  c.integers(s.stride, p.ndim);
  s.reduction = reductionFor(reducer, s.prologue->compute);
  const bool real = s.prologue->compute == Dtype::Float32 || s.prologue->compute == Dtype::Float64;
  s.sums = real && reducer == kSum;
  s.tops = real && reducer == kMax;
  p.weight += s.prologue->weight + 1;
  if (s.prologue->unsupported >= 0) return s.prologue->unsupported;
  return s.reduction ? -1 : int(s.prologue->compute);
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

// Decodes the command; returns the dtype that has no kernel, or -1.
int readRows(Context& ctx, RowPlan& p) {
  Cursor c(ctx.block);
  p.stages = int(c.integer()), p.nin = int(c.integer()), p.nout = int(c.integer()), p.ndim = int(c.integer());
  const int64_t nparams = c.integer();
  p.params = ctx.block + 5;
  for (int64_t i = 0; i < nparams; ++i) c.number();
  c.integers(p.size, p.ndim);
  p.length = c.integer();
  p.weight = 0;
  for (int k = 0; k < p.stages; ++k) {
    const int missing = readStage(ctx, p, c, p.stage[k]);
    if (missing >= 0) return missing;
  }
  const int64_t last = c.integer();
  p.final = last < 0 ? nullptr : &programAt(ctx, last);
  if (p.final && p.final->unsupported >= 0) return p.final->unsupported;
  p.weight += p.final ? p.final->weight : 0;
  p.compute = anyProgram(p).compute;
  for (int i = 0; i < p.nout; ++i) readRowOperand(p, c, p.out[i], p.final->outDtype[i]);
  for (int i = 0; i < p.nin; ++i) readRowOperand(p, c, p.in[i], anyProgram(p).inDtype[i]);
  if (p.ndim == 0) {  // a single row
    p.ndim = 1, p.size[0] = 1;
    for (int i = 0; i < p.nout; ++i) p.out[i].stride[0] = 0;
    for (int i = 0; i < p.nin; ++i) p.in[i].stride[0] = 0;
    for (int k = 0; k < p.stages; ++k) p.stage[k].stride[0] = 0;
  }
  groupRows(p);
  return -1;
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
