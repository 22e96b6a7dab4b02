// The interface of a CUDA device for kernel families: kernels from source, launches, scratch, copies, the error cell. The
// contract is written in ../README.md.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "block.h"

namespace torchstone::cuda {

enum class FailureKind { None, Memory, Compile, Launch, Lost, Library };

// A CUDA call that failed. Caught at the addon's entries: nothing else may catch it but to clean up.
struct Failure {
  FailureKind kind;
  std::string message;
};

// A kernel's text: the headers it includes by name, in order, and its body. The entry's name stands in the body once,
// as `@`: the compiler puts in the family's name and a hash of all of the text.
struct KernelText {
  std::string family;
  std::vector<std::string> headers;
  std::string body;
};

// The only parameter of a kernel, as 8-byte words.
class Words {
 public:
  Words() { words_.reserve(96); }  // enough for most kernels: one allocation a call
  void put(int64_t v) { words_.push_back(uint64_t(v)); }
  void put(int v) { put(int64_t(v)); }
  void put(double v) { words_.push_back(__builtin_bit_cast(uint64_t, v)); }
  void put(const void* p) { words_.push_back(reinterpret_cast<uintptr_t>(p)); }
  template <class T> void put(const T* p, int64_t n) { for (int64_t i = 0; i < n; ++i) put(p[i]); }
  const void* data() const { return words_.data(); }
  int64_t bytes() const { return int64_t(words_.size()) * 8; }
 private:
  std::vector<uint64_t> words_;
};

struct Grid {
  int64_t x = 1, y = 1, z = 1;  // at most 2^31 - 1, 65535, 65535
};

struct Properties {
  std::string name;
  int major = 0, minor = 0, multiprocessors = 0, warps = 0;  // warps: resident at most on one multiprocessor
  int64_t memory = 0, sharedPerBlock = 0;
};

struct Kernel;  // a loaded function

// Stream-ordered temporary memory; 256-byte aligned.
class Device;
class Scratch {
 public:
  Scratch(Device& device, int64_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  char* address() const { return address_; }
 private:
  Device& device_;
  char* address_;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const Properties& properties() const = 0;
  // The kernel known by this key; its text is asked for, and compiled, the first time.
  virtual Kernel& kernel(const std::string& key, const std::function<KernelText()>& text) = 0;
  // On the current stream. `threads` a block, as the text declares them.
  virtual void launch(Kernel& kernel, Grid grid, int threads, const Words& args) = 0;
  // The error cell's address as kernels see it: int64 × 4, [status, x, y, z].
  virtual void* errorCell() = 0;
  virtual void copyToHost(void* to, const void* from, int64_t bytes) = 0;     // waits for the stream
  virtual void copyFromHost(void* to, const void* from, int64_t bytes) = 0;   // staged: `from` may change at once
  virtual void copyWithin(void* to, const void* from, int64_t bytes) = 0;
  virtual void fill(void* to, int byte, int64_t bytes) = 0;
  virtual void synchronize() = 0;  // the current stream; throws what kernels failed with
  virtual char* acquire(int64_t bytes) = 0;   // for Scratch
  virtual void give(char* address) = 0;
};

// The device that this environment works on. @throws Failure{None} where there is none.
Device& current(Context& context);

// ceil(n / by), at least 1.
inline int64_t blocksFor(int64_t n, int64_t by) { return n <= by ? 1 : (n + by - 1) / by; }

}  // namespace torchstone::cuda
