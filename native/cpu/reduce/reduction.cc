// The table of reduction kernels, by dtype and reducer: accumulators, their combination and the store of a result. An accumulator
// block holds `width` kept elements as structure of arrays. A file of its own, because no other takes as long to compile.
#include "reduction.h"

#include <limits>
#include <type_traits>

#include "commands/reduce.h"
#include "cpu/half.h"
#include "cpu/isa.h"
#include "cpu/pointwise/tile.h"
#include "wide_sum.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// WideFloats accumulate in double: float32 sums are then exact to a rounding or two. Integers are unsigned, so as to wrap.
template <class T, int op>
using Accumulator = std::conditional_t<(op >= kMax), T, std::conditional_t<std::is_floating_point_v<T>, double,
    typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::enable_if<true, T>>::type>>;

template <class T>
void putAs(char* p, auto v) { *reinterpret_cast<T*>(p) = static_cast<T>(v); }

// A result whose dtype is not the accumulator's own.
void putConverted(Dtype dtype, char* p, auto v) {
  switch (dtype) {
    case Dtype::Bool: return putAs<uint8_t>(p, v != 0);
    case Dtype::UInt8: return putAs<uint8_t>(p, static_cast<int64_t>(v));
    case Dtype::Int8: return putAs<int8_t>(p, static_cast<int64_t>(v));
    case Dtype::Int16: return putAs<int16_t>(p, static_cast<int64_t>(v));
    case Dtype::Int32: return putAs<int32_t>(p, static_cast<int64_t>(v));
    case Dtype::Int64: return putAs<int64_t>(p, v);
    case Dtype::Float16: return putAs<uint16_t>(p, halfBits(static_cast<float>(v)));
    case Dtype::BFloat16: return putAs<uint16_t>(p, brainBits(static_cast<float>(v)));
    case Dtype::Float32: return putAs<float>(p, v);
    default: return putAs<double>(p, v);
  }
}

template <class T> constexpr Dtype kDtypeOf = Dtype::Float64;
template <> constexpr Dtype kDtypeOf<uint8_t> = Dtype::UInt8;
template <> constexpr Dtype kDtypeOf<int8_t> = Dtype::Int8;
template <> constexpr Dtype kDtypeOf<int16_t> = Dtype::Int16;
template <> constexpr Dtype kDtypeOf<int32_t> = Dtype::Int32;
template <> constexpr Dtype kDtypeOf<int64_t> = Dtype::Int64;
template <> constexpr Dtype kDtypeOf<float> = Dtype::Float32;

// A float32 sum of n >= 64: four vectors take up to sixteen values a lane in float32, as NumPy's pairwise does within its blocks;
// float64 takes their sums. A long sum reads four parts side by side: one after the other leaves half of the memory's speed unused.
double coarseSum(const float* x, int64_t n) {
  constexpr int64_t kWide = 16, kStep = 4 * kWide, kDeep = 16, kLong = 1 << 14;
  const bool apart = n >= kLong;
  const int64_t part = apart ? n / kStep * kWide : kWide, step = apart ? kWide : kStep, whole = n / kStep;
  WideDoubles d = {};
  const float* p = x;
  for (int64_t done = 0; done < whole;) {
    const int64_t steps = whole - done < kDeep ? whole - done : kDeep;
    WideFloats a = floatsAt(p), b = floatsAt(p + part), c = floatsAt(p + 2 * part), e = floatsAt(p + 3 * part);
    p += step;
    for (int64_t s = 1; s < steps; ++s, p += step) {
      a += floatsAt(p), b += floatsAt(p + part);
      c += floatsAt(p + 2 * part), e += floatsAt(p + 3 * part);
    }
    d = widenAdd(d, (a + b) + (c + e));
    done += steps;
  }
  int64_t i = whole * kStep;
  for (; i + kWide <= n; i += kWide) d = widenAdd(d, floatsAt(x + i));
  double rest = 0;
  for (; i < n; ++i) rest += x[i];
  return laneSum(d) + rest;
}

// The sum of sixteen rows' floats at one place.
TS_INLINE WideFloats columnFloats(const float* c, int64_t stride) {
  WideFloats a = floatsAt(c), b = floatsAt(c + stride);
#pragma GCC unroll 8
  for (int r = 2; r < kColumnRows; r += 2) a += floatsAt(c + r * stride), b += floatsAt(c + (r + 1) * stride);
  return a + b;
}

