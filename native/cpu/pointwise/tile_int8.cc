// The primitive kernels of one group of compute dtypes; the loops are in kernels.h.
#include "kernels.h"

namespace torchstone::TORCHSTONE_ISA {

TS_DEFINE_TABLE(kernelsUInt8, uint8_t)
TS_DEFINE_TABLE(kernelsInt8, int8_t)

static constexpr Kernel kBoolRows[] = {TORCHSTONE_PRIMITIVES(TS_BOOL_ENTRY)};
const Kernel* kernelsBool() { return kBoolRows; }

}  // namespace torchstone::TORCHSTONE_ISA
