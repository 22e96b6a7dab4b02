// The reduce kernel family: units (kept elements) and chunks (of the reduced range), shared by threads. The same bits for any
// number of threads: every unit combines the same chunks in the same order.
#include <cstdlib>

#include "cpu/isa.h"
#include "cpu/parallel.h"
#include "reduce_plan.h"
#include "reduction.h"
#include "cpu/pointwise/tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

struct alignas(64) Accumulators { char bytes[TileRunner::kTile * kMaxAccumulatorBytes]; };

// The first kept element of a unit: the inputs' addresses there, the outputs', and how many elements it has.
struct Unit {
  const char* in[kMaxOperands];
  char* out;
  char* index;
  int64_t width;
};

void locate(const Plan& p, int64_t number, Unit& u) {
  u.out = p.out, u.index = p.index, u.width = p.width;
  for (int i = 0; i < p.nin; ++i) u.in[i] = p.in[i];
  auto move = [&](int d, int64_t by) {
    u.out += by * p.outStride[d];
    if (p.index) u.index += by * p.indexStride[d];
    for (int i = 0; i < p.nin; ++i) u.in[i] += by * p.stride[i][d];
  };
  int d = p.K - 1;
  if (p.column) {
    const int64_t first = number % p.blocks * p.width;
    if (p.size[d] - first < u.width) u.width = p.size[d] - first;
    number /= p.blocks;
    move(d--, first);
  }
  for (; d >= 0 && number; --d) {
    move(d, number % p.size[d]);
    number /= p.size[d];
  }
}

// Reduces positions [begin, end) of the reduced range into `acc`, where the kept elements are columns of a tile.
void reduceColumns(const Plan& p, TileRunner& runner, const Unit& u, int64_t begin, int64_t end, char* acc) {
  const int last = p.K + p.R - 1;
  const int64_t most = p.dense ? end - begin : TileRunner::kTile / u.width;
  Position s;
  seek(p, s, u.in, p.K, last, begin);
  while (begin < end) {
    int64_t rows = p.size[last] - s.at[last];
    if (rows > end - begin) rows = end - begin;
    if (rows > most) rows = most;
    if (p.dense) p.reduction->column(acc, s.in[0], p.rowStep[0], rows, u.width, begin);
    else p.reduction->column(acc, runner.eval2d(rows, u.width, s.in, p.rowStep, p.step), u.width, rows, u.width, begin);
    begin += rows;
    if (begin < end) advance(p, s, p.K, last, rows);
  }
}

// The same where the reduced range is the tile: part of a run, or several whole runs.
void reduceRows(const Plan& p, TileRunner& runner, const Unit& u, int64_t begin, int64_t end, char* acc) {
  const int last = p.K + p.R - 1;
  const int64_t run = p.size[last];
  const int64_t most = p.R > 1 ? TileRunner::kTile / run : 1;
  Position s;
  seek(p, s, u.in, p.K, last, begin);
  while (begin < end) {
    int64_t n = run - s.at[last];
    if (most > 1) {  // chunks hold whole runs then
      int64_t rows = p.size[last - 1] - s.at[last - 1];
      if (rows > (end - begin) / run) rows = (end - begin) / run;
      if (rows > most) rows = most;
      n = rows * run;
      p.reduction->row(acc, runner.eval2d(rows, run, s.in, p.rowStep, p.step), n, begin);
      if (begin + n < end) advance(p, s, p.K, last - 1, rows);
    } else {
      if (n > end - begin) n = end - begin;
      if (!p.dense && n > TileRunner::kTile) n = TileRunner::kTile;
      p.reduction->row(acc, p.dense ? s.in[0] : runner.eval(n, s.in, p.step), n, begin);
      if (begin + n < end) advance(p, s, p.K, last, n);
    }
    begin += n;
  }
}

void reduceChunk(const Plan& p, TileRunner& runner, const Unit& u, int64_t number, char* acc) {
  const int64_t begin = number * p.chunk;
  const int64_t end = begin + p.chunk < p.reduced ? begin + p.chunk : p.reduced;
  p.reduction->init(acc, u.width);
  if (p.column) reduceColumns(p, runner, u, begin, end, acc);
  else reduceRows(p, runner, u, begin, end, acc);
}

