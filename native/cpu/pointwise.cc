// Owns the iteration of a pointwise program over its dimensions: tile shapes, threads, and the direct path of a single
// instruction on contiguous operands. What happens inside a tile is tile.cc's.
#include <omp.h>

#include "tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Elements (of weight 1) worth a thread of their own. Measured on two quiet cores with libgomp's spinning bounded (engine/native.ts):
// at 100,000 elements a second thread takes an addition from 19 to 13 us and exp from 19 to 10 us; at 30,000 it gains nothing.
constexpr int64_t kGrain = int64_t(1) << 16;
constexpr int64_t kLine = 64;  // bytes of a cache line

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

// How the space is cut into tiles: up to three dimensions (-1 where there is none) inside a tile, the last of them
// the innermost of the command; the others around it.
struct Plan {
  int32_t dim[3];
  int64_t size[3], tile[3], tiles[3], total;
  int32_t order[3];  // which of the three advances first, from tile to tile
  int32_t nouter, outer[kMaxDims];
  BlockStep step[kMaxOperands];
};

// An operand whose inner stride spans cache lines is walked together with the dimension where it is densest.
// Returns that dimension and the number of its elements in a line, or -1.
int32_t transposedDimension(const Command& c, int64_t& lineElements) {
  const int32_t last = c.ndim - 1;
  for (int32_t i = 0; i < c.nops; ++i) {
    const int64_t inner = magnitude(c.stride[i][last]), bytes = itemSize(*c.program, i);
    if (inner * bytes < kLine) continue;
    int32_t best = -1;
    for (int32_t d = 0; d < last; ++d) {
      const int64_t s = magnitude(c.stride[i][d]);
      if (s != 0 && s < inner && c.size[d] > 1 && (best < 0 || s < magnitude(c.stride[i][best]))) best = d;
    }
    if (best < 0) continue;
    const int64_t span = magnitude(c.stride[i][best]) * bytes;
    lineElements = span < kLine ? kLine / span : 1;
    return best;
  }
  return -1;
}

int32_t longestOther(const Command& c, int32_t a, int32_t b) {
  int32_t best = -1;
  for (int32_t d = 0; d < c.ndim; ++d)
    if (d != a && d != b && c.size[d] > 1 && (best < 0 || c.size[d] > c.size[best])) best = d;
  return best;
}

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// The tile's shape: long inner rows; where there is a transposed operand, as many rows as its lines hold elements.
void chooseDimensions(const Command& c, Plan& plan) {
  constexpr int64_t kTile = TileRunner::kTile;
  const int32_t last = c.ndim - 1;
  int64_t lineElements = 1;
  const int32_t transposed = transposedDimension(c, lineElements);
  const int32_t row = transposed >= 0 ? transposed : last - 1;
  plan.dim[2] = last;
  plan.dim[1] = row;
  plan.tile[2] = least(c.size[last], transposed >= 0 ? kTile / lineElements : kTile);
  plan.tile[1] = row < 0 ? 1 : least(c.size[row], kTile / plan.tile[2]);
  const int64_t plane = plan.tile[1] * plan.tile[2];
  const bool whole = row >= 0 && plan.tile[2] == c.size[last] && plan.tile[1] == c.size[row];
  plan.dim[0] = whole && plane * 2 <= kTile ? longestOther(c, last, row) : -1;
  plan.tile[0] = plan.dim[0] < 0 ? 1 : least(c.size[plan.dim[0]], kTile / plane);
  // Down the transposed operand's lines first: what a tile leaves of a line, the next one takes.
  plan.order[0] = transposed >= 0 ? 1 : 2;
  plan.order[1] = transposed >= 0 ? 2 : 1;
  plan.order[2] = 0;
}

void makePlan(const Command& c, Plan& plan) {
  chooseDimensions(c, plan);
  plan.total = 1;
  for (int k = 0; k < 3; ++k) {
    plan.size[k] = plan.dim[k] < 0 ? 1 : c.size[plan.dim[k]];
    plan.tiles[k] = (plan.size[k] + plan.tile[k] - 1) / plan.tile[k];
    plan.total *= plan.tiles[k];
    for (int32_t i = 0; i < c.nops; ++i) plan.step[i].at[k] = plan.dim[k] < 0 ? 0 : c.stride[i][plan.dim[k]];
  }
  plan.nouter = 0;
  for (int32_t d = 0; d < c.ndim; ++d) {
    if (d == plan.dim[0] || d == plan.dim[1] || d == plan.dim[2]) continue;
    plan.outer[plan.nouter++] = d;
    plan.total *= c.size[d];
  }
}

// Where a tile's operands begin, and its size.
void locate(const Command& c, const Plan& plan, int64_t tile, char** at, int64_t* size) {
  int64_t start[3], index[kMaxDims];
  for (const int32_t k : plan.order) {
    start[k] = tile % plan.tiles[k] * plan.tile[k];
    size[k] = least(plan.size[k] - start[k], plan.tile[k]);
    tile /= plan.tiles[k];
  }
  for (int32_t k = plan.nouter - 1; k >= 0; --k) {
    index[k] = tile % c.size[plan.outer[k]];
    tile /= c.size[plan.outer[k]];
  }
  for (int32_t i = 0; i < c.nops; ++i) {
    int64_t offset = 0;
    for (int k = 0; k < 3; ++k) offset += start[k] * plan.step[i].at[k];
    for (int32_t k = 0; k < plan.nouter; ++k) offset += index[k] * c.stride[i][plan.outer[k]];
    at[i] = c.address[i] + offset * itemSize(*c.program, i);
  }
}

Status runTiles(const Command& c, const Plan& plan, int64_t from, int64_t to) {
  const Program& p = *c.program;
  TileRunner runner(p, c.params);
  char* at[kMaxOperands];
  for (int64_t tile = from; tile < to; ++tile) {
    int64_t size[3];
    locate(c, plan, tile, at, size);
    runner.runBlock(size, at, plan.step, at + p.nout, plan.step + p.nout);
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
