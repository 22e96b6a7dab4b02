// Convolution operands: the axes, and the operand as a lattice in which element (k, pixel) of the im2col matrix lies at
// rowOffset[k] + pixelOffset[pixel]. Padding and strides are absorbed by one padded copy of a few images, or by nothing where
// there are none.
#pragma once
#include "commands/conv.h"
#include "cpu/gemm/gemm_blocked.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

struct Axis : ConvAxis {
  int64_t reach() const { return (kernel - 1) * dilation / stride; }  // of the last tap, in strides
};
struct Strided {
  char* p;
  int64_t n, c, h, w;
};
struct Convolution {
  Dtype dtype;
  int64_t images, groups, channels, filters;
  Axis y, x;
  Strided input, output;
  char *weight, *bias;
  int threads;
  int64_t taps() const { return y.kernel * x.kernel; }
  double work() const {
    return static_cast<double>(images * filters * y.out) * static_cast<double>(x.out * (channels / groups) * taps());
  }
};

// False, with a status, for a malformed command.
TS_INLINE bool readConvolution(Context& ctx, Convolution& c) {
  ConvCommand from;
  if (!decode(ctx, from)) return false;
  const auto strided = [](const ConvImages& i) { return Strided{i.address, i.image, i.channel, i.row, i.column}; };
  c = {from.dtype, from.images, from.groups, from.channels, from.filters, {from.h}, {from.w}, strided(from.x), strided(from.y),
       from.weight, from.bias, ctx.threads};
  return true;
}

// Carves one buffer. Laid out twice: with no base to learn the size, then for real.
struct Arena {
  char* base = nullptr;
  size_t used = 0;
  template <class T> T* take(int64_t n) {
    T* p = reinterpret_cast<T*>(base + used);
    used += (static_cast<size_t>(n) * sizeof(T) + 127) / 64 * 64;  // with room for one vector read or written past the end
    return base ? p : nullptr;
  }
};

// Places of one axis: place i of slot s is the source's index origin + s + i·step, and 0 outside [0, size).
// A slot holds every step-th element, so that pixels next to each other lie next to each other.
struct Lattice {
  int64_t slots, length, step, origin, size;
  bool inside() const { return origin >= 0 && origin + slots - 1 + (length - 1) * step < size; }
};

// What a forward convolution reads along an axis.
TS_INLINE Lattice inputLattice(const Axis& a) {
  return {a.kernel == 1 ? 1 : a.stride, a.out + a.reach(), a.stride, -a.pad, a.in};
}

template <class T> struct Source {
  const T* from;
  T* copy = nullptr;  // of `block` images; null where the source is read in place
  int64_t channels, block, fromImage, fromChannel, fromRow, fromColumn;
  Lattice y, x;
  int64_t image, channel, row, slotY, slotX;  // steps of the lattice

  Source(const Strided& s, int64_t channelCount, int64_t images, const Lattice& ly, const Lattice& lx)
      : from(reinterpret_cast<const T*>(s.p)), channels(channelCount), block(images), fromImage(s.n), fromChannel(s.c),
        fromRow(s.h), fromColumn(s.w), y(ly), x(lx) {
    if (inPlace()) {
      image = s.n, channel = s.c, row = s.h * y.step, slotY = s.h, slotX = s.w;
      return;
    }
    row = x.length, slotX = y.length * row, slotY = x.slots * slotX;
    channel = y.slots * slotY, image = channels * channel;
  }
  bool inPlace() const { return y.inside() && x.inside() && (x.length == 1 || fromColumn * x.step == 1); }
  int64_t imageElements() const { return inPlace() ? 0 : image; }
  void take(Arena& arena) {
    if (!inPlace()) copy = arena.take<T>(block * image);
  }
  // The lattice of the images from `first` on.
  const T* at(int64_t first) const {
    return inPlace() ? from + first * fromImage + y.origin * fromRow + x.origin * fromColumn : copy;
  }
  int64_t tap(const Axis& ay, const Axis& ax, int64_t ky, int64_t kx) const {
    const int64_t dy = ky * ay.dilation, dx = kx * ax.dilation;
    return dy % ay.stride * slotY + dy / ay.stride * row + dx % ax.stride * slotX + dx / ax.stride;
  }

  // Piece i of the copy of the images from `first` on: one channel of one image.
  void copyPiece(int64_t first, int64_t i) const {
    const T* src = from + (first + i / channels) * fromImage + i % channels * fromChannel;
    T* dst = copy + i / channels * image + i % channels * channel;
    for (int64_t sy = 0; sy < y.slots; ++sy)
      for (int64_t sx = 0; sx < x.slots; ++sx)
        for (int64_t r = 0; r < y.length; ++r, dst += row) {
          const int64_t at = y.origin + sy + r * y.step;
          if (at < 0 || at >= y.size) clear(dst, 0, row);
          else copyRow(dst, src + at * fromRow, sx);
        }
  }
  static void clear(T* dst, int64_t i, int64_t end) {
    for (; i < end; ++i) dst[i] = 0;
  }
  void copyRow(T* __restrict dst, const T* src, int64_t slot) const {
    const int64_t origin = x.origin + slot;
    const int64_t low = origin >= 0 ? 0 : least(x.length, ceilDiv(-origin, x.step));
    int64_t high = origin < x.size ? least(x.length, ceilDiv(x.size - origin, x.step)) : 0;
    if (high < low) high = low;
    const int64_t step = x.step * fromColumn;
    const T* s = src + origin * fromColumn;
    clear(dst, 0, low);
    if (step == 1)
      for (int64_t i = low; i < high; ++i) dst[i] = s[i];
    else if (step == 2)
      for (int64_t i = low; i < high; ++i) dst[i] = s[2 * i];
    else
      for (int64_t i = low; i < high; ++i) dst[i] = s[i * step];
    clear(dst, high, x.length);
  }
};

// How many images are worked on at once: about 4 MB of what is copied or packed for them, which stays in the caches.
TS_INLINE int64_t imageBlock(int64_t images, int64_t bytesOfOne) {
  const int64_t fit = bytesOfOne > 0 ? (int64_t{4} << 20) / bytesOfOne : images;
  return least(images, fit < 1 ? 1 : fit);
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