// Sixteen rows of float32 columns: summed in float32, added to float64.
void coarseColumns(double* v, const float* x, int64_t stride, int64_t width) {
  int64_t w = 0;
  for (; w + 16 <= width; w += 16) {
    const WideFloats a = columnFloats(x + w, stride);
    HalfFloats half[2];
    WideDoubles to[2];
    __builtin_memcpy(half, &a, sizeof a);
    __builtin_memcpy(to, v + w, sizeof to);
    to[0] += widenHalf(half[0]);
    to[1] += widenHalf(half[1]);
    __builtin_memcpy(v + w, to, sizeof to);
  }
  for (; w < width; ++w) {
    float a = x[w], b = x[w + stride];
    for (int r = 2; r < kColumnRows; r += 2) a += x[w + r * stride], b += x[w + (r + 1) * stride];
    v[w] += a + b;
  }
}

template <class T, int op>
struct Tile {
  using A = Accumulator<T, op>;
  static constexpr bool arg = op >= kArgmax;
  static constexpr bool greatest = op == kMax || op == kArgmax;
  // A float64 sum carries its rounding errors along: more accurate than pairwise at any length.
  static constexpr bool compensated = op == kSum && std::is_same_v<T, double>;
  static constexpr int64_t bytes = sizeof(A) + (arg || compensated ? 8 : 0);
  static constexpr bool coarse = op == kSum && std::is_same_v<T, float>;
  // Partial results side by side in a tile: float64 needs 64 for a rounding depth no larger than NumPy's (16 + 6).
  static constexpr int kLanes = sizeof(A) == 1 ? 256 : sizeof(A) == 2 ? 128 : 64;
  static constexpr int kFewLanes = 8;
  static constexpr int kFoldLanes = 128;
  static constexpr int kFindBlock = 64;

  static A* values(char* acc, int64_t width) { return reinterpret_cast<A*>(arg ? acc + width * 8 : acc); }
  static const A* values(const char* acc, int64_t width) { return reinterpret_cast<const A*>(arg ? acc + width * 8 : acc); }
  static double* errors(char* acc, int64_t width) { return reinterpret_cast<double*>(acc) + width; }
  static const double* errors(const char* acc, int64_t width) { return reinterpret_cast<const double*>(acc) + width; }
  static int64_t* indices(char* acc) { return reinterpret_cast<int64_t*>(acc); }
  static const int64_t* indices(const char* acc) { return reinterpret_cast<const int64_t*>(acc); }

  static constexpr A identity() {
    if constexpr (op == kSum) return A(0);
    else if constexpr (op == kProd) return A(1);
    else if constexpr (std::is_floating_point_v<T>) return greatest ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
    else return greatest ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
  }
  static constexpr A kIdentity = identity();

  TS_INLINE bool better(A x, A best) { return greatest ? x > best : x < best; }

  TS_INLINE A combine(A a, A x) {
    if constexpr (op == kSum) return static_cast<A>(a + x);
    // At least 32 bits wide: uint16 x uint16 would be promoted to a signed int and overflow.
    else if constexpr (op == kProd) return static_cast<A>(static_cast<decltype(a * 1u)>(a) * x);
    else return better(x, a) | (x != x) ? x : a;
  }

  // The accumulator of element i takes one more (partial) value.
  TS_INLINE void add(A* v, double* e, int64_t i, A x) {
    if constexpr (compensated) addCompensated(v[i], e[i], x);
    else v[i] = combine(v[i], x);
  }

  template <int L>
  static A lanes(const T* x, int64_t n) {
    A lane[L];
    for (int j = 0; j < L; ++j) lane[j] = kIdentity;
    int64_t i = 0;
    for (; i + L <= n; i += L)
      for (int j = 0; j < L; ++j) lane[j] = combine(lane[j], static_cast<A>(x[i + j]));
    // The rest a vector at a time, then one by one: 63 scalar additions would cost more than a short row.
    for (; i + kFewLanes <= n; i += kFewLanes)
      for (int j = 0; j < kFewLanes; ++j) lane[j] = combine(lane[j], static_cast<A>(x[i + j]));
    for (int j = 0; i + j < n; ++j) lane[j] = combine(lane[j], static_cast<A>(x[i + j]));
    for (int w = L / 2; w > 0; w /= 2)
      for (int j = 0; j < w; ++j) lane[j] = combine(lane[j], lane[j + w]);
    return lane[0];
  }

