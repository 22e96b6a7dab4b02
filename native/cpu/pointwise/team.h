// What the pointwise families share: the threads that a command is worth, and the sizes of its operands.
#pragma once
#include "common/program.h"
#include "cpu/isa.h"
#include "cpu/parallel.h"

namespace torchstone::TORCHSTONE_ISA {

// Elements (of weight 1) worth a thread of their own. Measured on two quiet cores with OpenMP's teams, operands and result in cache:
// starting a team took 0.3 us, so 32,000 elements gain nothing (neg 1.66 and 1.69 us, add 2.03 and 2.13), 48,000 a
// little (add 2.93 and 2.33) and 100,000 more than twice (neg 5.00 and 2.45, add 9.17 and 3.62: each core has its own cache).
inline constexpr int64_t kGrain = 20000;

TS_INLINE int threadsFor(int64_t elements, int weight, int most) {
  const int64_t worth = elements * weight / kGrain;
  return worth <= 1 ? 1 : worth < most ? int(worth) : most;
}

TS_INLINE int itemSize(const Program& p, int32_t operand) {
  return kItemSize[int(operand < p.nout ? p.outDtype[operand] : p.inDtype[operand - p.nout])];
}

}  // namespace torchstone::TORCHSTONE_ISA
