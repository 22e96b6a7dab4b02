// The gemm kernel family: folds and walks the batch, and picks the kernel for the shape and dtype. K is never split between
// threads: the result's bits must not depend on their number.
#include "commands/gemm.h"
#include "gemm_integer.h"
#include "gemm_vector.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Measured: multiply-adds below which a second thread does not pay for waking it.
constexpr double kGemmGrain = 80.0 * 80.0 * 80.0;

struct Command : GemmCommand {
  int64_t total;  // matrices, after folding
};

// The innermost batch dim joins M where B does not move along it and the rows of A and C go on evenly, or joins N likewise.
void foldBatch(Command& g) {
  g.total = 1;
  for (; g.batches > 0; --g.batches) {
    const int d = g.batches - 1;
    const int64_t n = g.size[d];
    if (n == 1) continue;
    const bool rows = g.b.batch[d] == 0 && (g.M == 1 || (g.a.batch[d] == g.M * g.a.row && g.c.batch[d] == g.M * g.c.row));
    const bool cols = g.a.batch[d] == 0 && (g.N == 1 || (g.b.batch[d] == g.N * g.b.column && g.c.batch[d] == g.N * g.c.column));
    if (rows) {
      if (g.M == 1) g.a.row = g.a.batch[d], g.c.row = g.c.batch[d];
      g.M *= n;
    } else if (cols) {
      if (g.N == 1) g.b.column = g.b.batch[d], g.c.column = g.c.batch[d];
      g.N *= n;
    } else {
      break;
    }
  }
  for (int i = 0; i < g.batches; ++i) g.total *= g.size[i];
}

template <class T> T* batchItem(const Command& g, const MatrixBatch& o, int64_t index) {
  int64_t offset = 0;
  for (int d = g.batches - 1; d >= 0; --d) {
    offset += index % g.size[d] * o.batch[d];
    index /= g.size[d];
  }
  return reinterpret_cast<T*>(o.address) + offset;
}

template <class T> bool floatItem(const Command& g, int64_t index, int threads) {
  const View<const T> a{batchItem<T>(g, g.a, index), g.a.row, g.a.column}, b{batchItem<T>(g, g.b, index), g.b.row, g.b.column};
  const Product<T> p{g.M, g.N, g.K, a, b, {batchItem<T>(g, g.c, index), g.c.row, g.c.column}, g.accumulate};
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
  if (!across) {
    bool ok = true;
    for (int64_t i = 0; ok && i < g.total; ++i) ok = floatItem<T>(g, i, threads);
    return ok;
  }
  const double worth = kGemmGrain / (work < 1 ? 1 : work) + 1;
  const int64_t share = ceilDiv(g.total, 4 * threads), length = worth < static_cast<double>(share) ? static_cast<int64_t>(worth) : share;
  int failed = 0;
  forEachStretch(g.total, length, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      if (!floatItem<T>(g, i, 1)) raiseStatus(failed, 1);
  });
  return failed == 0;
}

template <class U> void integerBatch(const Command& g, int threads) {
  for (int64_t i = 0; i < g.total; ++i)
    IntegerProduct<U>{g.M, g.N, g.K, batchItem<U>(g, g.a, i), batchItem<U>(g, g.b, i), batchItem<U>(g, g.c, i),
                      {g.a.row, g.a.column}, {g.b.row, g.b.column}, {g.c.row, g.c.column}, g.accumulate}.run(threads);
}

// K = 0: nothing is added.
template <class U> void clearBatch(const Command& g) {
  for (int64_t n = 0; n < g.total; ++n) {
    U* c = batchItem<U>(g, g.c, n);
    for (int64_t i = 0; i < g.M; ++i)
      for (int64_t j = 0; j < g.N; ++j) c[i * g.c.row + j * g.c.column] = 0;
  }
}

void clear(const Command& g, int itemSize) {
  if (itemSize == 1) clearBatch<uint8_t>(g);
  else if (itemSize == 2) clearBatch<uint16_t>(g);
  else if (itemSize == 4) clearBatch<uint32_t>(g);
  else clearBatch<uint64_t>(g);
}

bool supported(Dtype t) { return (t >= Dtype::UInt8 && t <= Dtype::Int64) || t == Dtype::Float32 || t == Dtype::Float64; }

}  // namespace

void gemm(Context& ctx) {
  Command g;
  if (!decode(ctx, g)) return;
  if (!supported(g.dtype)) return setStatus(ctx, kBadDtype, g.dtype);
  foldBatch(g);
  setStatus(ctx, kOk);
  const int itemSize = kItemSize[int(g.dtype)];
  if (g.K == 0) {
    if (!g.accumulate) clear(g, itemSize);
    return;
  }
  bool ok = true;
  switch (g.dtype) {
    case Dtype::Float32: ok = floatBatch<float>(g, ctx.threads); break;
    case Dtype::Float64: ok = floatBatch<double>(g, ctx.threads); break;
    case Dtype::UInt8: case Dtype::Int8: integerBatch<uint8_t>(g, ctx.threads); break;
    case Dtype::Int16: integerBatch<uint16_t>(g, ctx.threads); break;
    case Dtype::Int32: integerBatch<uint32_t>(g, ctx.threads); break;
    default: integerBatch<uint64_t>(g, ctx.threads); break;
  }
  if (!ok) setStatus(ctx, kOutOfMemory, double(g.M) * double(g.N) * itemSize);
}

}  // namespace torchstone::TORCHSTONE_ISA
