// The choice of an instruction set, made once when the addon loads, and its table of kernel families.
#pragma once
#include "block.h"
#include "families.h"

namespace torchstone {

struct FftCommand;
struct LinalgCommand;

struct FamilyTable {
  const char* isa;
#define TS_FIELD(name) Family name;
  TORCHSTONE_FAMILIES(TS_FIELD)
  TORCHSTONE_SHARED_FAMILIES(TS_FIELD)
#undef TS_FIELD
  void (*decodedFft)(Context&, const FftCommand&);  // for backends that have no kernels of their own
};

// The best set this machine has, or the one that TORCHSTONE_ISA names if the machine has it.
const FamilyTable& families();
void linalg(Context& context, const LinalgCommand& command);  // the same
bool hasSleef();

}  // namespace torchstone
