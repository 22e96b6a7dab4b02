// Owns the iteration of a pointwise program over its dimensions: tile shapes, threads, and the direct path of a single
// instruction on contiguous operands. What happens inside a tile is tile.cc's.
#include <omp.h>

#include "tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Elements (of weight 1) worth a thread of their own.
constexpr int64_t kGrain = 32768;
// Side of the tiles that a transposed operand is walked in: 32 lines of it stay in L1 for 32 rows.
constexpr int64_t kSide = 32;

struct Command {
  const Program* program;
  const double* params;
  int32_t ndim, nops;
  int64_t size[kMaxDims];
  char* address[kMaxOperands];  // outputs, then inputs
  int64_t stride[kMaxOperands][kMaxDims];
};

void readCommand(const Context& context, Command& c) {
  Cursor cursor(context.block);
  c.program = &programAt(context, cursor.integer());
  const Program& p = *c.program;
  c.ndim = int32_t(cursor.integer());
  c.params = context.block + 2;
  for (int32_t i = 0; i < p.nparams; ++i) cursor.number();
  cursor.integers(c.size, c.ndim);
  c.nops = p.nout + p.nin;
  for (int32_t i = 0; i < c.nops; ++i) {
    c.address[i] = cursor.address();
    cursor.integers(c.stride[i], c.ndim);
  }
  if (c.ndim > 0) return;
  c.ndim = 1;
  c.size[0] = 1;
  for (int32_t i = 0; i < c.nops; ++i) c.stride[i][0] = 1;
}

int itemSize(const Program& p, int32_t operand) {
  return kItemSize[int(operand < p.nout ? p.outDtype[operand] : p.inDtype[operand - p.nout])];
}

int threadsFor(int64_t elements, int weight, int most) {
  const int64_t worth = elements * weight / kGrain;
  return worth <= 1 ? 1 : worth < most ? int(worth) : most;
}

// One kernel call on the operands themselves; false when the command is not of that form.
bool runDirect(const Command& c, int threads, int32_t& status) {
  const Program& p = *c.program;
  if (!p.direct || c.ndim != 1 || c.stride[0][0] != 1) return false;
  const Instruction& t = p.instr[0];
  const int32_t compute = int32_t(p.compute), bytes = kItemSize[compute];
  alignas(8) char cells[3][8];
  const char* operand[3];
  unsigned scalars = 0;
  for (int32_t k = 0; k < t.arity; ++k) {
    const int32_t reg = t.operand[k];
    if (reg < p.nin) {
      const int64_t stride = c.stride[1 + reg][0];
      if (stride != 0 && stride != 1) return false;
      operand[k] = c.address[1 + reg];
      scalars |= unsigned(stride == 0) << k;
    } else {
      const int32_t i = reg - p.nin;
      const double* value = i < p.nparams ? c.params + i : &p.constants[i - p.nparams];
      convertFor(int32_t(Dtype::Float64), compute)(1, cells[k], 1, value, 1);
      operand[k] = cells[k];
      scalars |= 1u << k;
    }
  }
  if (scalars == (1u << t.arity) - 1) return false;
  const Kernel kernel = kernelFor(compute, t.op);
  const int64_t n = c.size[0];
  const int team = threadsFor(n, p.weight, threads);
  if (team == 1) {
    status = kernel(n, c.address[0], reinterpret_cast<const void* const*>(operand), scalars);
    return true;
  }
  // Bounds are whole tiles, so a register holds the same elements for any number of threads.
  const int64_t tiles = (n + TileRunner::kTile - 1) / TileRunner::kTile;
  int32_t worst = kOk;
#pragma omp parallel num_threads(team) reduction(max : worst)
  {
    const int64_t me = omp_get_thread_num(), all = omp_get_num_threads();
    const int64_t from = tiles * me / all * TileRunner::kTile;
    int64_t to = tiles * (me + 1) / all * TileRunner::kTile;
    if (to > n) to = n;
    const void* part[3];
    for (int32_t k = 0; k < t.arity; ++k) part[k] = scalars >> k & 1 ? operand[k] : operand[k] + from * bytes;
    if (from < to) worst = kernel(to - from, c.address[0] + from * bytes, part, scalars);
  }
  status = worst;
  return true;
}

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// How the space is cut: the last dimension is the inner one; `rows` is a second dimension, taken as tile rows.
struct Plan {
  int64_t n, rows, tileN, tileRows, tilesN, tilesRows, total;
  int32_t nouter, outer[kMaxDims];
  int64_t step[kMaxOperands], rowStep[kMaxOperands];
};

