// The index kernel families on CUDA: indexGet, indexPut and nonzero, by kernels/index.cuh.
#include "codegen.h"
#include "commands/index.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kStretch = 8 * kThreads;  // of kernels/index.cuh

KernelText textOf(const char* family, const std::string& body) {
  return {family, programHeaders({}, {"index.cuh"}), "using namespace torchstone::device;\n" + body};
}

// `body` is what the kernel does with its arguments; `key` tells the sources apart.
void run(Context& context, const IndexCommand& c, const char* family, Key key, const std::string& body) {
  Device& device = current(context);
  Dims dims{c.ndim, 2 + c.indices, c.size, {c.movedStride, c.plainStride}};
  for (int m = 0; m < c.indices; ++m) dims.stride[2 + m] = c.index[m].stride;
  Words args;
  args.put(dims.elements());
  args.put(device.errorCell());
  args.put(static_cast<const void*>(c.moved));
  args.put(static_cast<const void*>(c.plain));
  // A kernel's arrays have one element at least.
  for (int m = 0; m < c.indices; ++m) args.put(static_cast<const void*>(c.index[m].address));
  if (c.indices == 0) putZeros(args, 1);
  for (int m = 0; m < c.indices; ++m) args.put(c.index[m].dimSize);
  if (c.indices == 0) putZeros(args, 1);
  for (int m = 0; m < c.indices; ++m) args.put(c.index[m].step);
  if (c.indices == 0) putZeros(args, 1);
  dims.put(args);
  launch(device, key.add(dims.ndim).add(c.indices), [&](bool indirect) {
    return textOf(family, kernelBody(instance("IndexArgs", dims.ndim, c.indices), kThreads, body, indirect));
  }, Grid{blocksFor(dims.elements(), kThreads)}, kThreads, args);
  setStatus(context, kOk);
}

const char* bytesName(int64_t bytes) {
  return bytes == 1 ? "uint8_t" : bytes == 2 ? "uint16_t" : bytes == 4 ? "uint32_t" : bytes == 8 ? "uint64_t" : "Item16";
}

// The raw bits of an element, and the mask under which a zero is all zeros.
struct Bits { const char* type; const char* mask; };
Bits bitsOf(Dtype dtype) {
  switch (dtype) {
    case Dtype::Bool: case Dtype::UInt8: case Dtype::Int8: return {"uint8_t", "0xffull"};
    case Dtype::Int16: return {"uint16_t", "0xffffull"};
    case Dtype::Int32: return {"uint32_t", "0xffffffffull"};
    case Dtype::Int64: return {"uint64_t", "0xffffffffffffffffull"};
    case Dtype::Float16: case Dtype::BFloat16: return {"uint16_t", "0x7fffull"};
    case Dtype::Float32: return {"uint32_t", "0x7fffffffull"};
    case Dtype::Float64: return {"uint64_t", "0x7fffffffffffffffull"};
    case Dtype::Complex64: case Dtype::Complex128: return {nullptr, nullptr};
  }
  return {nullptr, nullptr};
}

}  // namespace

void indexGet(Context& context) {
  IndexCommand c;
  if (!decodeGet(context, c)) return;
  run(context, c, "indexGet", Key('i').add(c.itemBytes), instance("getElements", bytesName(c.itemBytes)));
}

void indexPut(Context& context) {
  IndexCommand c;
  if (!decodePut(context, c)) return;
  if (c.mode != kReplace && c.dtype >= Dtype::Complex64) return setStatus(context, kBadDtype, c.dtype);
  static constexpr const char* kModes[] = {"kReplace", "kAdd", "kMultiply", "kMaximum", "kMinimum"};
  const char* type = c.mode == kReplace ? bytesName(c.itemBytes) : storageName(c.dtype);
  run(context, c, "indexPut", Key('u').add(c.mode).add(int(c.dtype)), instance("putElements", type, kModes[c.mode]));
}

void nonzero(Context& context) {
  NonzeroCommand c;
  if (!decode(context, c)) return;
  const Dims dims{c.ndim, 1, c.size, {c.stride}};
  const Dtype dtype = c.dtype;
  const Bits bits = bitsOf(dtype);
  if (bits.type == nullptr) return setStatus(context, kBadDtype, dtype);
  Device& device = current(context);
  const int64_t blocks = blocksFor(dims.elements(), kStretch);
  Scratch counts(device, (blocks + 1) * 8);
  const auto run = [&](const char* name) {
    Words args;
    args.put(dims.elements());
    args.put(static_cast<const void*>(c.in));
    args.put(counts.address());
    args.put(static_cast<const void*>(c.out));
    dims.put(args);
    launch(device, Key(name[0]).add(int(dtype)).add(dims.ndim), [&](bool indirect) {
      const std::string type = instance("NonzeroArgs", dims.ndim);
      return textOf("nonzero", kernelBody(type, kThreads, instance(name, bits.type, bits.mask), indirect));
    }, Grid{blocks}, kThreads, args);
  };
  run("countHits");
  Words args;
  args.put(blocks);
  args.put(counts.address());
  launch(device, Key('Z'), [&](bool indirect) {
    return textOf("nonzero", kernelBody("CountsArgs", kThreads, "sumCounts", indirect));
  }, Grid{}, kThreads, args);
  int64_t total = 0;
  if (!c.writes) device.copyToHost(&total, counts.address() + blocks * 8, 8);
  else run("writeHits");
  setStatus(context, kOk, double(total));
}

}  // namespace torchstone::cuda
