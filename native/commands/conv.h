// Convolution command, of conv, convInputGrad and convWeightGrad: y[n,o] = Σ x ∗ w (+ bias), over N images, C channels and O
// filters in G groups.
//   block = [dtype, N, G, C, O, axis H, axis W, x: address, strideN, strideC, strideH, strideW, w address, bias address or 0,
//            y: address, strideN, strideC, strideH, strideW]     axis = [in, out, kernel, stride, pad, dilation]
// `pad` is what stands before the first element; `out` says how far the windows go, and all outside x reads as 0. float32 and
// float64; on CUDA also float16 and bfloat16, summed in float32 and rounded once. conv writes y; convInputGrad reads y's
// gradient and w, writes x's; convWeightGrad reads x and y's gradient, writes w's. What is written is contiguous; w
// [O, C/G, KH, KW] and bias [O] always are, and so is y in convWeightGrad; any strides otherwise (0 too). All of the result is
// written, and sums start at 0.
#pragma once
#include "cursor.h"

namespace torchstone {

struct ConvAxis {
  int64_t in, out, kernel, stride, pad, dilation;
};

// A batch of images; strides in elements.
struct ConvImages {
  char* address;
  int64_t image, channel, row, column;
};

struct ConvCommand {
  Dtype dtype;
  int64_t images, groups, channels, filters;  // channels and filters of all groups together
  ConvAxis h, w;
  ConvImages x, y;
  char *weight, *bias;
};

static inline void readAxis(Cursor& in, ConvAxis& a) {
  a.in = in.positive(), a.out = in.positive(), a.kernel = in.positive(), a.stride = in.positive();
  a.pad = in.integer();
  a.dilation = in.positive();
}

static inline void readImages(Cursor& in, ConvImages& i) {
  i.address = in.address();
  i.image = in.integer(), i.channel = in.integer(), i.row = in.integer(), i.column = in.integer();
}

static inline bool decode(Context& context, ConvCommand& c) {
  Cursor in(context);
  c.dtype = in.dtype();
  c.images = in.positive(), c.groups = in.positive(), c.channels = in.positive(), c.filters = in.positive();
  readAxis(in, c.h);
  readAxis(in, c.w);
  readImages(in, c.x);
  c.weight = in.address(), c.bias = in.address();
  readImages(in, c.y);
  in.require(c.channels % c.groups == 0 && c.filters % c.groups == 0);
  return in.finish();
}

}  // namespace torchstone
