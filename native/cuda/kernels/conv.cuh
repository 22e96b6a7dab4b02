// The implicit matrices of 2-d convolutions and their gradients: which element of x, w or y stands at a place. The loop
// is product.cuh's. Groups are planes of the grid.
#pragma once
#include "product.cuh"

namespace torchstone::device {

struct ConvAxis { int64_t in, out, kernel, stride, pad, dilation; };

// Strides in elements; w is [filters, channels, kernelH, kernelW] of one group after another, all contiguous.
struct ConvArgs {
  int64_t images, groups, channels, filters;  // of one group
  ConvAxis h, w;
  char* x;
  int64_t xImage, xChannel, xRow, xColumn;
  char* weight;
  char* bias;
  char* y;
  int64_t yImage, yChannel, yRow, yColumn;
  int64_t tiles, splits;  // how many parts the sum of a weight gradient is cut into
  char* partial;          // [splits, filters · channels · taps] of all groups
};

// The same sizes and strides in the type of integer that the kernel counts in: an implicit matrix divides for every element.
template <class I> struct AxisIn {
  I in, out, kernel, stride, pad, dilation;
  TS_INLINE AxisIn of(const ConvAxis& a) { return {I(a.in), I(a.out), I(a.kernel), I(a.stride), I(a.pad), I(a.dilation)}; }
};
template <class S, class I> struct ImageIn {
  S* at;
  I image, channel, row, column;
};
template <class S_, class T_, class I_> struct Conv {
  using S = S_;  // stored
  using T = T_;  // summed in
  using I = I_;
  I images, channels, filters, group;
  AxisIn<I> h, w;
  ImageIn<S, I> x, y;
  const S* weight;
  const S* bias;
  TS_INLINE Conv of(const ConvArgs& a) {
    return {I(a.images), I(a.channels), I(a.filters), I(blockIdx.y), AxisIn<I>::of(a.h), AxisIn<I>::of(a.w),
            {reinterpret_cast<S*>(a.x), I(a.xImage), I(a.xChannel), I(a.xRow), I(a.xColumn)},
            {reinterpret_cast<S*>(a.y), I(a.yImage), I(a.yChannel), I(a.yRow), I(a.yColumn)},
            reinterpret_cast<const S*>(a.weight), reinterpret_cast<const S*>(a.bias)};
  }
  I taps() const { return h.kernel * w.kernel; }
};

// y[filter, (image, h, w)] = weight[filter, (channel, tap)] · x[(channel, tap), (image, h, w)]
template <class C> struct Forward {
  using T = typename C::T;
  using I = typename C::I;
  static constexpr bool kAAlongK = true, kBAlongK = false;
  const C& c;
  I K, pixels;
  T a(int64_t m, int64_t k) const { return I(m) < c.filters ? summed(c.weight[(c.group * c.filters + I(m)) * K + I(k)]) : T(0); }
  T b(int64_t k, int64_t n) const {
    if (I(n) >= c.images * pixels) return T(0);
    const I image = I(n) / pixels, p = I(n) % pixels, channel = I(k) / c.taps(), tap = I(k) % c.taps();
    const I row = p / c.w.out * c.h.stride - c.h.pad + tap / c.w.kernel * c.h.dilation;
    const I column = p % c.w.out * c.w.stride - c.w.pad + tap % c.w.kernel * c.w.dilation;
    if (row < 0 || row >= c.h.in || column < 0 || column >= c.w.in) return T(0);
    return summed(c.x.at[image * c.x.image + (c.group * c.channels + channel) * c.x.channel + row * c.x.row + column * c.x.column]);
  }
};

template <class S, class T, class I> TS_INLINE void convForward(const ConvArgs& args) {
  using C = Conv<S, T, I>;
  const C c = C::of(args);
  const I K = c.channels * c.taps(), pixels = c.h.out * c.w.out;
  product<T>(Forward<C>{c, K, pixels}, args.tiles, c.filters, c.images * pixels, 0, K, [&](int64_t m, int64_t n, T value) {
    const I filter = c.group * c.filters + I(m), p = I(n) % pixels;
    if (c.bias != nullptr) value += summed(c.bias[filter]);
    c.y.at[I(n) / pixels * c.y.image + filter * c.y.channel + p / c.w.out * c.y.row + p % c.w.out * c.y.column] = rounded<S>(value);
  });
}

// The output place that input place `at` reads through a tap, or -1.
template <class I> TS_INLINE I outputOf(const AxisIn<I>& a, I at, I tap) {
  const I from = at + a.pad - tap * a.dilation;
  if (from < 0 || from % a.stride != 0) return -1;
  return from / a.stride < a.out ? from / a.stride : -1;
}

// x[channel, (image, h, w)] = weight[(filter, tap), channel] · y[(filter, tap), (image, h, w)]
template <class C> struct Backward {
  using T = typename C::T;
  using I = typename C::I;
  static constexpr bool kAAlongK = false, kBAlongK = false;
  const C& c;
  I taps, pixels;
  T a(int64_t m, int64_t k) const {
    if (I(m) >= c.channels) return T(0);
    return summed(c.weight[((c.group * c.filters + I(k) / taps) * c.channels + I(m)) * taps + I(k) % taps]);
  }
  T b(int64_t k, int64_t n) const {
    if (I(n) >= c.images * pixels) return T(0);
    const I image = I(n) / pixels, p = I(n) % pixels, filter = I(k) / taps, tap = I(k) % taps;
    const I row = outputOf(c.h, I(p / c.w.in), I(tap / c.w.kernel)), column = outputOf(c.w, I(p % c.w.in), I(tap % c.w.kernel));
    if (row < 0 || column < 0) return T(0);
    return summed(c.y.at[image * c.y.image + (c.group * c.filters + filter) * c.y.channel + row * c.y.row + column * c.y.column]);
  }
};

template <class S, class T, class I> TS_INLINE void convInput(const ConvArgs& args) {
  using C = Conv<S, T, I>;
  const C c = C::of(args);
  const I taps = c.taps(), pixels = c.h.in * c.w.in;
  product<T>(Backward<C>{c, taps, pixels}, args.tiles, c.channels, c.images * pixels, 0, c.filters * taps, [&](int64_t m, int64_t n, T value) {
    const I p = I(n) % pixels;
    c.x.at[I(n) / pixels * c.x.image + (c.group * c.channels + I(m)) * c.x.channel + p / c.w.in * c.x.row + p % c.w.in * c.x.column] = rounded<S>(value);
  });
}

// weight[filter, (channel, tap)] = y[filter, (image, h, w)] · x[(channel, tap), (image, h, w)], the latter as in Forward.
template <class C> struct Weights {
  using T = typename C::T;
  using I = typename C::I;
  static constexpr bool kAAlongK = true, kBAlongK = true;
  const C& c;
  I K, pixels;
  T a(int64_t m, int64_t k) const {
    if (I(m) >= c.filters) return T(0);
    const I image = I(k) / pixels, p = I(k) % pixels;
    return summed(c.y.at[image * c.y.image + (c.group * c.filters + I(m)) * c.y.channel + p / c.w.out * c.y.row + p % c.w.out * c.y.column]);
  }
  T b(int64_t k, int64_t n) const { return I(n) < K ? Forward<C>{c, K, pixels}.b(n, k) : T(0); }
};

// Every split sums a stretch of the places into its own part of `partial`, in the dtype that is summed in; one alone is the result.
template <class S, class T, class I, bool alone> TS_INLINE void convWeight(const ConvArgs& args) {
  using C = Conv<S, T, I>;
  const C c = C::of(args);
  const I K = c.channels * c.taps(), pixels = c.h.out * c.w.out;
  const int64_t split = blockIdx.z, places = int64_t(c.images) * pixels, share = (places + args.splits - 1) / args.splits;
  const int64_t from = split * share < places ? split * share : places, to = from + share < places ? from + share : places;
  const int64_t first = (split * args.groups + c.group) * c.filters * K;
  product<T>(Weights<C>{c, K, pixels}, args.tiles, c.filters, K, from, to, [&](int64_t m, int64_t n, T value) {
    if constexpr (alone) reinterpret_cast<S*>(args.partial)[first + m * K + n] = rounded<S>(value);
    else reinterpret_cast<T*>(args.partial)[first + m * K + n] = value;
  });
}

struct PartsArgs {
  int64_t n, splits;
  const char* partial;
  char* out;
};

// The parts in order, so that the sum is the same from run to run.
template <class S, class T> TS_INLINE void sumParts(const PartsArgs& a) {
  const int64_t i = int64_t(blockIdx.x) * kProductThreads + threadIdx.x;
  if (i >= a.n) return;
  T sum = 0;
  for (int64_t s = 0; s < a.splits; ++s) sum += reinterpret_cast<const T*>(a.partial)[s * a.n + i];
  reinterpret_cast<S*>(a.out)[i] = rounded<S>(sum);
}

}  // namespace torchstone::device
