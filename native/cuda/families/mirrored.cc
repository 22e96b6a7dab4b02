// fft and linalg, which have no CUDA kernels: their operands' memory is copied to the host, the CPU's kernel family runs on the
// copy, and what it wrote goes back. Stands until a measurement on a GPU asks for kernels.
#include <algorithm>

#include "commands/fft.h"
#include "commands/linalg.h"
#include "cpu/dispatch.h"
#include "cuda/runtime/device.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

// Parts of device memory and their copies. Parts that touch share one copy, so that operands may overlap.
class Mirror {
 public:
  explicit Mirror(Device& device) : device_(device) {}

  // An operand of `item` bytes an element whose address is `*at`.
  struct Operand {
    char** at;
    int64_t item;
    bool written;
    int64_t low = 0, high = 0;  // elements from the address on: [low, high]
    void reach(int64_t size, int64_t stride) { (stride < 0 ? low : high) += (size - 1) * stride; }
  };
  void add(const Operand& o) {
    const auto address = reinterpret_cast<uintptr_t>(*o.at);
    if (address == 0) return;
    parts_.push_back({address + uintptr_t(o.low * o.item), address + uintptr_t((o.high + 1) * o.item), o.written});
    addresses_.push_back(o.at);
  }

  // Brings everything to the host and rewrites the operands' addresses.
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
    for (char** at : addresses_) *at = hostOf(reinterpret_cast<uintptr_t>(*at));
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
  char* hostOf(uintptr_t address) {
    for (Part& p : parts_)
      if (address >= p.from && address < p.to) return p.copy.data()->bytes + (address - p.from);
    return nullptr;
  }
  Device& device_;
  std::vector<Part> parts_;
  std::vector<char**> addresses_;
};

}  // namespace

void fft(Context& context) {
  FftCommand c;
  if (!decode(context, c)) return;
  const int64_t part = c.dtype == Dtype::Float32 ? 4 : 8;
  Mirror mirror(current(context));
  const auto add = [&](FftOperand& x, FftKind kind, int64_t count, bool written) {
    Mirror::Operand o{&x.address, kind == kReal ? part : 2 * part, written};
    for (int d = 0; d < c.K; ++d) o.reach(c.size[d], x.stride[d]);
    o.reach(std::max<int64_t>(1, count), x.along);
    mirror.add(o);
  };
  add(c.in, c.inKind, c.inCount, false);
  add(c.out, c.outKind, c.outCount, true);
  mirror.open();
  torchstone::families().decodedFft(context, c);
  mirror.writeBack();
}

namespace {

// Elements and bytes an element of each result of one matrix, per the table of commands/linalg.h.
struct Result { int64_t count, item; };
void resultsOf(const LinalgCommand& c, Result (&r)[3]) {
  const int64_t M = c.m, N = c.n, item = kItemSize[int(c.dtype)], least = std::min(M, N);
  const bool complex = c.dtype >= Dtype::Complex64, full = (c.flags & kFull) != 0;
  const int64_t real = complex ? item / 2 : item, pair = complex ? item : 2 * item;
  for (Result& one : r) one = {0, item};
  switch (c.kind) {
    case LinalgKind::lu: r[0] = {M * N, item}, r[1] = {least, 4}; break;
    case LinalgKind::cholesky: r[0] = {N * N, item}; break;
    case LinalgKind::triangular: r[0] = {N * c.k, item}; break;
    case LinalgKind::qr: r[0] = {M * N, item}, r[1] = {least, item}; break;
    case LinalgKind::eigh: r[0] = {N, real}, r[1] = {N * N, item}; break;
    case LinalgKind::eig: r[0] = {N, pair}, r[1] = {N * N, pair}; break;
    case LinalgKind::svd: r[0] = {least, real}, r[1] = {M * (full ? M : least), item}, r[2] = {N * (full ? N : least), item}; break;
    case LinalgKind::ldl: r[0] = {N * N, item}, r[1] = {N, 4}; break;
    case LinalgKind::ldlSolve: r[0] = {N * c.k, item}, r[1] = {N, 4}; break;
  }
}

}  // namespace

void linalg(Context& context) {
  LinalgCommand c;
  if (!decode(context, c)) return;
  Mirror mirror(current(context));
  const auto contiguous = [&](char*& address, int64_t elements, int64_t bytes) {
    Mirror::Operand o{&address, bytes, true};
    if (elements > 0) o.reach(elements, 1), mirror.add(o);
  };
  const auto matrices = [&](MatrixBatch& x, int64_t rows, int64_t columns) {
    Mirror::Operand o{&x.address, kItemSize[int(c.dtype)], false};
    for (int d = 0; d < c.ndim; ++d) o.reach(c.size[d], x.batch[d]);
    o.reach(rows, x.row);
    o.reach(columns, x.column);
    mirror.add(o);
  };
  const bool tall = c.kind == LinalgKind::lu || c.kind == LinalgKind::qr || c.kind == LinalgKind::svd;
  const bool solves = c.kind == LinalgKind::triangular || c.kind == LinalgKind::ldlSolve;
  contiguous(c.info, c.count, 4);
  matrices(c.a, tall ? c.m : c.n, c.n);
  if (solves) matrices(c.b, c.n, c.k);
  Result results[3];
  resultsOf(c, results);
  for (int i = 0; i < 3; ++i) contiguous(c.out[i], results[i].count * c.count, results[i].item);
  mirror.open();
  torchstone::linalg(context, c);
  mirror.writeBack();
}

}  // namespace torchstone::cuda
