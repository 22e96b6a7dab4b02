// Owns the choice of an instruction set, made once when the addon loads, and the table of families that follows.
#pragma once
#include "block.h"
#include "families.h"

namespace torchstone {

struct FamilyTable {
  const char* isa;
#define TS_FIELD(name) Family name;
  TORCHSTONE_FAMILIES(TS_FIELD)
  TORCHSTONE_SHARED_FAMILIES(TS_FIELD)
#undef TS_FIELD
};

// The best set this machine has, or the one that TORCHSTONE_ISA names if the machine has it.
const FamilyTable& families();
bool hasSleef();
int hardwareThreads();

}  // namespace torchstone
