// The rowwise kernel family: shares units of rows among threads. The same bits for any number of threads: what a unit
// computes depends on the command alone. Where a stage has a loop of its own RowLoops runs it, else RowWorker.
#include "cpu/isa.h"
#include "rowwise_loops.h"
#include "rowwise_plan.h"
#include "rowwise_worker.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kShareGrain = 1 << 15;  // additions below which starting a team costs more than it saves

Status runUnits(const RowPlan& p, int64_t begin, int64_t end) {
  RowLoops loops(p);
  if (loops.fits()) return loops.run(begin, end);
  RowWorker worker(p);
  return worker.run(begin, end);
}

}  // namespace

void rowwise(Context& ctx) {
  RowPlan p;
  if (!readRows(ctx, p)) return;
  double work = double(p.length) * double(p.weight);
  for (int d = 0; d < p.ndim; ++d) work *= double(p.size[d]);
  if (ctx.threads <= 1 || p.units == 1 || work < kShareGrain) {
    setStatus(ctx, runUnits(p, 0, p.units));
    return;
  }
  const int64_t share = (p.units + ctx.threads - 1) / ctx.threads;
  int status = kOk;
#pragma omp parallel for num_threads(ctx.threads) schedule(static) reduction(max : status)
  for (int t = 0; t < ctx.threads; ++t) {
    const int64_t begin = t * share, end = smaller(begin + share, p.units);
    if (begin < end) {
      const int one = runUnits(p, begin, end);
      if (one > status) status = one;
    }
  }
  setStatus(ctx, status);
}

}  // namespace torchstone::TORCHSTONE_ISA
