// A linalg command with its threads, and what runs it; free of Eigen, which takes long to compile.
#pragma once
#include "commands/linalg.h"

namespace torchstone::linalg_ {

struct Command : LinalgCommand {
  int threads;
  int64_t offset(const MatrixBatch& x, int64_t at) const {
    int64_t offset = 0;
    for (int d = ndim - 1; d >= 0; --d) {
      offset += at % size[d] * x.batch[d];
      at /= size[d];
    }
    return offset;
  }
};

// All matrices of a command, of a float or a complex dtype. False: out of memory.
bool runMatrices(const Command& c);

}  // namespace torchstone::linalg_
