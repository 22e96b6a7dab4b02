// Owns the implicit matrices of 2-d convolutions and their gradients: which element of x, w or y stands at a place. The loop
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

struct Tap { int64_t channel, h, w; };
TS_INLINE Tap tapOf(const ConvArgs& c, int64_t k) {
  return {k / (c.h.kernel * c.w.kernel), k / c.w.kernel % c.h.kernel, k % c.w.kernel};
}

// y[filter, (image, h, w)] = weight[filter, (channel, tap)] · x[(channel, tap), (image, h, w)]
template <class T> struct Forward {
  static constexpr bool kAAlongK = true, kBAlongK = false;
  const ConvArgs& c;
  int64_t group, K;
  T a(int64_t m, int64_t k) const {
    return m < c.filters ? reinterpret_cast<const T*>(c.weight)[(group * c.filters + m) * K + k] : T(0);
  }
  T b(int64_t k, int64_t n) const {
    const int64_t pixels = c.h.out * c.w.out;
    if (n >= c.images * pixels) return T(0);
    const Tap t = tapOf(c, k);
    const int64_t p = n % pixels;
    const int64_t row = p / c.w.out * c.h.stride - c.h.pad + t.h * c.h.dilation, column = p % c.w.out * c.w.stride - c.w.pad + t.w * c.w.dilation;
    if (row < 0 || row >= c.h.in || column < 0 || column >= c.w.in) return T(0);
    return reinterpret_cast<const T*>(c.x)[n / pixels * c.xImage + (group * c.channels + t.channel) * c.xChannel + row * c.xRow + column * c.xColumn];
  }
};

template <class T> TS_INLINE void convForward(const ConvArgs& c) {
  const int64_t group = blockIdx.y, K = c.channels * c.h.kernel * c.w.kernel, pixels = c.h.out * c.w.out;
  product<T>(Forward<T>{c, group, K}, c.tiles, c.filters, c.images * pixels, 0, K, [&](int64_t m, int64_t n, T value) {
    const int64_t filter = group * c.filters + m, p = n % pixels;
    if (c.bias != nullptr) value += reinterpret_cast<const T*>(c.bias)[filter];
    reinterpret_cast<T*>(c.y)[n / pixels * c.yImage + filter * c.yChannel + p / c.w.out * c.yRow + p % c.w.out * c.yColumn] = value;
  });
}

// The output place that input place `at` reads through a tap, or -1.
TS_INLINE int64_t outputOf(const ConvAxis& a, int64_t at, int64_t tap) {
  const int64_t from = at + a.pad - tap * a.dilation;
  if (from < 0 || from % a.stride != 0) return -1;
  return from / a.stride < a.out ? from / a.stride : -1;
}

// x[channel, (image, h, w)] = weight[(filter, tap), channel] · y[(filter, tap), (image, h, w)]
template <class T> struct Backward {
  static constexpr bool kAAlongK = false, kBAlongK = false;
  const ConvArgs& c;
  int64_t group, taps;
  T a(int64_t m, int64_t k) const {
    if (m >= c.channels) return T(0);
    return reinterpret_cast<const T*>(c.weight)[((group * c.filters + k / taps) * c.channels + m) * taps + k % taps];
  }
  T b(int64_t k, int64_t n) const {
    const int64_t pixels = c.h.in * c.w.in;
    if (n >= c.images * pixels) return T(0);
    const Tap t = tapOf(c, k);
    const int64_t p = n % pixels, row = outputOf(c.h, p / c.w.in, t.h), column = outputOf(c.w, p % c.w.in, t.w);
    if (row < 0 || column < 0) return T(0);
    return reinterpret_cast<const T*>(c.y)[n / pixels * c.yImage + (group * c.filters + t.channel) * c.yChannel + row * c.yRow + column * c.yColumn];
  }
};

template <class T> TS_INLINE void convInput(const ConvArgs& c) {
  const int64_t group = blockIdx.y, taps = c.h.kernel * c.w.kernel, pixels = c.h.in * c.w.in;
  product<T>(Backward<T>{c, group, taps}, c.tiles, c.channels, c.images * pixels, 0, c.filters * taps, [&](int64_t m, int64_t n, T value) {
    const int64_t p = n % pixels;
    reinterpret_cast<T*>(c.x)[n / pixels * c.xImage + (group * c.channels + m) * c.xChannel + p / c.w.in * c.xRow + p % c.w.in * c.xColumn] = value;
  });
}

// weight[filter, (channel, tap)] = y[filter, (image, h, w)] · x[(channel, tap), (image, h, w)], the latter as in Forward.
template <class T> struct Weights {
  static constexpr bool kAAlongK = true, kBAlongK = true;
  const ConvArgs& c;
  int64_t group, K;
  T a(int64_t m, int64_t k) const {
    if (m >= c.filters) return T(0);
    const int64_t pixels = c.h.out * c.w.out, p = k % pixels;
    return reinterpret_cast<const T*>(c.y)[k / pixels * c.yImage + (group * c.filters + m) * c.yChannel + p / c.w.out * c.yRow + p % c.w.out * c.yColumn];
  }
  T b(int64_t k, int64_t n) const { return n < K ? Forward<T>{c, group, K}.b(n, k) : T(0); }
};

// Every split sums a stretch of the places into its own part of `partial`.
template <class T> TS_INLINE void convWeight(const ConvArgs& c) {
  const int64_t group = blockIdx.y, split = blockIdx.z, K = c.channels * c.h.kernel * c.w.kernel;
  const int64_t places = c.images * c.h.out * c.w.out, share = (places + c.splits - 1) / c.splits;
  const int64_t from = split * share < places ? split * share : places, to = from + share < places ? from + share : places;
  T* const out = reinterpret_cast<T*>(c.partial) + (split * c.groups + group) * c.filters * K;
  product<T>(Weights<T>{c, group, K}, c.tiles, c.filters, K, from, to, [&](int64_t m, int64_t n, T value) { out[m * K + n] = value; });
}

struct PartsArgs {
  int64_t n, splits;
  const char* partial;
  char* out;
};

// The parts in order, so that the sum is the same from run to run.
template <class T> TS_INLINE void sumParts(const PartsArgs& a) {
  const int64_t i = int64_t(blockIdx.x) * kProductThreads + threadIdx.x;
  if (i >= a.n) return;
  T sum = 0;
  for (int64_t s = 0; s < a.splits; ++s) sum += reinterpret_cast<const T*>(a.partial)[s * a.n + i];
  reinterpret_cast<T*>(a.out)[i] = sum;
}

}  // namespace torchstone::device
