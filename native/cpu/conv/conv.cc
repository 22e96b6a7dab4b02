// The convolution kernel families (conv, convInputGrad, convWeightGrad): products over the im2col matrix, which is only ever
// packed, a few panels at a time. Sums are never split by the number of threads.
#include "conv_correlate.h"
#include "conv_weights.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr double kConvGrain = 64.0 * 64.0 * 64.0;  // multiply-adds below which one thread is faster

template <class T> T* pointer(char* p) { return reinterpret_cast<T*>(p); }

// The dtype decided, `layout` runs twice: for the size of the buffer, then on it. False when there is no memory.
template <class F> bool withArena(F&& layout) {
  Arena arena;
  layout(arena);
  arena.base = static_cast<char*>(scratch.ensure(arena.used));
  arena.used = 0;
  if (!arena.base) return false;
  layout(arena);
  return true;
}

TS_INLINE int threadsFor(const Convolution& c) { return c.work() < kConvGrain ? 1 : c.threads; }

template <class T> void fillRows(const Convolution& c, const Source<T>& source, int64_t channels, int64_t* rows) {
  for (int64_t k = 0, i = 0; k < channels; ++k)
    for (int64_t y = 0; y < c.y.kernel; ++y)
      for (int64_t x = 0; x < c.x.kernel; ++x) rows[i++] = k * source.channel + source.tap(c.y, c.x, y, x);
}

template <class T> bool forward(const Convolution& c) {
  const int64_t inputs = c.channels / c.groups, M = c.filters / c.groups, K = inputs * c.taps();
  const int threads = threadsFor(c);
  Source<T> source(c.input, c.channels, 1, inputLattice(c.y), inputLattice(c.x));
  source.block = imageBlock(c.images, source.imageElements() * static_cast<int64_t>(sizeof(T)));
  Correlation<T> p{c.images, c.groups, inputs, M, source, Tiles(M), pointer<T>(c.weight), M * K, K, true,
                   pointer<T>(c.bias), pointer<T>(c.output.p), c.output.n, c.output.c};
  const int64_t pixels = c.y.out * c.x.out;
  Part<T> part;
  part.K = K + (p.bias != nullptr);
  part.grid = {c.y.out, c.x.out, source.image, source.row, 1};
  part.out = {c.y.out, c.x.out, c.filters * pixels, c.x.out, 1};
  p.parts = &part;
  const bool ok = withArena([&](Arena& arena) {
    part.rows = arena.take<int64_t>(K);
    part.taps = arena.take<int64_t>(K);
    part.packed = arena.take<T>(p.packedElements(part));
    p.source.take(arena);
    p.buffers = arena.take<T>(threads * p.bufferElements());
  });
  if (!ok) return false;
  fillRows(c, p.source, inputs, part.rows);
  for (int64_t k = 0; k < K; ++k) part.taps[k] = k;
  p.run(threads);
  return true;
}

// Along one axis: input place i has i + pad = phase + stride·u, and tap t with t·dilation = phase + stride·v reads output
// u − v.
struct Phase {
  int64_t phase, low, count, taps;  // u from low on; how many taps
  Phase(const Axis& a, int64_t p) : phase(p), taps(0) {
    low = p >= a.pad ? -((p - a.pad) / a.stride) : ceilDiv(a.pad - p, a.stride);
    const int64_t top = a.in - 1 + a.pad - p;
    count = top < 0 ? -(-top + a.stride - 1) / a.stride - low + 1 : top / a.stride - low + 1;
    if (count < 0) count = 0;
    for (int64_t t = 0; t < a.kernel; ++t) taps += t * a.dilation % a.stride == p;
  }
  int64_t start(const Axis& a) const { return phase + a.stride * low - a.pad; }
};
// What the input gradient reads of the output's gradient: u − v for every phase.
TS_INLINE Lattice gradientLattice(const Axis& a) {
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (int64_t p = 0; p < a.stride; ++p) {
    const Phase h(a, p);
    if (h.count == 0 || h.taps == 0) continue;
    if (h.low < low) low = h.low;
    if (h.low + h.count - 1 > high) high = h.low + h.count - 1;
  }
  if (low > high) low = high = 0;
  low -= a.reach();
  return {1, high - low + 1, 1, low, a.out};
}

template <class T> void fillPart(const Convolution& c, const Source<T>& source, Part<T>& p, const Phase& py, const Phase& px) {
  const int64_t M = c.channels / c.groups, filters = c.filters / c.groups;
  int64_t i = 0;
  for (int64_t f = 0; f < filters; ++f)
    for (int64_t y = 0; y < c.y.kernel; ++y)
      for (int64_t x = 0; x < c.x.kernel; ++x) {
        const int64_t dy = y * c.y.dilation - py.phase, dx = x * c.x.dilation - px.phase;
        if (dy % c.y.stride != 0 || dx % c.x.stride != 0) continue;
        p.rows[i] = f * source.channel + (py.low - dy / c.y.stride - source.y.origin) * source.row +
                    (px.low - dx / c.x.stride - source.x.origin);
        p.taps[i++] = f * M * c.taps() + y * c.x.kernel + x;
      }
}

