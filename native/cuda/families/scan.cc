// The scan kernel family on CUDA: chooses rows or columns and chunks, and launches one or two passes.
#include <algorithm>

#include "codegen.h"
#include "commands/scan.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kMostEach = 8;          // elements a thread of a block that shares a row
constexpr int kColumnUnroll = 4;
constexpr int64_t kShort = 48;        // lanes as short as this are one thread's, wherever they lie
constexpr int64_t kBlocks = 1024;     // enough to fill a card
constexpr int64_t kMostColumnChunks = 64;
constexpr int64_t kStateBytes = 16;

struct Command : ScanCommand {
  int64_t lanes;
  Dims outer;  // in, out, index
};

struct Plan {
  bool column = false;
  int each = 1;
  int64_t chunk = 0, chunks = 1;
};

bool supports(int op, Dtype dtype) {
  const bool real = dtype == Dtype::Float32 || dtype == Dtype::Float64;
  if (op == kLogcumsumexp) return real;
  return real || (dtype <= Dtype::Int64 && (dtype != Dtype::Bool || op >= kCummax));
}

Plan choose(const Command& c) {
  Plan p;
  const int last = c.outer.ndim - 1;
  const bool dense = c.outer.size[last] >= 32 && std::abs(c.outer.stride[0][last]) < std::abs(c.in.along);
  p.column = dense || (c.n <= kShort && c.lanes >= kThreads);
  p.each = p.column ? kColumnUnroll : 1;
  while (!p.column && p.each < kMostEach && int64_t(p.each) * kThreads < c.n) p.each *= 2;
  const int64_t blocks = p.column ? blocksFor(c.lanes, kThreads) : c.lanes, tile = p.column ? 256 : int64_t(kThreads) * p.each;
  const int64_t most = p.column ? kMostColumnChunks : kBlocks;
  const int64_t chunks = std::clamp<int64_t>(std::min(kBlocks / blocks, c.n / (4 * tile)), 1, most);
  p.chunk = ((c.n + chunks - 1) / chunks + tile - 1) / tile * tile;
  p.chunks = (c.n + p.chunk - 1) / p.chunk;
  return p;
}

void pass(Device& device, const Command& c, const Plan& p, char* states, bool totals) {
  Words args;
  args.put(c.lanes);
  args.put(c.n);
  args.put(p.chunk);
  for (const ScanOperand* o : {&c.in, &c.out, &c.index}) args.put(o->along);
  for (char* address : {c.in.address, c.out.address, c.index.address, states}) args.put(static_cast<const void*>(address));
  c.outer.put(args);
  const int ndim = c.outer.ndim;
  const Key key = Key('s').add(c.op | int(c.dtype) << 4 | ndim << 8 | p.each << 16 | int64_t(p.column) << 24 | int64_t(totals) << 25);
  auto text = [&](bool indirect) -> KernelText {
    const char* type = c.dtype == Dtype::Bool ? "uint8_t" : storageName(c.dtype);
    const std::string body = instance(p.column ? "scanColumns" : "scanRows", int(c.op), type, ndim, p.each, totals);
    return {"scan", {"scan.cuh"}, "using namespace torchstone::device;\n" + kernelBody(instance("ScanArgs", ndim), kThreads, body, indirect)};
  };
  launch(device, key, std::ref(text), Grid{p.column ? blocksFor(c.lanes, kThreads) : c.lanes, p.chunks}, kThreads, args);
}

}  // namespace

void scan(Context& context) {
  Command c;
  if (!decode(context, c)) return;
  if (!supports(c.op, c.dtype)) return setStatus(context, kBadDtype, c.dtype);
  c.outer = {c.K, 3, c.size, {c.in.stride, c.out.stride, c.index.stride}};
  c.lanes = c.outer.elements();
  Device& device = current(context);
  const Plan p = choose(c);
  if (p.chunks == 1) {
    pass(device, c, p, nullptr, false);
  } else {
    const Scratch states(device, c.lanes * p.chunks * kStateBytes);
    pass(device, c, p, states.address(), true);
    pass(device, c, p, states.address(), false);
  }
  setStatus(context, kOk);
}

}  // namespace torchstone::cuda
