// Cursor: reads a command block from left to right and checks what it reads. Used by the decoders in this folder only:
//   Cursor in(context);  c.ndim = in.count(kMaxDims);  c.size = in.sizes(c.ndim);  return in.finish();
// A number out of its range marks the command as malformed and is replaced by one that is safe to go on with. Lists of
// integers are converted once, into memory of the context, which lasts until the next command.
#pragma once
#include "block.h"
#include "common/program.h"

namespace torchstone {

#define TS_READ [[gnu::always_inline]] inline

class Cursor {
 public:
  TS_READ explicit Cursor(Context& context) : context_(context), next_(context.block), free_(context.numbers) {}

  TS_READ double number() { return *next_++; }
  TS_READ int64_t integer() { return int64_t(*next_++); }
  TS_READ bool flag() { return *next_++ != 0; }
  TS_READ char* address() { return reinterpret_cast<char*>(uintptr_t(*next_++)); }

  // NaN is not between any two numbers.
  TS_READ int64_t between(int64_t low, int64_t high) {
    const double v = number();
    if (v >= double(low) && v <= double(high)) return int64_t(v);
    malformed_ = true;
    return low;
  }
  TS_READ int count(int most) { return int(between(0, most)); }
  TS_READ int64_t positive() { return between(1, kMost); }
  TS_READ int64_t atLeast0() { return between(0, kMost); }
  TS_READ Dtype dtype() { return Dtype(between(0, int(Dtype::Complex128))); }

  // Null where the number is no program's: the decoder must stop and return finish(). `optional`: null for -1 too.
  TS_READ const Program* program(bool optional = false) {
    const int64_t id = between(-1, INT32_MAX);
    const Program* p = programAt(context_, id);
    malformed_ |= p == nullptr && !(optional && id == -1);
    return p;
  }

  // Numbers that stay where they are.
  TS_READ const double* numbers(int n) {
    const double* first = next_;
    next_ += n;
    return first;
  }
  // n integers, with room for `spare` more behind them.
  TS_READ int64_t* integers(int n, int spare = 0) {
    int64_t* first = free_;
    for (int i = 0; i < n; ++i) first[i] = integer();
    free_ += n + spare;
    return first;
  }
  // The same of sizes, at least 1 each.
  TS_READ int64_t* sizes(int n, int spare = 0) {
    int64_t* first = free_;
    for (int i = 0; i < n; ++i) first[i] = positive();
    free_ += n + spare;
    return first;
  }
  // Sizes or strides of `n` dims; of no dims those of one dim.
  TS_READ int64_t* sizesOfSome(int n) { return n > 0 ? sizes(n) : one(1); }
  TS_READ int64_t* stridesOfSome(int n, int64_t single = 0) { return n > 0 ? integers(n) : one(single); }

  TS_READ void require(bool holds) { malformed_ |= !holds; }
  TS_READ bool malformed() const { return malformed_; }
  // The end of a decoder: false, with a status, for a malformed command.
  TS_READ bool finish() {
    if (!malformed_) return true;
    setStatus(context_, kMalformed);
    return false;
  }

 private:
  static constexpr int64_t kMost = int64_t(1) << 53;  // up to there a double is exact
  TS_READ int64_t* one(int64_t value) {
    *free_ = value;
    return free_++;
  }
  Context& context_;
  const double* next_;
  int64_t* free_;
  bool malformed_ = false;
};

// An operand of `n` dims: address, then one stride (in elements) a dim.
constexpr int operandLength(int n) { return 1 + n; }

// False, with a status, for a program that needs a dtype without kernels.
TS_READ bool isSupported(Context& context, const Program& program) {
  if (program.unsupported < 0) return true;
  setStatus(context, kBadDtype, program.unsupported);
  return false;
}

}  // namespace torchstone
