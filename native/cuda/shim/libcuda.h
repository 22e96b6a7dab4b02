// Owns what libcuda's stand-in offers to that of cuBLAS: work put into a stream, run or captured.
#pragma once
#include <functional>

#include "../driver.h"

namespace shim {

// Runs the work with the arena open, or records it where the stream is being captured.
__attribute__((visibility("default"))) torchstone::cuda::CUresult submit(torchstone::cuda::CUstream stream, std::function<void()> work);

}  // namespace shim
