// The mersenne kernel family: PyTorch's distributions for the CPU over its own stream of words, one number after the other, so
// that values and the state afterwards are PyTorch's to the bit. Nothing runs in threads: the words have an order.
// a·b + c must not be contracted into a fused multiply-add but where it is written so, hence the pragma, which must come first.
#pragma GCC optimize("fp-contract=off")
#include <cstdlib>

#include "commands/mersenne.h"
#include "mt19937.h"
#include "ops/convert.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// What an element is computed in where it is not float64: float32 but for float64 itself.
template <class T> struct Compute { using Type = float; };
template <> struct Compute<double> { using Type = double; };

TS_INLINE float unit(Draws& d, float) { return d.unit32(); }
TS_INLINE double unit(Draws& d, double) { return d.unit64(); }
template <class T> TS_INLINE T stored(typename Compute<T>::Type x) {
  T y;
  put(&y, x);
  return y;
}

template <class T> void uniform(T* out, int64_t n, Draws& d, double p0, double p1) {
  using C = typename Compute<T>::Type;
  const C from = static_cast<C>(p0), to = static_cast<C>(p1), width = to - from;
  const T first = stored<T>(from);
  const C end = number(stored<T>(to));
  for (int64_t i = 0; i < n; ++i) {
    const T x = stored<T>(fused(unit(d, C()), width, from));
    out[i] = number(x) == end ? first : x;  // a value that rounding took to the excluded bound
  }
}

template <class C> void fillBlock(C* x, Draws& d, double mean, double deviation) {
  for (int i = 0; i < 16; ++i) x[i] = unit(d, C());
  NormalBlock::fill(x, static_cast<C>(mean), static_cast<C>(deviation));
}

// Blocks of 16; a rest is a block that ends with the last element, made of 16 new numbers. float32 and float64 draw for all
// elements first and for the rest after them, the rest's first draws being lost; the 16-bit floats never make those.
template <class T> void normalBlocks(T* out, int64_t n, Draws& d, double mean, double deviation) {
  using C = typename Compute<T>::Type;
  C block[16];
  for (int64_t i = 0; i + 16 <= n; i += 16) {
    fillBlock(block, d, mean, deviation);
    for (int j = 0; j < 16; ++j) put(out + i + j, block[j]);
  }
  if (n % 16 == 0) return;
  if constexpr (!kShort<T>)
    for (int64_t i = 0; i < n % 16; ++i) unit(d, C());
  fillBlock(block, d, mean, deviation);
  for (int j = 0; j < 16; ++j) put(out + n - 16 + j, block[j]);
}

template <class T> void integers(T* out, int64_t n, Draws& d, int64_t from, int64_t to) {
  const uint64_t range = static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
  const bool wide = range >= uint64_t(1) << 28;
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t x = (wide ? d.next64() : d.next32()) % range;
    put(out + i, static_cast<int64_t>(x + static_cast<uint64_t>(from)));
  }
}

template <class T, class P> void bernoulliOf(T* out, int64_t n, Draws& d, const P* p) {
  for (int64_t i = 0; i < n; ++i) put(out + i, unit(d, P()) < p[i] ? 1 : 0);
}

// Fisher and Yates, forwards; where 32 bits would favour some numbers, the inside-out form with 64.
template <class T> void permutation(T* out, int64_t n, Draws& d) {
  if (n >= int64_t(UINT32_MAX / 20)) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t z = static_cast<int64_t>(d.next64() % static_cast<uint64_t>(i + 1));
      put(out + i, i);
      out[i] = out[z];
      put(out + z, i);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) put(out + i, i);
  for (int64_t i = 0; i < n - 1; ++i) {
    const int64_t z = i + static_cast<int64_t>(d.next32() % static_cast<uint64_t>(n - i));
    const T kept = out[i];
    out[i] = out[z];
    out[z] = kept;
  }
}

// One number after the other, each a function of the draws, in float64.
template <class T, class Function> TS_INLINE void each(T* out, int64_t n, Function f) {
  for (int64_t i = 0; i < n; ++i) put(out + i, f());
}

template <class T> bool fillFloat(const MersenneCommand& c, T* out, Draws& d) {
  const double a = c.p0, b = c.p1;
  switch (c.kind) {
    case MersenneKind::Uniform: uniform(out, c.n, d, a, b); return true;
    case MersenneKind::Normal: each(out, c.n, [&] { return d.normal(a, b); }); return true;
    case MersenneKind::NormalBlocks: normalBlocks(out, c.n, d, a, b); return true;
    case MersenneKind::Exponential: each(out, c.n, [&] { return -1.0 / a * ::log1p(-d.unit64()); }); return true;
    case MersenneKind::Cauchy: each(out, c.n, [&] { return fused(b, ::tan(3.14159265358979323846 * (d.unit64() - 0.5)), a); }); return true;
    case MersenneKind::LogNormal: each(out, c.n, [&] { return ::exp(d.normal(a, b)); }); return true;
    default: return false;
  }
}

