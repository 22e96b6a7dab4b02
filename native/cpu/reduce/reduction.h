// What the reduction of one tile is made of, by dtype and reducer: `reductionFor(kSum, Dtype::Float32)->row(...)`. The kernels
// themselves are compiled in reduction.cc alone.
#pragma once
#include "block.h"
#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {

// The largest accumulator: a float64 and its compensation, or an int64 and its index.
inline constexpr int64_t kMaxAccumulatorBytes = 16;

// The functions of one (dtype, reducer); `flat` is the index of the tile's first row within the reduced dims.
struct Reduction {
  int64_t bytes;  // of one accumulator
  void (*init)(char* acc, int64_t width);
  void (*row)(char* acc, const void* x, int64_t n, int64_t flat);  // n elements into the one accumulator
  // Rows of `width` elements, one every `stride` elements, row by row into the accumulators.
  void (*column)(char* acc, const void* tile, int64_t stride, int64_t rows, int64_t width, int64_t flat);
  void (*merge)(char* acc, const char* later, int64_t width);
  // Whole rows of n elements of the dtype, each to one of the same dtype; null for arg reductions.
  void (*rows)(const char* in, int64_t inStride, int64_t n, char* out, int64_t outStride, int64_t count);
  void (*store)(const char* acc, int64_t width, Dtype dtype, char* out, int64_t outStep, char* index, int64_t indexStep);
};

// Rows of float32 columns that are summed in float32 before float64 takes them.
inline constexpr int64_t kColumnRows = 16;

// Null for a dtype without kernels.
const Reduction* reductionFor(int reducer, Dtype compute);

}  // namespace torchstone::TORCHSTONE_ISA
