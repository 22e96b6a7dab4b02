// Owns the families indexGet, indexPut and nonzero on CUDA: from the command to the kernels of kernels/index.cuh.
#include "codegen.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kStretch = 8 * kThreads;  // of kernels/index.cuh

KernelText textOf(const char* family, const std::string& body) {
  return {family, programHeaders({}, {"index.cuh"}), "using namespace torchstone::device;\n" + body};
}

// `x` is the operand that the indices move, `y` the plain one.
struct Plan {
  int indices = 0;
  const char *x = nullptr, *y = nullptr;
  const char* index[kMaxDims];
  int64_t size[kMaxDims], step[kMaxDims];
  Dims dims;

  const char* operand(Cursor& c, int which) {
    const char* address = c.address();
    c.integers(dims.stride[which], dims.ndim);
    return address;
  }
  void readIndices(Cursor& c) {
    for (int m = 0; m < indices; ++m) {
      index[m] = operand(c, 2 + m);
      size[m] = c.integer();
      step[m] = c.integer();
    }
    dims.count = 2 + indices;
    if (dims.ndim > 0) return;
    dims.ndim = 1;
    dims.size[0] = 1;
    for (int i = 0; i < dims.count; ++i) dims.stride[i][0] = 0;
  }
  // `body` is what the kernel does with its arguments; `key` tells the texts apart.
  void run(Context& context, const char* family, Key key, const std::string& body) const {
    Device& device = current(context);
    const int arrays = indices > 0 ? indices : 1;
    const int64_t none[1] = {0};
    Words args;
    args.put(dims.elements());
    args.put(device.errorCell());
    args.put(x);
    args.put(y);
    for (int m = 0; m < arrays; ++m) args.put(static_cast<const void*>(indices > 0 ? index[m] : nullptr));
    args.put(indices > 0 ? size : none, arrays);
    args.put(indices > 0 ? step : none, arrays);
    dims.put(args);
    launch(device, key.add(dims.ndim).add(indices), [&](bool indirect) {
      return textOf(family, kernelBody(instance("IndexArgs", dims.ndim, indices), kThreads, body, indirect));
    }, Grid{blocksFor(dims.elements(), kThreads)}, kThreads, args);
    context.block[0] = kOk;
  }
};

const char* bytesName(int64_t bytes) {
  return bytes == 1 ? "uint8_t" : bytes == 2 ? "uint16_t" : bytes == 4 ? "uint32_t" : bytes == 8 ? "uint64_t" : "Item16";
}

void bad(Context& context, Dtype dtype) {
  context.block[0] = kBadDtype;
  context.block[1] = double(dtype);
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
  Cursor c(context.block);
  Plan p;
  const int64_t bytes = c.integer();
  p.dims.ndim = int(c.integer());
  p.indices = int(c.integer());
  c.integers(p.dims.size, p.dims.ndim);
  p.y = p.operand(c, 1);
  p.x = p.operand(c, 0);
  p.readIndices(c);
  p.run(context, "indexGet", Key('i').add(bytes), instance("getElements", bytesName(bytes)));
}

void indexPut(Context& context) {
  Cursor c(context.block);
  Plan p;
  const int64_t mode = c.integer();
  const auto dtype = Dtype(c.integer());
  if (mode != 0 && dtype >= Dtype::Complex64) return bad(context, dtype);
  p.dims.ndim = int(c.integer());
  p.indices = int(c.integer());
  c.integers(p.dims.size, p.dims.ndim);
  p.x = p.operand(c, 0);
  p.y = p.operand(c, 1);
  p.readIndices(c);
  static constexpr const char* kModes[] = {"kReplace", "kAdd", "kMultiply", "kMaximum", "kMinimum"};
  const char* type = mode == 0 ? bytesName(kItemSize[int(dtype)]) : storageName(dtype);
  p.run(context, "indexPut", Key('u').add(mode).add(int(dtype)), instance("putElements", type, kModes[mode]));
}

void nonzero(Context& context) {
  Cursor c(context.block);
  const auto dtype = Dtype(c.integer());
  Dims dims;
  dims.count = 1;
  dims.ndim = int(c.integer());
  const bool flat = dims.ndim == 0;
  const bool counting = c.integer() == 0 || flat;  // 0-d: no coordinates, both phases count
  c.integers(dims.size, dims.ndim);
  const char* in = c.address();
  c.integers(dims.stride[0], dims.ndim);
  char* out = c.address();
  if (flat) dims.ndim = 1, dims.size[0] = 1, dims.stride[0][0] = 0;
  const Bits bits = bitsOf(dtype);
  if (bits.type == nullptr) return bad(context, dtype);
  Device& device = current(context);
  const int64_t blocks = blocksFor(dims.elements(), kStretch);
  Scratch counts(device, (blocks + 1) * 8);
  const auto run = [&](const char* name) {
    Words args;
    args.put(dims.elements());
    args.put(in);
    args.put(counts.address());
    args.put(out);
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
  if (counting) device.copyToHost(&total, counts.address() + blocks * 8, 8);
  else run("writeHits");
  context.block[0] = kOk;
  context.block[1] = double(total);
}

}  // namespace torchstone::cuda
