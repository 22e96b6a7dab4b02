// The tile machine: runs a pointwise program on at most kTile elements at a time, with loads that gather strides
// and convert dtypes. One object serves one thread during one call; a block has three dimensions.
#pragma once
#include "cpu/isa.h"
#include "kernel_table.h"
#include "common/program.h"

namespace torchstone::TORCHSTONE_ISA {

// Strides of one operand within a block, outermost first, in elements.
struct BlockStep {
  int64_t at[3];
};

class TileRunner {
 public:
  static constexpr int64_t kTile = 1024;

  // `params` are the program's parameters, in order, as doubles (read now, not kept).
  TileRunner(const Program& program, const double* params);
  ~TileRunner();
  TileRunner(const TileRunner&) = delete;
  TileRunner& operator=(const TileRunner&) = delete;

  // Evaluates n <= kTile consecutive elements along one inner dimension; strides in elements.
  void run(int64_t n, char* const* out, const int64_t* outStride, const char* const* in, const int64_t* inStride);

  // The same for a block of size[0] x size[1] x size[2] <= kTile elements, with three strides an operand.
  void runBlock(const int64_t* size, char* const* out, const BlockStep* outStep, const char* const* in,
                const BlockStep* inStep);

  // The same for a one-output program, leaving the result contiguous in the compute dtype; returns its address, valid
  // until the next call. A bare load of a contiguous input of the compute dtype returns that input's own address.
  const void* eval(int64_t n, const char* const* in, const int64_t* inStride);
  // rows x n elements; a row's stride and the stride within a row for each input.
  const void* eval2d(int64_t rows, int64_t n, const char* const* in, const int64_t* inRowStride,
                     const int64_t* inStride);

  // kOk, or kDivisionByZero once any element divided by integer zero.
  Status status() const { return status_; }

 private:
  // Where a register's value is now: an address, and whether it is one value for the whole tile.
  struct Value {
    const char* address;
    bool scalar;
  };
  void evaluate(const int64_t* size, char* const* direct, const char* const* in, const BlockStep* inStep);
  void load(int32_t input, const int64_t* size, const char* from, const BlockStep& step);
  void execute(const Instruction& instruction, int64_t count, char* const* direct);
  void store(int32_t output, const int64_t* size, char* to, const BlockStep& step);
  const void* result(int64_t count);
  char* scalarCell(int32_t reg) { return cells_ + reg * 8; }

  const Program& program_;
  Value* value_;   // by register
  char* cells_;    // by register: 8 bytes for a value that is the same in the whole tile
  char* slots_;
  char* scratch_;
  int64_t slotBytes_;
  Status status_ = kOk;
};

}  // namespace torchstone::TORCHSTONE_ISA
