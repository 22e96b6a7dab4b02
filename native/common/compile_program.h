// The decoding of a pointwise program; its code is described in program.h.
#pragma once
#include <memory>
#include <string>

#include "program.h"

namespace torchstone {

// Decodes and plans; on malformed code returns null and says why.
std::unique_ptr<Program> compileProgram(const int32_t* code, int64_t length, const double* constants,
                                        int64_t nconst, std::string& error);

}  // namespace torchstone
