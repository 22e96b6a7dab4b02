// What an environment owns beside its block. Apart from block.h, which every kernel file includes.
#pragma once
#include <memory>
#include <vector>

#include "program.h"

namespace torchstone {

struct Owned {
  std::vector<std::unique_ptr<Program>> programs;
  std::unique_ptr<int64_t[]> numbers;
  std::shared_ptr<void> cuda;  // cuda::Runtime, where CUDA is in use
};

}  // namespace torchstone
