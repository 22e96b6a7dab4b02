// Owns the gemm family: reads the command, folds and walks the batch, and picks the kernel for the shape and dtype.
// Must not split K between threads: the result's bits must not depend on their number.
#include "block.h"
#include "gemm_integer.h"
#include "gemm_vector.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Measured: multiply-adds below which a second thread does not pay for waking it.
constexpr double kGemmGrain = 80.0 * 80.0 * 80.0;

struct Operand {
  char* p;
  int64_t batch[kMaxDims], rs, cs;
};
struct Command {
  int32_t dtype;
  int batches;
  int64_t size[kMaxDims], M, N, K, total;
  bool add;
  Operand a, b, c;
};

void readOperand(const double*& in, int batches, Operand& o) {
  o.p = reinterpret_cast<char*>(static_cast<uintptr_t>(*in++));
  for (int i = 0; i < batches; ++i) o.batch[i] = static_cast<int64_t>(*in++);
  o.rs = static_cast<int64_t>(*in++);
  o.cs = static_cast<int64_t>(*in++);
}

void readCommand(const double* in, Command& g) {
  g.dtype = static_cast<int32_t>(*in++);
  g.batches = static_cast<int>(*in++);
  for (int i = 0; i < g.batches; ++i) g.size[i] = static_cast<int64_t>(*in++);
  g.M = static_cast<int64_t>(*in++);
  g.N = static_cast<int64_t>(*in++);
  g.K = static_cast<int64_t>(*in++);
  g.add = *in++ != 0;
  readOperand(in, g.batches, g.a);
  readOperand(in, g.batches, g.b);
  readOperand(in, g.batches, g.c);
}

// The innermost batch dim joins M where B does not move along it and the rows of A and C go on evenly, or joins N likewise.
void foldBatch(Command& g) {
  g.total = 1;
  for (; g.batches > 0; --g.batches) {
    const int d = g.batches - 1;
    const int64_t n = g.size[d];
    if (n == 1) continue;
    const bool rows = g.b.batch[d] == 0 && (g.M == 1 || (g.a.batch[d] == g.M * g.a.rs && g.c.batch[d] == g.M * g.c.rs));
    const bool cols = g.a.batch[d] == 0 && (g.N == 1 || (g.b.batch[d] == g.N * g.b.cs && g.c.batch[d] == g.N * g.c.cs));
    if (rows) {
      if (g.M == 1) g.a.rs = g.a.batch[d], g.c.rs = g.c.batch[d];
      g.M *= n;
    } else if (cols) {
      if (g.N == 1) g.b.cs = g.b.batch[d], g.c.cs = g.c.batch[d];
      g.N *= n;
    } else {
      break;
    }
  }
  for (int i = 0; i < g.batches; ++i) g.total *= g.size[i];
}

template <class T> T* batchItem(const Command& g, const Operand& o, int64_t index) {
  int64_t offset = 0;
  for (int d = g.batches - 1; d >= 0; --d) {
    offset += index % g.size[d] * o.batch[d];
    index /= g.size[d];
  }
  return reinterpret_cast<T*>(o.p) + offset;
}

template <class T> bool floatItem(const Command& g, int64_t index, int threads) {
  const View<const T> a{batchItem<T>(g, g.a, index), g.a.rs, g.a.cs}, b{batchItem<T>(g, g.b, index), g.b.rs, g.b.cs};
  const Product<T> p{g.M, g.N, g.K, a, b, {batchItem<T>(g, g.c, index), g.c.rs, g.c.cs}, g.add};
  if (g.M == 1 || g.N == 1) {
    const Done done = matrixVector<T>(g.N == 1 ? p : p.transposed(), threads);
    if (done != Done::NotMine) return done == Done::Yes;
  }
  const double work = static_cast<double>(g.M) * static_cast<double>(g.N) * static_cast<double>(g.K);
  return blockedProduct<T>(p, work < kGemmGrain ? 1 : threads);
}

// Threads share the batch when it is long or its products are small, else each product.
template <class T> bool floatBatch(const Command& g, int threads) {
  const double work = static_cast<double>(g.M) * static_cast<double>(g.N) * static_cast<double>(g.K);
  const bool across = threads > 1 && g.total > 1 && work * static_cast<double>(g.total) >= kGemmGrain / 4 &&
                      (g.total >= 4 * threads || work < 8 * kGemmGrain);
  bool ok = true;
  if (!across) {
    for (int64_t i = 0; ok && i < g.total; ++i) ok = floatItem<T>(g, i, threads);
    return ok;
  }
  const int64_t share = ceilDiv(g.total, 4 * threads);
  const int64_t grain = work * static_cast<double>(share) > kGemmGrain ? static_cast<int64_t>(kGemmGrain / work) + 1 : share;
#pragma omp parallel for num_threads(threads) schedule(dynamic, grain) reduction(&& : ok)
  for (int64_t i = 0; i < g.total; ++i) ok = floatItem<T>(g, i, 1) && ok;
  return ok;
}

template <class U> void integerBatch(const Command& g, int threads) {
  for (int64_t i = 0; i < g.total; ++i)
    IntegerProduct<U>{g.M, g.N, g.K, batchItem<U>(g, g.a, i), batchItem<U>(g, g.b, i), batchItem<U>(g, g.c, i),
                      {g.a.rs, g.a.cs}, {g.b.rs, g.b.cs}, {g.c.rs, g.c.cs}, g.add}.run(threads);
}

// K = 0: nothing is added.
template <class U> void clearBatch(const Command& g) {
  for (int64_t n = 0; n < g.total; ++n) {
    U* c = batchItem<U>(g, g.c, n);
    for (int64_t i = 0; i < g.M; ++i)
      for (int64_t j = 0; j < g.N; ++j) c[i * g.c.rs + j * g.c.cs] = 0;
  }
}

void clear(const Command& g, int itemSize) {
  if (itemSize == 1) clearBatch<uint8_t>(g);
  else if (itemSize == 2) clearBatch<uint16_t>(g);
  else if (itemSize == 4) clearBatch<uint32_t>(g);
  else clearBatch<uint64_t>(g);
}

bool supported(int32_t dtype) {
  const Dtype t = static_cast<Dtype>(dtype);
  return (t >= Dtype::UInt8 && t <= Dtype::Int64) || t == Dtype::Float32 || t == Dtype::Float64;
}

}  // namespace

void gemm(Context& ctx) {
  Command g;
  readCommand(ctx.block, g);
  double* block = ctx.block;
  if (!supported(g.dtype)) {
    block[0] = kBadDtype;
    block[1] = g.dtype;
    return;
  }
  foldBatch(g);
  block[0] = kOk;
  if (g.K == 0) {
    if (!g.add) clear(g, kItemSize[g.dtype]);
    return;
  }
  bool ok = true;
  switch (static_cast<Dtype>(g.dtype)) {
    case Dtype::Float32: ok = floatBatch<float>(g, ctx.threads); break;
    case Dtype::Float64: ok = floatBatch<double>(g, ctx.threads); break;
    case Dtype::UInt8: case Dtype::Int8: integerBatch<uint8_t>(g, ctx.threads); break;
    case Dtype::Int16: integerBatch<uint16_t>(g, ctx.threads); break;
    case Dtype::Int32: integerBatch<uint32_t>(g, ctx.threads); break;
    default: integerBatch<uint64_t>(g, ctx.threads); break;
  }
  if (!ok) {
    block[0] = kOutOfMemory;
    block[1] = static_cast<double>(g.M) * static_cast<double>(g.N) * kItemSize[g.dtype];
  }
}

}  // namespace torchstone::TORCHSTONE_ISA
