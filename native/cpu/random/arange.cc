// The arange kernel family: out[i] = start + i·step. The product and the sum are rounded apart (no fused multiply-add), as
// NumPy does it and so that every instruction set gives the same bits: hence the pragma before the headers.
#pragma GCC optimize("fp-contract=off")
#include "commands/arange.h"
#include "cpu/isa.h"
#include "cpu/parallel.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

inline constexpr int64_t kArangeGrain = 1 << 16;

template <class T, class Compute, bool Bool = false>
void arangeAs(char* address, int64_t n, Compute start, Compute step, int threads) {
  T* out = reinterpret_cast<T*>(address);
  forEachStretch(n, chunkLength(n, double(n)), n >= kArangeGrain ? threads : 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Compute x = start + static_cast<Compute>(i) * step;
      out[i] = Bool ? static_cast<T>(x != 0) : static_cast<T>(x);
    }
  });
}

}  // namespace

void arange(Context& ctx) {
  ArangeCommand c;
  if (!decode(ctx, c)) return;
  char* p = c.out;
  const int64_t n = c.n;
  const double start = c.start, step = c.step;
  const int t = ctx.threads;
  // Unsigned: a sequence that runs past int64 wraps.
  const uint64_t from = static_cast<uint64_t>(static_cast<int64_t>(start));
  const uint64_t by = static_cast<uint64_t>(static_cast<int64_t>(step));
  setStatus(ctx, kOk);
  switch (c.dtype) {
    case Dtype::Bool: arangeAs<uint8_t, uint64_t, true>(p, n, from, by, t); break;
    case Dtype::UInt8: case Dtype::Int8: arangeAs<uint8_t, uint64_t>(p, n, from, by, t); break;
    case Dtype::Int16: arangeAs<uint16_t, uint64_t>(p, n, from, by, t); break;
    case Dtype::Int32: arangeAs<uint32_t, uint64_t>(p, n, from, by, t); break;
    case Dtype::Int64: arangeAs<uint64_t, uint64_t>(p, n, from, by, t); break;
    case Dtype::Float32: arangeAs<float, double>(p, n, start, step, t); break;
    case Dtype::Float64: arangeAs<double, double>(p, n, start, step, t); break;
    default: setStatus(ctx, kBadDtype, c.dtype);
  }
}

}  // namespace torchstone::TORCHSTONE_ISA