// An operand whose inner stride spans cache lines is walked together with the dimension where it is densest.
int32_t rowDimension(const Command& c, bool& transposed) {
  const int32_t last = c.ndim - 1;
  transposed = false;
  for (int32_t i = 0; i < c.nops; ++i) {
    const int64_t inner = magnitude(c.stride[i][last]);
    if (inner <= 1 || inner * itemSize(*c.program, i) < 64) continue;
    int32_t best = -1;
    for (int32_t d = 0; d < last; ++d) {
      const int64_t s = magnitude(c.stride[i][d]);
      if (s != 0 && s < inner && c.size[d] > 1 && (best < 0 || s < magnitude(c.stride[i][best]))) best = d;
    }
    if (best < 0) continue;
    transposed = true;
    return best;
  }
  return last - 1;
}

void makePlan(const Command& c, Plan& plan) {
  constexpr int64_t kTile = TileRunner::kTile;
  const int32_t last = c.ndim - 1;
  bool transposed;
  const int32_t row = rowDimension(c, transposed);
  plan.n = c.size[last];
  plan.rows = row < 0 ? 1 : c.size[row];
  const int64_t side = transposed ? kSide : kTile;
  plan.tileN = plan.n < side ? plan.n : side;
  plan.tileRows = kTile / plan.tileN < plan.rows ? kTile / plan.tileN : plan.rows;
  plan.tilesN = (plan.n + plan.tileN - 1) / plan.tileN;
  plan.tilesRows = (plan.rows + plan.tileRows - 1) / plan.tileRows;
  plan.total = plan.tilesN * plan.tilesRows;
  plan.nouter = 0;
  for (int32_t d = 0; d < last; ++d) {
    if (d == row) continue;
    plan.outer[plan.nouter++] = d;
    plan.total *= c.size[d];
  }
  for (int32_t i = 0; i < c.nops; ++i) {
    plan.step[i] = c.stride[i][last];
    plan.rowStep[i] = row < 0 ? 0 : c.stride[i][row];
  }
}

// Where a tile's operands begin, and its size.
void locate(const Command& c, const Plan& plan, int64_t tile, char** at, int64_t& rows, int64_t& n) {
  const Program& p = *c.program;
  const int64_t column = tile % plan.tilesN * plan.tileN;
  tile /= plan.tilesN;
  const int64_t row = tile % plan.tilesRows * plan.tileRows;
  tile /= plan.tilesRows;
  int64_t index[kMaxDims];
  for (int32_t k = plan.nouter - 1; k >= 0; --k) {
    const int64_t size = c.size[plan.outer[k]];
    index[k] = tile % size;
    tile /= size;
  }
  for (int32_t i = 0; i < c.nops; ++i) {
    int64_t offset = column * plan.step[i] + row * plan.rowStep[i];
    for (int32_t k = 0; k < plan.nouter; ++k) offset += index[k] * c.stride[i][plan.outer[k]];
    at[i] = c.address[i] + offset * itemSize(p, i);
  }
  n = plan.n - column < plan.tileN ? plan.n - column : plan.tileN;
  rows = plan.rows - row < plan.tileRows ? plan.rows - row : plan.tileRows;
}

Status runTiles(const Command& c, const Plan& plan, int64_t from, int64_t to) {
  const Program& p = *c.program;
  TileRunner runner(p, c.params);
  char* at[kMaxOperands];
  for (int64_t tile = from; tile < to; ++tile) {
    int64_t rows, n;
    locate(c, plan, tile, at, rows, n);
    runner.run2d(rows, n, at, plan.rowStep, plan.step, at + p.nout, plan.rowStep + p.nout, plan.step + p.nout);
  }
  return runner.status();
}

int32_t runGeneral(const Command& c, int threads) {
  Plan plan;
  makePlan(c, plan);
  int64_t elements = 1;
  for (int32_t d = 0; d < c.ndim; ++d) elements *= c.size[d];
  const int team = threadsFor(elements, c.program->weight, threads);
  if (team == 1) return runTiles(c, plan, 0, plan.total);
  int32_t worst = kOk;
#pragma omp parallel num_threads(team) reduction(max : worst)
  {
    const int64_t me = omp_get_thread_num(), all = omp_get_num_threads();
    worst = runTiles(c, plan, plan.total * me / all, plan.total * (me + 1) / all);
  }
  return worst;
}

}  // namespace

void pointwise(Context& context) {
  Command c;
  readCommand(context, c);
  if (c.program->unsupported >= 0) {
    context.block[0] = kBadDtype;
    context.block[1] = c.program->unsupported;
    return;
  }
  int32_t status = kOk;
  if (!runDirect(c, context.threads, status)) status = runGeneral(c, context.threads);
  context.block[0] = status;
}

}  // namespace torchstone::TORCHSTONE_ISA
