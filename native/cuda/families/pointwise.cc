// The pointwise kernel family on CUDA: chooses the walk (runs, tiles or single elements) and launches it. The walks are in
// kernels/pointwise.cuh.
#include <algorithm>

#include "codegen.h"
#include "commands/multi_pointwise.h"
#include "commands/pointwise.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kVectorBytes = 16;
constexpr int kHeavy = 100;  // a program of this weight keeps a thread busy with one element

struct Command {
  const Program* program;
  const double* params;
  Dims dims;
  char* const* address;  // outputs, then inputs
};

int itemSize(const Program& p, int operand) {
  return kItemSize[int(operand < p.nout ? p.outDtype[operand] : p.inDtype[operand - p.nout])];
}

// How many elements a thread takes: 16 bytes of the widest operand, fewer where registers would run out.
int mostElements(const Command& c) {
  const Program& p = *c.program;
  if (p.weight >= kHeavy || c.dims.count > 32) return 1;
  if (c.dims.count > 16) return 2;
  int widest = 1;
  for (int i = 0; i < c.dims.count; ++i) widest = std::max(widest, itemSize(p, i));
  return c.dims.count > 8 ? 4 : std::max(4, kVectorBytes / widest);
}

// Can runs of `length` elements be moved at once?
bool runsFit(const Command& c, int length) {
  const Dims& d = c.dims;
  const int last = d.ndim - 1;
  if (length < 2 || (d.ndim > 1 && d.size[last] % length != 0)) return false;
  for (int i = 0; i < d.count; ++i) {
    const int64_t along = d.stride[i][last];
    if (along == 0 && i >= c.program->nout) continue;
    if (along != 1) return false;
    const int64_t bytes = itemSize(*c.program, i), aligned = std::min<int64_t>(kVectorBytes, bytes * length);
    if (reinterpret_cast<uintptr_t>(c.address[i]) % aligned != 0) return false;
    for (int k = 0; k < last; ++k)
      if (d.stride[i][k] * bytes % aligned != 0) return false;
  }
  return true;
}

enum class Kind { Elements, Runs, Tiles };
struct Walk {
  Kind kind = Kind::Elements;
  int width = 1;
  uint64_t special = 0;  // inputs that are one value along a run; inputs that a tile turns
  int64_t n = 0, rest = 0;
  int64_t extent[2], step[2][kMaxOperands];  // of tiles, as kernels/pointwise.cuh has them
};

constexpr int kSide = 32;       // of a tile
constexpr int64_t kFar = 8;     // elements along which an input is not worth reading
constexpr int kMostTurned = 4;  // inputs that a block's memory has room for

// Makes the dim along which the outputs are dense the innermost one.
void orient(Command& c) {
  Dims& d = c.dims;
  for (int k = d.ndim - 1; k >= 0; --k) {
    if (d.stride[0][k] != 1 || d.size[k] == 1) continue;
    return d.moveToLast(k);
  }
}

// The inputs that are dense along dim k, and far apart along the last.
uint64_t turnedBy(const Command& c, int k) {
  const Dims& d = c.dims;
  uint64_t found = 0;
  for (int i = c.program->nout; i < d.count; ++i)
    if (d.stride[i][k] == 1 && std::abs(d.stride[i][d.ndim - 1]) >= kFar) found |= uint64_t(1) << (i - c.program->nout);
  return found;
}

// Leaves `dims` counting tiles where there are inputs to turn.
bool chooseTiles(Command& c, Walk& w) {
  Dims& d = c.dims;
  const int last = d.ndim - 1;
  if (d.ndim < 2 || d.size[last] < kSide / 2 || c.program->weight >= kHeavy || d.count > 16) return false;
  for (int i = 0; i < c.program->nout; ++i)
    if (d.stride[i][last] != 1) return false;
  int chosen = -1;
  for (int k = 0; k < last; ++k)
    if (d.size[k] >= kSide / 2 && turnedBy(c, k) != 0 && (chosen < 0 || d.size[k] > d.size[chosen])) chosen = k;
  if (chosen < 0 || __builtin_popcountll(turnedBy(c, chosen)) > kMostTurned) return false;
  w.kind = Kind::Tiles;
  w.special = turnedBy(c, chosen);
  d.moveToLast(chosen);
  d.moveToLast(last - 1);  // what was the last dim, again
  for (int side = 0; side < 2; ++side) {
    const int k = last - side;
    w.extent[side] = d.size[k];
    d.size[k] = (d.size[k] + kSide - 1) / kSide;
    for (int i = 0; i < d.count; ++i) {
      w.step[side][i] = d.stride[i][k];
      d.stride[i][k] *= kSide;
    }
  }
  return true;
}