template <class T> bool fillAny(const MersenneCommand& c, T* out, Draws& d) {
  switch (c.kind) {
    case MersenneKind::Integer: integers(out, c.n, d, static_cast<int64_t>(c.p0), static_cast<int64_t>(c.p1)); return true;
    case MersenneKind::Bernoulli: each(out, c.n, [&] { return d.unit64() < c.p0 ? 1 : 0; }); return true;
    case MersenneKind::BernoulliOf:
      if (c.inDtype == Dtype::Float64) bernoulliOf(out, c.n, d, reinterpret_cast<const double*>(c.in));
      else bernoulliOf(out, c.n, d, reinterpret_cast<const float*>(c.in));
      return true;
    case MersenneKind::Geometric: each(out, c.n, [&] { return __builtin_ceil(::log(d.unit64()) / ::log1p(-c.p0)); }); return true;
    case MersenneKind::Permutation: permutation(out, c.n, d); return true;
    default: return false;
  }
}

// The place of a number among sums that rise to 1.
template <class T> TS_INLINE int64_t placeOf(double x, const T* sums, int64_t n) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (sums[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Draws with replacement: uniform numbers among the sums of each row, divided by the last of them. False: no memory.
template <class T> bool categories(const MersenneCommand& c, Draws& d) {
  const int64_t width = static_cast<int64_t>(c.p0), draws = static_cast<int64_t>(c.p1);
  T* sums = static_cast<T*>(std::malloc(static_cast<size_t>(width) * sizeof(T)));
  if (sums == nullptr) return false;
  int64_t* out = reinterpret_cast<int64_t*>(c.out);
  const T* weights = reinterpret_cast<const T*>(c.in);
  for (int64_t row = 0; row < c.n / draws; ++row, weights += width) {
    T sum = 0;
    for (int64_t j = 0; j < width; ++j) sums[j] = sum += weights[j];
    for (int64_t j = 0; j < width; ++j) sums[j] /= sum;
    sums[width - 1] = 1;
    for (int64_t j = 0; j < draws; ++j) *out++ = placeOf(d.unit64(), sums, width);
  }
  std::free(sums);
  return true;
}

template <class T> bool fill(const MersenneCommand& c, Draws& d) {
  T* out = reinterpret_cast<T*>(c.out);
  if constexpr (ops::kReal<T> || kShort<T>)
    if (fillFloat(c, out, d)) return true;
  return fillAny(c, out, d);
}

bool run(const MersenneCommand& c, Draws& d) {
  switch (c.dtype) {
    case Dtype::Bool: return fill<Bool>(c, d);
    case Dtype::UInt8: return fill<uint8_t>(c, d);
    case Dtype::Int8: return fill<int8_t>(c, d);
    case Dtype::Int16: return fill<int16_t>(c, d);
    case Dtype::Int32: return fill<int32_t>(c, d);
    case Dtype::Int64: return fill<int64_t>(c, d);
    case Dtype::Float16: return fill<Half>(c, d);
    case Dtype::BFloat16: return fill<Brain>(c, d);
    case Dtype::Float32: return fill<float>(c, d);
    case Dtype::Float64: return fill<double>(c, d);
    default: return false;
  }
}

}  // namespace

void mersenne(Context& ctx) {
  MersenneCommand c;
  if (!decode(ctx, c)) return;
  Draws draws(*reinterpret_cast<Mt19937*>(c.state));
  const bool reads = c.kind == MersenneKind::BernoulliOf || c.kind == MersenneKind::Categories;
  if (reads && c.inDtype != Dtype::Float32 && c.inDtype != Dtype::Float64) return setStatus(ctx, kBadDtype, c.inDtype);
  if (c.kind == MersenneKind::Categories) {
    if (c.dtype != Dtype::Int64) return setStatus(ctx, kBadDtype, c.dtype);
    const bool done = c.inDtype == Dtype::Float64 ? categories<double>(c, draws) : categories<float>(c, draws);
    return setStatus(ctx, done ? kOk : kOutOfMemory, c.p0 * kItemSize[int(c.inDtype)]);
  }
  if (!run(c, draws)) return setStatus(ctx, kBadDtype, c.dtype);
  setStatus(ctx, kOk);
}

}  // namespace torchstone::TORCHSTONE_ISA
