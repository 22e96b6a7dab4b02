// Owns the arange family: out[i] = start + i·step. Must round the product and the sum apart (no fused multiply-add), as
// NumPy does and so that every instruction set gives the same bits: hence the pragma before the headers.
#pragma GCC optimize("fp-contract=off")
#include <omp.h>

#include "block.h"
#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

inline constexpr int64_t kArangeGrain = 1 << 16;

template <class T, class Compute, bool Bool = false>
void arangeAs(char* address, int64_t n, Compute start, Compute step, int threads) {
  T* out = reinterpret_cast<T*>(address);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && n >= kArangeGrain)
  for (int64_t i = 0; i < n; ++i) {
    const Compute x = start + static_cast<Compute>(i) * step;
    out[i] = Bool ? static_cast<T>(x != 0) : static_cast<T>(x);
  }
}

}  // namespace

void arange(Context& ctx) {
  double* b = ctx.block;
  const Dtype dtype = static_cast<Dtype>(static_cast<int32_t>(b[0]));
  char* p = reinterpret_cast<char*>(static_cast<uintptr_t>(b[1]));
  const int64_t n = static_cast<int64_t>(b[2]);
  const double start = b[3], step = b[4];
  const int t = ctx.threads;
  // Unsigned: a sequence that runs past int64 wraps.
  const uint64_t from = static_cast<uint64_t>(static_cast<int64_t>(start));
  const uint64_t by = static_cast<uint64_t>(static_cast<int64_t>(step));
  b[0] = kOk;
  switch (dtype) {
    case Dtype::Bool: arangeAs<uint8_t, uint64_t, true>(p, n, from, by, t); break;
    case Dtype::UInt8: case Dtype::Int8: arangeAs<uint8_t, uint64_t>(p, n, from, by, t); break;
    case Dtype::Int16: arangeAs<uint16_t, uint64_t>(p, n, from, by, t); break;
    case Dtype::Int32: arangeAs<uint32_t, uint64_t>(p, n, from, by, t); break;
    case Dtype::Int64: arangeAs<uint64_t, uint64_t>(p, n, from, by, t); break;
    case Dtype::Float32: arangeAs<float, double>(p, n, start, step, t); break;
    case Dtype::Float64: arangeAs<double, double>(p, n, start, step, t); break;
    default: b[0] = kBadDtype; b[1] = static_cast<double>(dtype);
  }
}

}  // namespace torchstone::TORCHSTONE_ISA
