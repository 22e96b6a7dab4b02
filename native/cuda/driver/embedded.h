// The list of files that kernels may include, as text; CMake writes it (embed.cmake).
#pragma once

namespace torchstone::cuda {

struct Embedded {
  const char* path;  // from native/
  const char* text;
};
extern const Embedded kEmbedded[];
extern const int kEmbeddedCount;

}  // namespace torchstone::cuda
