// Kernel compilation: from source to what a device loads, by the embedded headers, NVRTC and the cache on disk. No device is
// used.
#pragma once
#include <string>
#include <vector>

#include "cuda/runtime/device.h"
#include "driver.h"

namespace torchstone::cuda {

struct KernelSource {
  std::string entry;  // the kernel's name
  std::string text;   // all of it
};

// Puts headers in place and gives the entry its name.
KernelSource sourceOf(const KernelText& kernel);
// Several kernels as one unit.
std::string unitOf(const std::vector<std::string>& headers, const std::string& body);

// What the driver loads, for a card of this kind (10 · major + minor): from the cache, or compiled.
// @throws Failure{Compile} with NVRTC's log.
std::string imageOf(const Nvrtc& nvrtc, const KernelText& kernel, const KernelSource& source, int architecture);
std::string compile(const Nvrtc& nvrtc, const std::string& name, const std::string& text, int architecture);

}  // namespace torchstone::cuda
