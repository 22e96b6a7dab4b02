// The reduce kernel family on CUDA: chooses rows or columns, threads for a kept element and parts of the reduced range, and
// launches one or two passes. Nothing here depends on the GPU: the same bits on every one.
#include <algorithm>

#include "codegen.h"
#include "commands/reduce.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kVectorBytes = 16;
constexpr int kHeavy = 100;
constexpr int64_t kBlocks = 1024;    // enough to fill a card
constexpr int64_t kMostParts = 1024;
constexpr int64_t kStateBytes = 16;  // the largest state

struct Command : ReduceCommand {
  int64_t kept, reduced;
  Dims outer, inner;            // outer: out, index, inputs; inner: inputs
  int64_t scalar[2] = {1, 0};  // size and stride of the dim that stands for no kept ones
};

// How the block's threads share the work.
struct Plan {
  bool column = false;
  int across = 1;  // threads for one kept element
  int width = 1, unroll = 1;
  uint64_t ones = 0;
  int64_t chunk = 0, parts = 1;
  bool wide = false;
};

// Kept and reduced dims apart.
void split(Command& c) {
  const bool scalar = c.K == 0;
  c.outer.ndim = scalar ? 1 : c.K, c.inner.ndim = c.R;
  c.outer.count = 2 + c.program->nin, c.inner.count = c.program->nin;
  c.outer.size = scalar ? &c.scalar[0] : c.size;
  c.inner.size = c.size + c.K;
  c.outer.stride[0] = scalar ? nullptr : c.outStride;
  c.outer.stride[1] = scalar ? nullptr : c.indexStride;
  for (int i = 0; i < c.program->nin; ++i) {
    c.outer.stride[2 + i] = scalar ? &c.scalar[1] : c.stride[i];
    c.inner.stride[i] = c.stride[i] + c.K;
  }
  c.kept = c.outer.elements();
  c.reduced = c.inner.elements();
}

int itemSize(const Command& c, int input) { return kItemSize[int(c.program->inDtype[input])]; }

// Bytes that a warp's neighbours are apart along a dim, at most a sector each, and something for a dim too short for a warp.
int64_t cost(const Command& c, const Dims& dims, int first, int d) {
  int64_t total = 32 * 32 / dims.size[d];
  for (int i = 0; i < c.program->nin; ++i) {
    const int64_t stride = dims.stride[first + i][d];
    total += std::min<int64_t>((stride < 0 ? -stride : stride) * itemSize(c, i), 32);
  }
  return total;
}

int cheapest(const Command& c, const Dims& dims, int first) {
  int best = dims.ndim - 1;
  for (int d = dims.ndim - 2; d >= 0; --d)
    if (cost(c, dims, first, d) < cost(c, dims, first, best)) best = d;
  return best;
}

int64_t powerAbove(int64_t n) {
  int64_t p = 1;
  while (p < n) p *= 2;
  return p;
}

// Rows of one reduced dim along which every input is dense, or one value, and aligned for `width` at once.
bool runsFit(const Command& c, int width) {
  if (width < 2 || c.inner.ndim != 1) return false;
  for (int i = 0; i < c.program->nin; ++i) {
    const int64_t along = c.inner.stride[i][0], bytes = itemSize(c, i), aligned = std::min<int64_t>(kVectorBytes, bytes * width);
    if (along == 0) continue;
    if (along != 1 || reinterpret_cast<uintptr_t>(c.in[i]) % aligned != 0) return false;
    for (int d = 0; d < c.outer.ndim; ++d)
      if (c.outer.stride[2 + i][d] * bytes % aligned != 0) return false;
  }
  return true;
}

void chooseWidth(const Command& c, Plan& p) {
  const Program& g = *c.program;
  const int inputs = std::max(g.nin, 1);
  int widest = 1;
  for (int i = 0; i < g.nin; ++i) widest = std::max(widest, itemSize(c, i));
  const bool light = g.weight < kHeavy && inputs <= 4;
  if (!p.column && light && c.reduced >= 64)
    for (int width = std::min(kVectorBytes / widest, 16); width > 1 && p.width == 1; width /= 2)
      if (runsFit(c, width)) p.width = width;
  if (p.width > 1)
    for (int i = 0; i < g.nin; ++i) p.ones |= uint64_t(c.inner.stride[i][0] == 0) << i;
  p.unroll = light ? std::clamp(16 / (p.width * int(powerAbove(inputs))), 1, 8) : 1;
}

