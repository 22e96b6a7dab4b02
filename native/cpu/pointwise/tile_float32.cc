// The primitive kernels of one group of compute dtypes; the loops are in kernels.h.
#include "kernels.h"

namespace torchstone::TORCHSTONE_ISA {
TS_DEFINE_TABLE(kernelsFloat32, float)
}  // namespace torchstone::TORCHSTONE_ISA
