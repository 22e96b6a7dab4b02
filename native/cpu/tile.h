// Owns the tile machine: runs a pointwise program on at most kTile elements at a time, with loads that gather strides
// and convert dtypes. One object serves one thread during one call; it knows nothing of dimensions beyond two.
#pragma once
#include "isa.h"
#include "kernel_table.h"
#include "program.h"

namespace torchstone::TORCHSTONE_ISA {

class TileRunner {
 public:
  static constexpr int64_t kTile = 1024;
  static constexpr int32_t kMaxDirect = 16;  // with more outputs than this, all are stored from tiles

  // `params` are the program's parameters, in order, as doubles (read now, not kept).
  TileRunner(const Program& program, const double* params);
  ~TileRunner();
  TileRunner(const TileRunner&) = delete;
  TileRunner& operator=(const TileRunner&) = delete;

  // Evaluates n <= kTile consecutive elements along one inner dimension; strides in elements.
  void run(int64_t n, char* const* out, const int64_t* outStride, const char* const* in, const int64_t* inStride);

  // The same for a block of rows x n <= kTile elements, with a stride for rows and one within a row.
  void run2d(int64_t rows, int64_t n, char* const* out, const int64_t* outRowStride, const int64_t* outStride,
             const char* const* in, const int64_t* inRowStride, const int64_t* inStride);

  // The same for a one-output program, leaving the result contiguous in the compute dtype; returns its address, valid
  // until the next call. A bare load of a contiguous input of the compute dtype returns that input's own address.
  const void* eval(int64_t n, const char* const* in, const int64_t* inStride);
  const void* eval2d(int64_t rows, int64_t n, const char* const* in, const int64_t* inRowStride, const int64_t* inStride);

  // kOk, or kDivisionByZero once any element divided by integer zero.
  Status status() const { return status_; }

 private:
  // Where a register's value is now: an address, and whether it is one value for the whole tile.
  struct Value {
    const char* address;
    bool scalar;
  };
  void evaluate(int64_t rows, int64_t n, char* const* direct, const char* const* in, const int64_t* inRowStride,
                const int64_t* inStride);
  void load(int32_t input, int64_t rows, int64_t n, const char* from, int64_t rowStride, int64_t stride);
  static void loadBlock(Convert convert, int64_t fromBytes, int64_t toBytes, int64_t rows, int64_t n, char* to,
                        const char* from, int64_t rowStride, int64_t stride);
  void execute(const Instruction& instruction, int64_t count, char* const* direct);
  void store(int32_t output, int64_t rows, int64_t n, char* to, int64_t rowStride, int64_t stride);
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
