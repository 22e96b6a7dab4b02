// The fake of device memory: one range that the host cannot touch, but where it is opened for copies and kernels.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace shim {

// 0 when the limit (TORCHSTONE_SHIM_MEMORY bytes, 2 GiB without) would be passed.
uint64_t take(size_t bytes);
bool give(uint64_t address);
// Whether all of it lies in one live block.
bool holds(uint64_t address, size_t bytes);
size_t freeBytes();
size_t totalBytes();
// Empty, or which block's end was written past, of those that a launch's arguments point into; now and then, of all.
std::string overrun(const void* args, size_t bytes);

// Open while one lives; they nest.
class Opened {
 public:
  Opened();
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
};

}  // namespace shim