// Arg reductions keep the order of the reduced dims, which their indices count in.
Plan choose(Command& c) {
  Plan p;
  const int kept = cheapest(c, c.outer, 2), reduced = c.reducer >= kArgmax ? c.inner.ndim - 1 : cheapest(c, c.inner, 0);
  p.column = c.kept > 1 && cost(c, c.outer, 2, kept) < cost(c, c.inner, 0, reduced);
  c.outer.moveToLast(kept);
  c.inner.moveToLast(reduced);
  chooseWidth(c, p);
  const int64_t most = p.column ? kThreads / std::min<int64_t>(32, powerAbove(c.kept)) : kThreads;
  p.across = int(std::clamp<int64_t>(powerAbove((c.reduced + 7) / 8 / p.width), 1, most));
  const int64_t blocks = blocksFor(c.kept, kThreads / p.across);
  const int64_t worth = c.reduced / (int64_t(p.across) * p.width * 8);
  const int64_t parts = std::clamp<int64_t>(std::min((kBlocks + blocks - 1) / blocks, worth), 1, kMostParts);
  const int64_t step = int64_t(p.across) * p.width;
  p.chunk = ((c.reduced + parts - 1) / parts + step - 1) / step * step;
  p.parts = (c.reduced + p.chunk - 1) / p.chunk;
  p.wide = c.outer.wide() || c.inner.wide() || c.reduced + (int64_t(1) << 20) >= kNarrow;
  if (!p.wide) {  // the positions of both spaces together
    Dims all = c.inner;
    for (int i = 0; i < all.count; ++i) {
      int64_t reach = 0;
      for (const auto& [dims, first] : {std::pair(&c.outer, 2), std::pair(&c.inner, 0)})
        for (int d = 0; d < dims->ndim; ++d) reach += (dims->size[d] - 1) * std::abs(dims->stride[first + i][d]);
      p.wide = p.wide || reach >= kNarrow;
    }
  }
  return p;
}

// A sum of bools is OR, a product AND.
int reducerOf(const Command& c) {
  return c.program->compute == Dtype::Bool && c.reducer < 2 ? c.reducer + 2 : c.reducer;
}

KernelText firstText(const Command& c, const Plan& p, bool indirect) {
  const Program& g = *c.program;
  const std::string body = instance("reduceBlock", "P", reducerOf(c), c.outer.ndim, c.inner.ndim, indexName(p.wide), p.across, p.column,
                                    p.width, p.unroll, p.ones, p.parts > 1);
  return {"reduce", programHeaders({&g}, {"reduce.cuh"}),
          "using namespace torchstone::device;\n" + programText("P", g) +
              kernelBody(instance("ReduceArgs", "P", c.outer.ndim, c.inner.ndim), kThreads, body, indirect)};
}

void first(Device& device, const Command& c, const Plan& p, char* out) {
  const Program& g = *c.program;
  Words args;
  args.put(c.kept);
  args.put(c.reduced);
  args.put(p.chunk);
  args.put(static_cast<const void*>(device.errorCell()));
  putParams(args, g, c.params);
  args.put(static_cast<const void*>(out));
  args.put(static_cast<const void*>(c.index));
  for (int i = 0; i < g.nin; ++i) args.put(static_cast<const void*>(c.in[i]));
  if (g.nin == 0) putZeros(args, 1);
  c.outer.put(args);
  if (g.nin == 0) putZeros(args, c.outer.ndim);
  c.inner.put(args);
  if (g.nin == 0) putZeros(args, c.inner.ndim);
  const Key key = Key('r').add(g).add(c.reducer | c.outer.ndim << 4 | c.inner.ndim << 11 | p.width << 18 | p.unroll << 24)
                      .add(p.across | int64_t(p.column) << 16 | int64_t(p.wide) << 17 | int64_t(p.parts > 1) << 18)
                      .add(int64_t(p.ones));
  const auto text = [&](bool indirect) { return firstText(c, p, indirect); };
  launch(device, key, std::ref(text), Grid{blocksFor(c.kept, kThreads / p.across), p.parts},
         kThreads, args);
}

void merge(Device& device, const Command& c, const Plan& p, const char* state) {
  const Program& g = *c.program;
  const int across = c.kept >= 4096 || p.parts <= 8 ? 1 : p.parts <= 64 ? 32 : kThreads;
  Dims outer = c.outer;
  outer.count = 2;
  Words args;
  args.put(c.kept);
  args.put(p.parts);
  args.put(static_cast<const void*>(state));
  args.put(static_cast<const void*>(c.out));
  args.put(static_cast<const void*>(c.index));
  outer.put(args);
  const Key key = Key('m').add(g).add(c.reducer | outer.ndim << 4 | int64_t(across) << 16 | int64_t(p.wide) << 32);
  auto text = [&](bool indirect) -> KernelText {
    return {"reduceMerge", programHeaders({&g}, {"reduce.cuh"}),
            "using namespace torchstone::device;\n" + programText("P", g) +
                kernelBody(instance("MergeArgs", outer.ndim), kThreads,
                           instance("mergeParts", "P", reducerOf(c), outer.ndim, indexName(p.wide), across), indirect)};
  };
  launch(device, key, std::ref(text), Grid{blocksFor(c.kept, kThreads / across)}, kThreads, args);
}

}  // namespace

void reduce(Context& context) {
  Command c;
  if (!decode(context, c)) return;
  split(c);
  Device& device = current(context);
  const Plan p = choose(c);
  if (p.parts == 1) {
    first(device, c, p, c.out);
  } else {
    const Scratch parts(device, c.kept * p.parts * kStateBytes);
    first(device, c, p, parts.address());
    merge(device, c, p, parts.address());
  }
  setStatus(context, kOk);
}

}  // namespace torchstone::cuda