  static A reduce(const T* x, int64_t n) {
    if constexpr (coarse) if (n >= 64) return coarseSum(x, n);
    if (n >= 2 * kLanes) return lanes<kLanes>(x, n);
    if (n >= kFewLanes) return lanes<kFewLanes>(x, n);
    A a = kIdentity;
    for (int64_t i = 0; i < n; ++i) a = combine(a, static_cast<A>(x[i]));
    return a;
  }

  static void init(char* acc, int64_t width) {
    A* v = values(acc, width);
    for (int64_t i = 0; i < width; ++i) v[i] = kIdentity;
    if constexpr (compensated) for (int64_t i = 0; i < width; ++i) errors(acc, width)[i] = 0;
    if constexpr (arg) for (int64_t i = 0; i < width; ++i) indices(acc)[i] = -1;
  }

  // NaN beats every number, and only the first NaN counts; index -1 is beaten by anything.
  TS_INLINE bool wins(A x, A best, int64_t index) { return (index < 0) | better(x, best) | ((x != x) & (best == best)); }

  // The first element equal to `best`, which is there; blocks first, as a loop with an exit cannot be vectorised.
  static int64_t find(const T* x, int64_t n, A best) {
    auto same = [best](T v) { return (v == best) | ((v != v) & (best != best)); };
    int64_t i = 0;
    for (; i + kFindBlock <= n; i += kFindBlock) {
      T any = 0;
      for (int j = 0; j < kFindBlock; ++j) any = same(x[i + j]) ? T(1) : any;
      if (any != 0) break;
    }
    while (!same(x[i])) ++i;
    return i;
  }

  // How many elements `reduce` may take at once: float32 sums any number, the others what keeps their rounding flat.
  TS_INLINE int64_t atOnce(int64_t n) { return coarse || n < TileRunner::kTile ? n : TileRunner::kTile; }

  static void row(char* acc, const void* from, int64_t n, int64_t flat) {
    const T* x = static_cast<const T*>(from);
    for (int64_t count; n > 0; n -= count, x += count, flat += count) {
      count = atOnce(n);
      const A best = reduce(x, count);
      if constexpr (!arg) {
        add(values(acc, 1), errors(acc, 1), 0, best);
      } else if (wins(best, values(acc, 1)[0], indices(acc)[0])) {
        const int64_t i = find(x, count, best);
        values(acc, 1)[0] = x[i], indices(acc)[0] = flat + i;
      }
    }
  }

  static void column(char* acc, const void* tile, int64_t stride, int64_t rows, int64_t width, int64_t flat) {
    const T* x = static_cast<const T*>(tile);
    A* v = values(acc, width);
    if constexpr (arg) {
      int64_t* index = indices(acc);
      for (int64_t r = 0; r < rows; ++r, x += stride) {
        TS_INDEPENDENT
        for (int64_t w = 0; w < width; ++w) {
          const bool take = wins(x[w], v[w], index[w]);
          v[w] = take ? x[w] : v[w];
          index[w] = take ? flat + r : index[w];
        }
      }
    } else {
      double* e = errors(acc, width);
      const int64_t together = kFoldLanes / width;
      if (stride == width && together > 1 && rows >= 2 * together) {
        const int64_t done = foldRows(v, e, x, rows, width, together);
        x += done * width, rows -= done;
      }
      if constexpr (coarse) {
        for (; rows >= kColumnRows; rows -= kColumnRows, x += kColumnRows * stride) coarseColumns(v, x, stride, width);
      }
      for (int64_t r = 0; r < rows; ++r, x += stride) {
        TS_INDEPENDENT
        for (int64_t w = 0; w < width; ++w) add(v, e, w, static_cast<A>(x[w]));
      }
    }
  }

  static void rows(const char* in, int64_t inStride, int64_t n, char* out, int64_t outStride, int64_t count) {
    for (int64_t r = 0; r < count; ++r, in += inStride, out += outStride) {
      const T* x = reinterpret_cast<const T*>(in);
      A v = kIdentity;
      double e = 0;
      for (int64_t i = 0, most = atOnce(n); i < n; i += most) add(&v, &e, 0, reduce(x + i, n - i < most ? n - i : most));
      putAs<T>(out, result(&v, &e, 0));
    }
  }

