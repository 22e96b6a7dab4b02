// The pointwise kernel family: iteration of a program over its dimensions (tile shapes, threads), and the direct path of a
// single instruction on contiguous operands. tile.cc evaluates a tile.
#include "commands/pointwise.h"
#include "team.h"
#include "tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kLine = 64;  // bytes of a cache line

using Command = PointwiseCommand;

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// A single instruction whose operands are dense or one repeated value along the last dimension: kernel calls on the operands
// themselves, one a row. Rows are cut into pieces of whole tiles, so that threads can share a long one.
struct Direct {
  const Instruction* instruction;
  Kernel kernel;
  unsigned scalars = 0;          // operands that are one value along a row
  alignas(8) char cells[3][8];   // values of parameters and constants
  const char* operand[3];
  const int64_t* stride[3];      // null: the same for all rows
  int64_t bytes, outBytes;       // itemsizes
  int64_t row, pieces;           // elements and pieces of a row
};

// Shorter rows are not worth a call each: the tile machine gathers several. Measured on [rows, columns] + [columns] of 100,000 float32 and
// one thread: 21 us this way and 17 the other at 32 columns, 12 and 14 at 64, 7 and 12 at 400.
constexpr int64_t kLeastRow = 64;

bool readDirect(const Command& c, Direct& d) {
  const Program& p = *c.program;
  const int32_t last = c.ndim - 1;
  if ((!p.direct && !p.truth) || c.stride[0][last] != 1 || (c.ndim > 1 && c.size[last] < kLeastRow)) return false;
  const Instruction& t = p.instr[0];
  const int32_t compute = int32_t(p.compute);
  for (int32_t k = 0; k < t.arity; ++k) {
    const int32_t reg = t.operand[k];
    if (reg < p.nin) {
      const int64_t stride = c.stride[1 + reg][last];
      if (stride != 0 && stride != 1) return false;
      d.operand[k] = c.address[1 + reg];
      d.stride[k] = c.stride[1 + reg];
      d.scalars |= unsigned(stride == 0) << k;
    } else {
      const int32_t i = reg - p.nin;
      const double* value = i < p.nparams ? c.params + i : &p.constants[i - p.nparams];
      convertFor(int32_t(Dtype::Float64), compute)(1, d.cells[k], 1, value, 1);
      d.operand[k] = d.cells[k];
      d.stride[k] = nullptr;
      d.scalars |= 1u << k;
    }
  }
  if (d.scalars == (1u << t.arity) - 1) return false;
  d.instruction = &t;
  d.kernel = p.truth ? truthKernelFor(compute, t.op) : kernelFor(compute, t.op);
  d.bytes = kItemSize[compute];
  d.outBytes = p.truth ? 1 : d.bytes;
  d.row = c.size[last];
  d.pieces = (d.row + TileRunner::kTile - 1) / TileRunner::kTile;
  return d.kernel != nullptr;
}

// A walk over the rows of a direct command: where each operand's row begins.
struct Rows {
  const Command& c;
  const Direct& d;
  int64_t index[kMaxDims];
  char* out;
  const char* in[3];

  Rows(const Command& command, const Direct& direct, int64_t row) : c(command), d(direct), out(command.address[0]) {
    for (int32_t k = 0; k < d.instruction->arity; ++k) in[k] = d.operand[k];
    for (int32_t dim = c.ndim - 2; dim >= 0; --dim) {
      index[dim] = row % c.size[dim];
      move(dim, index[dim]);
      row /= c.size[dim];
    }
  }
  void move(int32_t dim, int64_t by) {
    out += by * c.stride[0][dim] * d.outBytes;
    for (int32_t k = 0; k < d.instruction->arity; ++k)
      if (d.stride[k] != nullptr) in[k] += by * d.stride[k][dim] * d.bytes;
  }
  void next() {
    int32_t dim = c.ndim - 2;
    for (; dim >= 0 && index[dim] + 1 == c.size[dim]; --dim) {
      move(dim, -index[dim]);
      index[dim] = 0;
    }
    if (dim < 0) return;
    ++index[dim];
    move(dim, 1);
  }
};

// The pieces [from, to) of all rows; what stays within a row is one call.
int32_t runPieces(const Command& c, const Direct& d, int64_t from, int64_t to) {
  const int64_t row = from / d.pieces;
  int64_t start = from - row * d.pieces, left = to - from;
  int32_t worst = kOk;
  for (Rows rows(c, d, row); left > 0; rows.next(), start = 0) {
    const int64_t pieces = least(d.pieces - start, left);
    const int64_t first = start * TileRunner::kTile, n = least(d.row - first, pieces * TileRunner::kTile);
    const void* part[3];
    for (int32_t k = 0; k < d.instruction->arity; ++k) part[k] = rows.in[k] + (d.scalars >> k & 1 ? 0 : first * d.bytes);
    const int32_t status = d.kernel(n, rows.out + first * d.outBytes, part, d.scalars);
    if (status > worst) worst = status;
    left -= pieces;
  }
  return worst;
}

// False when the command is not of that form.
bool runDirect(const Command& c, int threads, int32_t& status) {
  Direct d;
  if (!readDirect(c, d)) return false;
  int64_t rows = 1;
  for (int32_t dim = 0; dim < c.ndim - 1; ++dim) rows *= c.size[dim];
  const int64_t total = rows * d.pieces;
  const int team = threadsFor(rows * d.row, c.program->weight, threads);
  if (team == 1) {
    status = runPieces(c, d, 0, total);
    return true;
  }
  const double work = double(rows * d.row) * c.program->weight;
  forEachStretch(total, chunkLength(total, work), team, [&](int64_t from, int64_t to) { raiseStatus(status, runPieces(c, d, from, to)); });
  return true;
}

// A mere copy of fewer bytes stays in one thread: a cat of twice 200 KB into a block just released took 4.6 us that way and 5.1 with a
// team for each half, least of many on two quiet cores.
constexpr int64_t kLeastShared = 1 << 18;

// A copy or conversion of one dense run: no tiles.
bool runCopy(const Command& c, int threads) {
  const Program& p = *c.program;
  if (!p.copy || c.ndim != 1 || c.stride[0][0] != 1 || c.stride[1][0] != 1) return false;
  const Convert convert = convertFor(int32_t(p.inDtype[0]), int32_t(p.outDtype[0]));
  const int64_t n = c.size[0];
  const bool moved = p.inDtype[0] == p.outDtype[0];
  const int team = moved && n * itemSize(p, 0) < kLeastShared ? 1 : threadsFor(n, p.weight, threads);
  if (team == 1) {
    convert(n, c.address[0], 1, c.address[1], 1);
    return true;
  }
  const int64_t to = itemSize(p, 0), from = itemSize(p, 1);
  forEachStretch(n, chunkLength(n, double(n)), team, [&](int64_t begin, int64_t end) {
    convert(end - begin, c.address[0] + begin * to, 1, c.address[1] + begin * from, 1);
  });
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
  const int64_t length = chunkLength(plan.total, double(elements) * c.program->weight);
  forEachStretch(plan.total, length, team, [&](int64_t from, int64_t to) { raiseStatus(worst, runTiles(c, plan, from, to)); });
  return worst;
}

}  // namespace

void pointwise(Context& context) {
  Command c;
  if (!decode(context, c)) return;
  int32_t status = kOk;
  if (!runDirect(c, context.threads, status) && !runCopy(c, context.threads)) status = runGeneral(c, context.threads);
  setStatus(context, status);
}

}  // namespace torchstone::TORCHSTONE_ISA
