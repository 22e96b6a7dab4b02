// The rowwise kernel family: shares units of rows among threads. The same bits for any number of threads: what a unit
// computes depends on the command alone. Where a stage has a loop of its own RowLoops runs it, else RowWorker.
#include "cpu/isa.h"
#include "cpu/parallel.h"
#include "rowwise_loops.h"
#include "rowwise_plan.h"
#include "rowwise_worker.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kShareGrain = 1 << 15;  // additions below which starting a team costs more than it saves

// Claims and runs ranges of `length` units.
template <class Walk> int runRanges(const RowPlan& p, Walk& walk, Chunks& mine, int64_t length) {
  int worst = kOk;
  for (int64_t i; (i = mine.next()) >= 0;) {
    const int one = walk.run(i * length, smaller((i + 1) * length, p.units));
    if (one > worst) worst = one;
  }
  return worst;
}

int runUnits(const RowPlan& p, Chunks& mine, int64_t length) {
  RowLoops loops(p);
  if (loops.fits()) return runRanges(p, loops, mine, length);
  RowWorker worker(p);
  return runRanges(p, worker, mine, length);
}

}  // namespace

void rowwise(Context& ctx) {
  RowPlan p;
  if (!readRows(ctx, p)) return;
  double work = double(p.length) * double(p.weight);
  for (int d = 0; d < p.ndim; ++d) work *= double(p.size[d]);
  const bool alone = ctx.threads <= 1 || p.units == 1 || work < kShareGrain;
  const int64_t length = alone ? p.units : chunkLength(p.units, work), chunks = (p.units + length - 1) / length;
  int status = kOk;
  shareChunks(chunks, alone ? 1 : ctx.threads, [&](Chunks& mine) { raiseStatus(status, runUnits(p, mine, length)); });
  setStatus(ctx, status);
}

}  // namespace torchstone::TORCHSTONE_ISA
