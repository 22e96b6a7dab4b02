// The convolution kernel families on CUDA: products over implicit matrices (kernels/conv.cuh).
#include <algorithm>
#include <cstdlib>

#include "codegen.h"
#include "commands/conv.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256, kTile = 64;  // of kernels/product.cuh
constexpr int64_t kEnoughBlocks = 512;     // a weight gradient has few tiles and long sums: it is cut until there are so many
constexpr int64_t kLeastShare = 256;       // places that one part sums

struct Command : ConvCommand {  // channels and filters of one group, once read
  static void put(Words& args, const ConvImages& i) {
    args.put(static_cast<const void*>(i.address));
    for (int64_t v : {i.image, i.channel, i.row, i.column}) args.put(v);
  }
  int64_t taps() const { return h.kernel * w.kernel; }
  // What is stored, and what it is summed in.
  const char* stored() const { return storageName(dtype); }
  Dtype sums() const { return dtype == Dtype::Float64 ? dtype : Dtype::Float32; }
  // Whether some position, or number of a tile that reaches beyond the matrices, needs 64 bits.
  bool wide() const {
    const auto reach = [&](const ConvImages& i, int64_t all, int64_t rows, int64_t columns) {
      return std::abs(i.image) * images + std::abs(i.channel) * all + std::abs(i.row) * rows + std::abs(i.column) * columns;
    };
    const int64_t taken = channels * taps(), inside = h.in * w.in, outside = h.out * w.out;
    const int64_t edge = (h.out + h.pad + h.in + h.kernel) * h.stride * h.dilation + (w.out + w.pad + w.in + w.kernel) * w.stride * w.dilation;
    return std::max({reach(x, groups * channels, h.in, w.in), reach(y, groups * filters, h.out, w.out), groups * filters * taken, filters * taps(),
                     images * inside, images * outside, edge}) >= kNarrow - (int64_t(1) << 16);
  }

  // C is M × N for every group, in `splits` parts.
  void run(Device& device, const char* family, const char* function, int64_t M, int64_t N, int64_t splits, char* partial) const {
    const bool weights = function[4] == 'W', alone = splits == 1;
    const int64_t columns = blocksFor(N, kTile);
    Words args;
    for (int64_t v : {images, groups, channels, filters}) args.put(v);
    for (const ConvAxis& a : {h, w})
      for (int64_t v : {a.in, a.out, a.kernel, a.stride, a.pad, a.dilation}) args.put(v);
    put(args, x);
    args.put(static_cast<const void*>(weight));
    args.put(static_cast<const void*>(bias));
    put(args, y);
    args.put(columns);
    args.put(splits);
    args.put(static_cast<const void*>(partial));
    launch(device, Key(function[4]).add(int(dtype)).add(wide()).add(alone), [&](bool indirect) {
      const char *sum = storageName(sums()), *index = indexName(wide());
      return text(family, "ConvArgs", weights ? instance(function, stored(), sum, index, alone) : instance(function, stored(), sum, index), indirect);
    }, Grid{blocksFor(M, kTile) * columns, groups, splits}, kThreads, args);
  }
  static KernelText text(const char* family, const char* args, const std::string& body, bool indirect) {
    return {family, programHeaders({}, {"conv.cuh"}), "using namespace torchstone::device;\n" + kernelBody(args, kThreads, body, indirect)};
  }
};

// False, with a status, where the command cannot be run.
bool read(Context& context, Command& c) {
  if (!decode(context, c)) return false;
  c.channels /= c.groups;
  c.filters /= c.groups;
  const bool supported = c.dtype >= Dtype::Float16 && c.dtype <= Dtype::Float64;
  if (supported) setStatus(context, kOk);
  else setStatus(context, kBadDtype, c.dtype);
  return supported;
}

}  // namespace

void conv(Context& context) {
  Command c;
  if (!read(context, c)) return;
  c.run(current(context), "conv", "convForward", c.filters, c.images * c.h.out * c.w.out, 1, nullptr);
}

void convInputGrad(Context& context) {
  Command c;
  if (!read(context, c)) return;
  c.run(current(context), "convInputGrad", "convInput", c.channels, c.images * c.h.in * c.w.in, 1, nullptr);
}

void convWeightGrad(Context& context) {
  Command c;
  if (!read(context, c)) return;
  Device& device = current(context);
  const int64_t N = c.channels * c.taps(), places = c.images * c.h.out * c.w.out, n = c.groups * c.filters * N;
  const int64_t tiles = blocksFor(c.filters, kTile) * blocksFor(N, kTile) * c.groups;
  const int64_t wanted = kEnoughBlocks / tiles, most = blocksFor(places, kLeastShare);
  const int64_t splits = wanted < 1 ? 1 : wanted < most ? wanted : most;
  if (splits == 1) return c.run(device, "convWeightGrad", "convWeight", c.filters, N, 1, c.weight);
  const Scratch partial(device, splits * n * kItemSize[int(c.sums())]);
  c.run(device, "convWeightGrad", "convWeight", c.filters, N, splits, partial.address());
  Words args;
  args.put(n);
  args.put(splits);
  args.put(static_cast<const void*>(partial.address()));
  args.put(static_cast<const void*>(c.weight));
  launch(device, Key('S').add(int(c.dtype)), [&](bool indirect) {
    return Command::text("convWeightGrad", "PartsArgs", instance("sumParts", c.stored(), storageName(c.sums())), indirect);
  }, Grid{blocksFor(n, kThreads)}, kThreads, args);
}

}  // namespace torchstone::cuda
