// Owns the pointwise family: reads the command, chooses the walk (runs or single elements), launches it.
// The walks are kernels/pointwise.cuh's.
#include <algorithm>

#include "codegen.h"
#include "families.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kVectorBytes = 16;
constexpr int kHeavy = 100;  // a program of this weight keeps a thread busy with one element

struct Command {
  const Program* program;
  const double* params;
  Dims dims;
  char* address[kMaxOperands];  // outputs, then inputs
};

int itemSize(const Program& p, int operand) {
  return kItemSize[int(operand < p.nout ? p.outDtype[operand] : p.inDtype[operand - p.nout])];
}

void read(Context& context, Command& c) {
  Cursor cursor(context.block);
  c.program = &programAt(context, cursor.integer());
  const Program& p = *c.program;
  c.dims.ndim = int(cursor.integer());
  c.params = context.block + 2;
  for (int i = 0; i < p.nparams; ++i) cursor.number();
  cursor.integers(c.dims.size, c.dims.ndim);
  c.dims.count = p.nout + p.nin;
  for (int i = 0; i < c.dims.count; ++i) {
    c.address[i] = cursor.address();
    cursor.integers(c.dims.stride[i], c.dims.ndim);
  }
  if (c.dims.ndim > 0) return;
  c.dims.ndim = 1;
  c.dims.size[0] = 1;
  for (int i = 0; i < c.dims.count; ++i) c.dims.stride[i][0] = 1;
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

struct Walk {
  int width = 1;
  bool runs = false;
  uint64_t ones = 0;  // inputs that are one value along a run
  int64_t n = 0, rest = 0;
};

// Leaves `dims` counting runs where runs are walked.
Walk choose(Command& c) {
  Walk w;
  w.width = mostElements(c);
  for (int length = w.width; length > 1 && !w.runs; length /= 2) {
    if (!runsFit(c, length)) continue;
    w.runs = true;
    w.width = length;
  }
  if (w.runs) {
    Dims& d = c.dims;
    const int last = d.ndim - 1;
    w.rest = d.size[last] % w.width;
    d.size[last] = (d.size[last] + w.width - 1) / w.width;
    for (int i = 0; i < d.count; ++i) {
      if (i >= c.program->nout && d.stride[i][last] == 0) w.ones |= uint64_t(1) << (i - c.program->nout);
      d.stride[i][last] *= w.width;
    }
  } else {
    w.width = std::min(w.width, 4);
  }
  w.n = c.dims.elements();
  return w;
}

KernelText text(const Command& c, const Walk& w, bool wide, bool indirect) {
  const Program& p = *c.program;
  const std::string body = w.runs ? instance("pointwiseRuns", "P", c.dims.ndim, indexName(wide), w.width, w.ones)
                                  : instance("pointwiseElements", "P", c.dims.ndim, indexName(wide), w.width);
  return {"pointwise", programHeaders({&p}, {"pointwise.cuh"}),
          "using namespace torchstone::device;\n" + programText("P", p, true) +
              kernelBody(instance("PointwiseArgs", "P", c.dims.ndim), kThreads, body, indirect)};
}

}  // namespace

void pointwise(Context& context) {
  Command c;
  read(context, c);
  const Program& p = *c.program;
  if (refuse(context, p)) return;
  Device& device = current(context);
  const Walk w = choose(c);
  const bool wide = c.dims.wide();
  Words args;
  args.put(w.n);
  args.put(w.rest);
  args.put(static_cast<const void*>(device.errorCell()));
  putParams(args, p, c.params);
  for (int i = 0; i < c.dims.count; ++i) args.put(static_cast<const void*>(c.address[i]));
  if (p.nin == 0) putZeros(args, 1);
  c.dims.put(args);
  if (p.nin == 0) putZeros(args, c.dims.ndim);
  const int64_t blocks = blocksFor(w.n, w.runs ? kThreads : int64_t(kThreads) * w.width);
  const Key key = Key('p').add(p).add(int64_t(c.dims.ndim) | int64_t(w.width) << 8 | int64_t(w.runs) << 16 | int64_t(wide) << 17).add(int64_t(w.ones));
  launch(device, key, [&](bool indirect) { return text(c, w, wide, indirect); }, Grid{blocks}, kThreads, args);
  context.block[0] = kOk;
}

}  // namespace torchstone::cuda
