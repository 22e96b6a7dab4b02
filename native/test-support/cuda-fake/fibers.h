// The running of one block of a kernel on the host: its threads are fibers that change at barriers and shuffles.
#pragma once
#include <cstdint>
#include <string>

namespace shim {

// As prelude.cuh declares them for TS_SHIM.
struct Index { unsigned x, y, z; };
struct Host {
  const Index* thread;
  Index block, blockSize, grid;
  void (*barrier)();
  void (*exchange)(void* value, unsigned bytes, unsigned sourceLane);
};
struct Entry {
  void (*run)(const void* args);
  uint64_t bytes;
  int threads;
};

Host& host();
// Runs a whole grid. Empty, or what went wrong: a barrier not reached by all, or a fault of the machine.
std::string runGrid(const Entry& entry, const void* args, Index grid, unsigned threads);

}  // namespace shim
