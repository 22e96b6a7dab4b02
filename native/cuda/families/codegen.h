// Kernel source: a pointwise program as C++ text, and what sources are made of (names of types, literals, headers, keys).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "common/program.h"
#include "cuda/runtime/device.h"

namespace torchstone::cuda {

// What holds an element of this dtype in a kernel's memory: Bool, uint8_t, …, Half, Brain, float, double (kernels/program.cuh).
const char* storageName(Dtype dtype);

// The program as `struct NAME` with the types C (computed in), V (of a value) and O (the first output's), kIn, kOut, kParams (each at least 1), bytes (of an input's element), load,
// loadRuns, eval, store and storeRuns. `moves`: a copy within one dtype is one of bytes, a NaN's payload included.
std::string programText(const char* name, const Program& program, bool moves = false);

// load and loadRuns alone, for the first `count` inputs, where several programs read the same ones.
std::string loadText(const Program& program, int count, const std::function<bool(int32_t input)>& reads);

// The headers that the programs' text needs, then those of the family.
std::vector<std::string> programHeaders(const std::vector<const Program*>& programs, const std::vector<std::string>& family);

// A short key for Device::kernel: a letter and numbers, without formatting. Programs go by their serial.
class Key {
 public:
  explicit Key(char family) { text_.reserve(64); text_.push_back(family); }
  Key& add(int64_t v) {
    text_.append(reinterpret_cast<const char*>(&v), sizeof v);
    return *this;
  }
  Key& add(const Program& p) { return add(p.serial); }
  const std::string& text() const { return text_; }
 private:
  std::string text_;
};

// "name<a, b, c>": a template's arguments from numbers and names.
template <class... Part> std::string instance(const char* name, const Part&... parts) {
  std::string text = std::string(name) + "<";
  bool first = true;
  auto one = [&](const auto& part) {
    if (!first) text += ", ";
    first = false;
    if constexpr (std::is_same_v<std::decay_t<decltype(part)>, bool>) text += part ? "true" : "false";
    else if constexpr (std::is_same_v<std::decay_t<decltype(part)>, uint64_t>) text += std::to_string(part) + "ull";
    else if constexpr (std::is_arithmetic_v<std::decay_t<decltype(part)>>) text += std::to_string(part);
    else text += part;
  };
  (one(parts), ...);
  return text + ">";
}

// Kernels count in 32 bits where every position and every number of elements is below 2^31.
inline constexpr int64_t kNarrow = int64_t(1) << 31;
inline const char* indexName(bool wide) { return wide ? "int64_t" : "int32_t"; }

// Division of numbers below 2^31 by `size`, as kernels/program.cuh does it: multiplier and shift (Granlund and Montgomery).
inline int64_t magicOf(int64_t size) {
  if (size >= kNarrow) return 0;
  int shift = 0;
  while ((int64_t(1) << shift) < size) ++shift;
  const uint64_t multiplier = ((uint64_t(1) << 32) * ((uint64_t(1) << shift) - uint64_t(size))) / uint64_t(size) + 1;
  return int64_t(uint64_t(shift) << 32 | uint32_t(multiplier));
}

// Dims and strides (in elements) of several operands, as Space of kernels/program.cuh has them. The numbers are a decoded
// command's, and may be changed in place.
struct Dims {
  static constexpr int kMost = kMaxOperands + 10;  // those of a rowwise command with its stages' results
  int ndim = 0, count = 0;
  int64_t* size = nullptr;
  int64_t* stride[kMost];  // null: 0 along every dim
  // Whether some position, or the number of elements, needs 64 bits; with one more dim inside of `length`, where that is given.
  bool wide(int64_t length = 1, const int64_t* along = nullptr) const;
  int64_t elements() const;
  void moveToLast(int d);
  void put(Words& args) const;
};

// The params, and the zeros that stand where a kernel's array would otherwise have no element.
void putParams(Words& args, const Program& program, const double* params);
void putZeros(Words& args, int n);

// Arguments above what a kernel's parameter may be go through memory. Callers pass std::ref of a lambda, which std::function holds
// without memory of its own.
inline constexpr int64_t kMostArguments = 4000;
void launch(Device& device, const Key& key, const std::function<KernelText(bool indirect)>& text, Grid grid, int threads, const Words& args);
// The kernel's declaration and a call of `body` with its arguments.
std::string kernelBody(const std::string& argsType, int threads, const std::string& body, bool indirect);

}  // namespace torchstone::cuda