// Leaves `dims` counting runs where runs are walked.
Walk choose(Command& c) {
  Walk w;
  orient(c);
  w.width = mostElements(c);
  for (int length = w.width; length > 1 && w.kind == Kind::Elements; length /= 2) {
    if (!runsFit(c, length)) continue;
    w.kind = Kind::Runs;
    w.width = length;
  }
  if (w.kind == Kind::Runs) {
    Dims& d = c.dims;
    const int last = d.ndim - 1;
    w.rest = d.size[last] % w.width;
    d.size[last] = (d.size[last] + w.width - 1) / w.width;
    for (int i = 0; i < d.count; ++i) {
      if (i >= c.program->nout && d.stride[i][last] == 0) w.special |= uint64_t(1) << (i - c.program->nout);
      d.stride[i][last] *= w.width;
    }
  } else if (!chooseTiles(c, w)) {
    w.width = std::min(w.width, 4);
  }
  w.n = c.dims.elements();
  return w;
}

KernelText text(const Command& c, const Walk& w, bool wide, bool indirect) {
  const Program& p = *c.program;
  const char* const index = indexName(wide);
  std::string body, args = instance("PointwiseArgs", "P", c.dims.ndim);
  switch (w.kind) {
    case Kind::Elements: body = instance("pointwiseElements", "P", c.dims.ndim, index, w.width); break;
    case Kind::Runs: body = instance("pointwiseRuns", "P", c.dims.ndim, index, w.width, w.special); break;
    case Kind::Tiles:
      body = instance("pointwiseTiles", "P", c.dims.ndim, index, w.special);
      args = instance("TiledArgs", "P", c.dims.ndim);
      break;
  }
  return {"pointwise", programHeaders({&p}, {"pointwise.cuh"}),
          "using namespace torchstone::device;\n" + programText("P", p, true) + kernelBody(args, kThreads, body, indirect)};
}

Words arguments(Device& device, const Command& c, const Walk& w) {
  const Program& p = *c.program;
  const int missing = p.nin == 0 ? 1 : 0;  // a kernel's arrays have room for one input at least
  Words args;
  if (w.kind != Kind::Tiles) {
    args.put(w.n);
    args.put(w.rest);
  }
  args.put(static_cast<const void*>(device.errorCell()));
  putParams(args, p, c.params);
  for (int i = 0; i < c.dims.count; ++i) args.put(static_cast<const void*>(c.address[i]));
  putZeros(args, missing);
  if (w.kind == Kind::Tiles) {  // there are inputs then
    args.put(w.extent, 2);
    for (const auto& step : w.step) args.put(step, c.dims.count);
  }
  c.dims.put(args);
  putZeros(args, missing * c.dims.ndim);
  return args;
}

int64_t blocksOf(const Walk& w) {
  switch (w.kind) {
    case Kind::Elements: return blocksFor(w.n, int64_t(kThreads) * w.width);
    case Kind::Runs: return blocksFor(w.n, kThreads);
    case Kind::Tiles: break;
  }
  return w.n;
}

}  // namespace

// Chooses the walk of a command and launches it; the dims become those of the walk.
static void run(Context& context, Command& c) {
  const Program& p = *c.program;
  Device& device = current(context);
  const bool wide = c.dims.wide();
  const Walk w = choose(c);
  const Key key = Key('p').add(p).add(int64_t(c.dims.ndim) | int64_t(w.width) << 8 | int64_t(w.kind) << 16 | int64_t(wide) << 18).add(int64_t(w.special));
  const auto made = [&](bool indirect) { return text(c, w, wide, indirect); };
  launch(device, key, std::ref(made), Grid{blocksOf(w)}, kThreads, arguments(device, c, w));
}

void pointwise(Context& context) {
  PointwiseCommand decoded;
  if (!decode(context, decoded)) return;
  Command c{decoded.program, decoded.params, {decoded.ndim, decoded.nops, decoded.size, {}}, decoded.address};
  std::copy_n(decoded.stride, decoded.nops, c.dims.stride);
  run(context, c);
  setStatus(context, kOk);
}

// A launch for each tensor.
void multiPointwise(Context& context) {
  MultiPointwiseCommand decoded;
  if (!decode(context, decoded)) return;
  for (int32_t i = 0; i < decoded.count; ++i) {
    int64_t size = decoded.size(i), stride[kMaxOperands];
    char* address[kMaxOperands];
    Command c{decoded.program, decoded.params, {1, decoded.nops, &size, {}}, address};
    for (int32_t k = 0; k < decoded.nops; ++k) {
      address[k] = decoded.address(i, k);
      stride[k] = 1;
      c.dims.stride[k] = &stride[k];
    }
    run(context, c);
  }
  setStatus(context, kOk);
}

}  // namespace torchstone::cuda
