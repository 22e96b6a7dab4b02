// Owns the families that run on the host for want of kernels: fft and linalg. Their operands' memory is copied to the host,
// the CPU's family runs on the copy, and what it wrote goes back. Stands until a measurement on a card asks for kernels.
#include <algorithm>

#include "cpu/dispatch.h"
#include "cuda/runtime/device.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

// Parts of device memory and their copies. Parts that touch share one copy, so that operands may overlap.
class Mirror {
 public:
  explicit Mirror(Device& device) : device_(device) {}

  // An operand of `item` bytes an element whose address stands at `at` in the block.
  struct Operand {
    double* at;
    int64_t item;
    bool written;
    int64_t low = 0, high = 0;  // elements from the address on: [low, high]
    void reach(int64_t size, int64_t stride) { (stride < 0 ? low : high) += (size - 1) * stride; }
  };
  void add(const Operand& o) {
    const auto address = uintptr_t(*o.at);
    if (address == 0) return;
    parts_.push_back({address + uintptr_t(o.low * o.item), address + uintptr_t((o.high + 1) * o.item), o.written});
    addresses_.push_back(o.at);
  }

  // Brings everything to the host and rewrites the block's addresses.
  void open() {
    std::sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) { return a.from < b.from; });
    std::vector<Part> merged;
    for (const Part& p : parts_) {
      if (merged.empty() || p.from >= merged.back().to) {
        merged.push_back(p);
        continue;
      }
      merged.back().to = std::max(merged.back().to, p.to);
      merged.back().written |= p.written;
    }
    parts_ = std::move(merged);
    for (Part& p : parts_) {
      p.copy.resize(size_t((p.to - p.from + 15) / 16));
      device_.copyToHost(p.copy.data(), reinterpret_cast<const void*>(p.from), int64_t(p.to - p.from));
    }
    for (double* at : addresses_) *at = double(hostOf(uintptr_t(*at)));
  }
  void writeBack() {
    for (Part& p : parts_)
      if (p.written) device_.copyFromHost(reinterpret_cast<void*>(p.from), p.copy.data(), int64_t(p.to - p.from));
  }

 private:
  struct alignas(16) Unit { char bytes[16]; };
  struct Part {
    uintptr_t from, to;
    bool written;
    std::vector<Unit> copy = {};
  };
  uintptr_t hostOf(uintptr_t address) const {
    for (const Part& p : parts_)
      if (address >= p.from && address < p.to) return reinterpret_cast<uintptr_t>(p.copy.data()) + (address - p.from);
    return 0;
  }
  Device& device_;
  std::vector<Part> parts_;
  std::vector<double*> addresses_;
};

void runOnHost(Context& context, Mirror& mirror, Family family) {
  mirror.open();
  family(context);
  mirror.writeBack();
}

}  // namespace

void fft(Context& context) {
  double* b = context.block;
  const int64_t part = b[0] == double(Dtype::Float32) ? 4 : 8;
  const int K = int(b[1]);
  const double* size = b + 2;
  const double* rest = size + K;  // n, inCount, outCount, inverse, inKind, outKind, scale
  Mirror mirror(current(context));
  double* at = b + 2 + K + 7;
  for (int which = 0; which < 2; ++which) {
    const bool real = rest[4 + which] == 1;
    Mirror::Operand o{at, real ? part : 2 * part, which == 1};
    for (int d = 0; d < K; ++d) o.reach(int64_t(size[d]), int64_t(at[1 + d]));
    o.reach(std::max<int64_t>(1, int64_t(rest[1 + which])), int64_t(at[1 + K]));
    mirror.add(o);
    at += 2 + K;
  }
  runOnHost(context, mirror, torchstone::families().fft);
}

namespace {

enum LinalgKind { kLu, kCholesky, kTriangular, kQr, kEigh, kEig, kSvd, kLdl, kLdlSolve };

// Elements and bytes an element of each result of one matrix, per the table of native/README.md.
struct Result { int64_t count, item; };
void resultsOf(LinalgKind kind, Dtype dtype, int64_t flags, int64_t M, int64_t N, int64_t K, Result (&r)[3]) {
  const int64_t item = kItemSize[int(dtype)], least = std::min(M, N);
  const bool complex = dtype >= Dtype::Complex64, full = (flags & 4) != 0;
  const int64_t real = complex ? item / 2 : item, pair = complex ? item : 2 * item;
  for (Result& one : r) one = {0, item};
  switch (kind) {
    case kLu: r[0] = {M * N, item}, r[1] = {least, 4}; break;
    case kCholesky: r[0] = {N * N, item}; break;
    case kTriangular: r[0] = {N * K, item}; break;
    case kQr: r[0] = {M * N, item}, r[1] = {least, item}; break;
    case kEigh: r[0] = {N, real}, r[1] = {N * N, item}; break;
    case kEig: r[0] = {N, pair}, r[1] = {N * N, pair}; break;
    case kSvd: r[0] = {least, real}, r[1] = {M * (full ? M : least), item}, r[2] = {N * (full ? N : least), item}; break;
    case kLdl: r[0] = {N * N, item}, r[1] = {N, 4}; break;
    case kLdlSolve: r[0] = {N * K, item}, r[1] = {N, 4}; break;
  }
}

}  // namespace

void linalg(Context& context) {
  double* b = context.block;
  const auto kind = LinalgKind(int(b[0]));
  const auto dtype = Dtype(int(b[1]));
  const int ndim = int(b[3]);
  const int64_t M = int64_t(b[4]), N = int64_t(b[5]), K = int64_t(b[6]), item = kItemSize[int(dtype)];
  const double* size = b + 8;
  int64_t count = 1;
  for (int d = 0; d < ndim; ++d) count *= int64_t(size[d]);
  Mirror mirror(current(context));
  const auto block = [&](double* at, int64_t elements, int64_t bytes, bool written) {
    Mirror::Operand o{at, bytes, written};
    if (elements > 0) o.reach(elements, 1), mirror.add(o);
  };
  block(b + 7, count, 4, true);
  double* at = b + 8 + ndim;
  const bool tall = kind == kLu || kind == kQr || kind == kSvd, solves = kind == kTriangular || kind == kLdlSolve;
  for (int which = 0; which < 2; ++which) {
    Mirror::Operand o{at, item, false};
    for (int d = 0; d < ndim; ++d) o.reach(int64_t(size[d]), int64_t(at[1 + d]));
    o.reach(which == 0 && tall ? M : N, int64_t(at[1 + ndim]));
    o.reach(which == 1 && solves ? K : N, int64_t(at[2 + ndim]));
    if (which == 0 || solves) mirror.add(o);
    at += 3 + ndim;
  }
  Result results[3];
  resultsOf(kind, dtype, int64_t(b[2]), M, N, K, results);
  for (int i = 0; i < 3; ++i) block(at + i, results[i].count * count, results[i].item, true);
  runOnHost(context, mirror, torchstone::families().linalg);
}

}  // namespace torchstone::cuda
