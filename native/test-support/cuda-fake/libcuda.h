// What the fake of libcuda offers to that of cuBLAS: work put into a stream, run or captured.
#pragma once
#include <functional>

#include "cuda/driver/driver.h"

namespace shim {

// Runs the work with the arena open, or records it where the stream is being captured. False ends the device: the work would
// have left its memory.
__attribute__((visibility("default"))) torchstone::cuda::CUresult submit(torchstone::cuda::CUstream stream, std::function<bool()> work);
// Whether these bytes lie in one block of the device's memory.
__attribute__((visibility("default"))) bool reaches(const void* from, size_t bytes);

}  // namespace shim