template <class T> int64_t makeParts(const Convolution& c, const Correlation<T>& p, Part<T>* parts) {
  int64_t n = 0;
  for (int64_t y = 0; y < c.y.stride; ++y)
    for (int64_t x = 0; x < c.x.stride; ++x) {
      const Phase py(c.y, y), px(c.x, x);
      if (py.count == 0 || px.count == 0) continue;
      if (parts) {
        Part<T>& part = parts[n];
        part = Part<T>();
        part.K = c.filters / c.groups * py.taps * px.taps;
        part.grid = {py.count, px.count, p.source.image, p.source.row, 1};
        part.out = {py.count, px.count, p.outImage, c.y.stride * c.x.in, c.x.stride};
        part.outStart = py.start(c.y) * c.x.in + px.start(c.x);
      }
      ++n;
    }
  return n;
}

template <class T> bool inputGradient(const Convolution& c) {
  const int64_t M = c.channels / c.groups, filters = c.filters / c.groups;
  const int threads = threadsFor(c);
  Source<T> source(c.output, c.filters, 1, gradientLattice(c.y), gradientLattice(c.x));
  source.block = imageBlock(c.images, source.imageElements() * static_cast<int64_t>(sizeof(T)));
  Correlation<T> p{c.images, c.groups, filters, M, source, Tiles(M), pointer<T>(c.weight), filters * M * c.taps(), c.taps(),
                   c.taps() == 1, nullptr, pointer<T>(c.input.p), c.input.n, c.input.c};
  p.partCount = makeParts<T>(c, p, nullptr);
  Part<T>* parts = static_cast<Part<T>*>(std::malloc(static_cast<size_t>(p.partCount) * sizeof(Part<T>)));
  if (!parts) return false;
  p.parts = parts;
  makeParts<T>(c, p, parts);
  const bool ok = withArena([&](Arena& arena) {
    for (int64_t i = 0; i < p.partCount; ++i) {
      parts[i].rows = arena.take<int64_t>(parts[i].K);
      parts[i].taps = arena.take<int64_t>(parts[i].K);
      parts[i].packed = arena.take<T>(p.packedElements(parts[i]));
    }
    p.source.take(arena);
    p.buffers = arena.take<T>(threads * p.bufferElements());
  });
  if (ok) {
    int64_t n = 0;
    for (int64_t y = 0; y < c.y.stride; ++y)
      for (int64_t x = 0; x < c.x.stride; ++x) {
        const Phase py(c.y, y), px(c.x, x);
        if (py.count > 0 && px.count > 0) fillPart(c, p.source, parts[n++], py, px);
      }
    p.run(threads);
  }
  std::free(parts);
  return ok;
}

template <class T> bool weightGradient(const Convolution& c) {
  const int64_t inputs = c.channels / c.groups, M = c.filters / c.groups, N = inputs * c.taps();
  const int threads = threadsFor(c);
  Source<T> source(c.input, c.channels, 1, inputLattice(c.y), inputLattice(c.x));
  const int64_t pixels = c.y.out * c.x.out;
  source.block = imageBlock(c.images, (source.imageElements() + c.filters * pixels) * static_cast<int64_t>(sizeof(T)));
  WeightGradient<T> p{c.images, c.groups, inputs, M, N, source, {c.y.out, c.x.out, source.image, source.row, 1}, Tiles(M),
                      pointer<T>(c.output.p), c.output.n, c.output.c, pointer<T>(c.weight)};
  const bool ok = withArena([&](Arena& arena) {
    p.rows = arena.take<int64_t>(N);
    p.packed = arena.take<T>(p.packedElements());
    p.partials = arena.take<T>((p.partialCount() - 1) * p.weights());
    p.source.take(arena);
    p.buffers = arena.take<T>(threads * p.bufferElements());
  });
  if (!ok) return false;
  fillRows(c, p.source, inputs, p.rows);
  p.run(threads);
  return true;
}

template <class Float, class Double> void byDtype(Context& ctx, Float&& onFloat, Double&& onDouble) {
  Convolution c;
  if (!readConvolution(ctx, c)) return;
  if (c.dtype != Dtype::Float32 && c.dtype != Dtype::Float64) return setStatus(ctx, kBadDtype, c.dtype);
  const bool ok = c.dtype == Dtype::Float32 ? onFloat(c) : onDouble(c);
  if (ok) return setStatus(ctx, kOk);
  setStatus(ctx, kOutOfMemory, double(c.filters * (c.channels / c.groups) * c.taps()) * kItemSize[int(c.dtype)]);
}

}  // namespace

void conv(Context& ctx) { byDtype(ctx, forward<float>, forward<double>); }
void convInputGrad(Context& ctx) { byDtype(ctx, inputGradient<float>, inputGradient<double>); }
void convWeightGrad(Context& ctx) { byDtype(ctx, weightGradient<float>, weightGradient<double>); }

}  // namespace torchstone::TORCHSTONE_ISA
