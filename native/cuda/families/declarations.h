// This backend's kernel families: the same names as the CPU's (native/families.h).
#pragma once
#include "block.h"
#include "families.h"

namespace torchstone::cuda {
#define TS_DECLARE(name) void name(Context& context);
TORCHSTONE_FAMILIES(TS_DECLARE)
TORCHSTONE_SHARED_FAMILIES(TS_DECLARE)
#undef TS_DECLARE
}  // namespace torchstone::cuda