void storeUnit(const Plan& p, const Unit& u, const char* acc) {
  const int64_t outStep = p.column ? p.outStride[p.K - 1] : 0, indexStep = p.column && p.index ? p.indexStride[p.K - 1] : 0;
  p.reduction->store(acc, u.width, p.program->outDtype[0], u.out, outStep, u.index, indexStep);
}

// Whole units, one after the other.
int reduceUnits(const Plan& p, int64_t begin, int64_t end) {
  if (p.plain) {
    const int64_t in = p.K ? p.stride[0][0] : 0, out = p.K ? p.outStride[0] : 0;
    p.reduction->rows(p.in[0] + begin * in, in, p.reduced, p.out + begin * out, out, end - begin);
    return kOk;
  }
  TileRunner runner(*p.program, p.params);
  Accumulators acc, part;
  Unit u;
  for (int64_t i = begin; i < end; ++i) {
    locate(p, i, u);
    reduceChunk(p, runner, u, 0, acc.bytes);
    for (int64_t c = 1; c < p.chunks; ++c) {
      reduceChunk(p, runner, u, c, part.bytes);
      p.reduction->merge(acc.bytes, part.bytes, u.width);
    }
    storeUnit(p, u, acc.bytes);
  }
  return runner.status();
}

// Freed also where a runner gets no memory.
struct Parts {
  char* p;
  ~Parts() { free(p); }
};

// Few units of many chunks: `parts` holds an accumulator block for each (unit, chunk), combined in order afterwards.
int reduceParts(const Plan& p, int threads, char* parts) {
  const int64_t bytes = p.width * kMaxAccumulatorBytes, total = p.units * p.chunks;
  int status = kOk;
  shareChunks(total, threads, [&](Chunks& mine) {
    TileRunner runner(*p.program, p.params);
    Unit u;
    for (int64_t i; (i = mine.next()) >= 0;) {
      locate(p, i / p.chunks, u);
      reduceChunk(p, runner, u, i % p.chunks, parts + i * bytes);
    }
    raiseStatus(status, runner.status());
  });
  Unit u;
  for (int64_t i = 0; i < p.units; ++i) {
    char* acc = parts + i * p.chunks * bytes;
    locate(p, i, u);
    for (int64_t c = 1; c < p.chunks; ++c) p.reduction->merge(acc, acc + c * bytes, u.width);
    storeUnit(p, u, acc);
  }
  return status;
}

// Many units: a range of them at a time.
int reduceShared(const Plan& p, int threads) {
  const int64_t length = chunkLength(p.units, double(p.kept) * double(p.reduced) * double(p.program->weight));
  int status = kOk;
  forEachStretch(p.units, length, threads, [&](int64_t begin, int64_t end) { raiseStatus(status, reduceUnits(p, begin, end)); });
  return status;
}

}  // namespace

void reduce(Context& ctx) {
  Plan p;
  if (!readPlan(ctx, p)) return;
  const int64_t grain = p.column && p.units < 4 * ctx.threads ? kColumnGrain : kGrain;
  const bool alone = ctx.threads <= 1 || p.kept * p.reduced * p.program->weight < grain || p.units * p.chunks == 1;
  if (alone) {
    setStatus(ctx, reduceUnits(p, 0, p.units));
  } else if (p.chunks == 1 || p.units >= 4 * ctx.threads) {
    setStatus(ctx, reduceShared(p, ctx.threads));
  } else {
    const int64_t bytes = p.units * p.chunks * p.width * kMaxAccumulatorBytes;
    const Parts parts{static_cast<char*>(aligned_alloc(64, roundUp(bytes, 64)))};
    if (parts.p == nullptr) setStatus(ctx, kOutOfMemory, double(bytes));
    else setStatus(ctx, reduceParts(p, ctx.threads, parts.p));
  }
}

}  // namespace torchstone::TORCHSTONE_ISA
