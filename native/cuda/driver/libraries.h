// Finding CUDA's libraries at run time: where they are looked for, what was tried, and the functions found.
// One answer for the whole process. No device is used.
#pragma once
#include <string>
#include <vector>

#include "driver.h"

namespace torchstone::cuda {

struct Attempt {
  std::string library, path, result;
};

struct Libraries {
  Driver driver;
  Nvrtc nvrtc;
  void* cublas = nullptr;  // dlopen's handle
  bool hasDriver = false, hasNvrtc = false;
  int devices = 0;
  std::string reason;  // why no device can be used; empty where one can
  std::string driverVersion, nvrtcVersion, cublasVersion;
  std::vector<Attempt> looked;
};

// Looks, the first time; `folders` (Python environments' libraries) are tried after the usual places.
const Libraries& findLibraries(const std::vector<std::string>& folders);
// What was found. @throws Failure{None} where init has not been called or found nothing to work with.
const Libraries& libraries();
// For compiling without a device: NVRTC alone, from the first of these folders that has it.
const Libraries& findCompiler(const std::vector<std::string>& folders);

}  // namespace torchstone::cuda