  // Narrow columns: several rows side by side fill the vectors, and are folded into the columns at the end.
  static int64_t foldRows(A* v, double* e, const T* x, int64_t rows, int64_t width, int64_t together) {
    A lane[kFoldLanes];
    const int64_t n = together * width, groups = rows / together;
    for (int64_t j = 0; j < n; ++j) lane[j] = kIdentity;
    for (int64_t g = 0; g < groups; ++g, x += n)
      for (int64_t j = 0; j < n; ++j) lane[j] = combine(lane[j], static_cast<A>(x[j]));
    for (int64_t t = 0; t < together; ++t)
      for (int64_t w = 0; w < width; ++w) add(v, e, w, lane[t * width + w]);
    return groups * together;
  }

  static void merge(char* acc, const char* later, int64_t width) {
    A* v = values(acc, width);
    const A* x = values(later, width);
    for (int64_t w = 0; w < width; ++w) {
      if constexpr (!arg) {
        add(v, errors(acc, width), w, x[w]);
        if constexpr (compensated) errors(acc, width)[w] += errors(later, width)[w];
      } else if (wins(x[w], v[w], indices(acc)[w])) {
        v[w] = x[w], indices(acc)[w] = indices(later)[w];
      }
    }
  }

  // An infinite sum has a NaN for its error: it is the sum itself that counts.
  TS_INLINE auto result(const A* v, const double* e, int64_t w) {
    if constexpr (compensated) return v[w] - v[w] == 0 ? v[w] + e[w] : v[w];
    else if constexpr (std::is_integral_v<T>) return static_cast<T>(v[w]);
    else return v[w];
  }

  static void store(const char* acc, int64_t width, Dtype dtype, char* out, int64_t outStep, char* index, int64_t indexStep) {
    const A* v = values(acc, width);
    const double* e = errors(acc, width);
    if (dtype == kDtypeOf<T> && outStep == sizeof(T)) {
      T* to = reinterpret_cast<T*>(out);
      for (int64_t w = 0; w < width; ++w) to[w] = static_cast<T>(result(v, e, w));
    } else if (dtype == kDtypeOf<T>) {
      for (int64_t w = 0; w < width; ++w) putAs<T>(out + w * outStep, result(v, e, w));
    } else {
      for (int64_t w = 0; w < width; ++w) putConverted(dtype, out + w * outStep, result(v, e, w));
    }
    if constexpr (arg)
      for (int64_t w = 0; w < width; ++w) putAs<int64_t>(index + w * indexStep, indices(acc)[w]);
  }

  static constexpr Reduction reduction{bytes, init, row, column, merge, arg ? nullptr : rows, store};
};

template <class T>
const Reduction* reductionOf(int reducer) {
  switch (reducer) {
    case kSum: return &Tile<T, kSum>::reduction;
    case kProd: return &Tile<T, kProd>::reduction;
    case kMax: return &Tile<T, kMax>::reduction;
    case kMin: return &Tile<T, kMin>::reduction;
    case kArgmax: return &Tile<T, kArgmax>::reduction;
    default: return &Tile<T, kArgmin>::reduction;
  }
}

}  // namespace

const Reduction* reductionFor(int reducer, Dtype compute) {
  switch (compute) {
    // 256 trues must not wrap to false: a bool sum is OR, a bool product AND.
    case Dtype::Bool: return reductionOf<uint8_t>(reducer == kSum ? kMax : reducer == kProd ? kMin : reducer);
    case Dtype::UInt8: return reductionOf<uint8_t>(reducer);
    case Dtype::Int8: return reductionOf<int8_t>(reducer);
    case Dtype::Int16: return reductionOf<int16_t>(reducer);
    case Dtype::Int32: return reductionOf<int32_t>(reducer);
    case Dtype::Int64: return reductionOf<int64_t>(reducer);
    case Dtype::Float32: return reductionOf<float>(reducer);
    case Dtype::Float64: return reductionOf<double>(reducer);
    default: return nullptr;
  }
}

}  // namespace torchstone::TORCHSTONE_ISA
