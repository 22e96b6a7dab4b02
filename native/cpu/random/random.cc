// The random kernel family: distributions over Philox words, and sharing a fill between threads. The same bits for any number
// of threads, any instruction set, and any n (an element depends on seed, offset and its index only).
// a·b + c must not be contracted into a fused multiply-add, hence the pragma, which must come before every header.
#pragma GCC optimize("fp-contract=off")
#include <cmath>
#include <cstring>

#include "commands/random.h"
#include "cpu/parallel.h"
#include "random_math.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

inline constexpr int64_t kGrain = 8192;  // elements; fewer are not worth a second thread
inline constexpr double kWeight = 4;     // additions that one element takes the time of
inline constexpr int kAbreast = kVectorBytes == 64 ? 4 : 2;  // groups at a time: as many as registers hold

struct Fill {
  char* out;
  int64_t n;
  uint64_t seed, offset;
  double p0, p1;
  int threads;
};

template <class V, class T> TS_INLINE void put(T* p, V v) { std::memcpy(p, &v, sizeof v); }

// Calls op.group(first counter, out) for every group of `Op::kGroup` elements from `begin` on, or op.groups for several where it
// can; a last partial group goes through a buffer.
template <class Op> void fillRange(const Fill& f, const Op& op, int64_t begin, int64_t end) {
  using T = typename Op::Type;
  constexpr int64_t G = Op::kGroup;
  T* out = reinterpret_cast<T*>(f.out);
  int64_t i = begin;
  uint64_t counter = f.offset + static_cast<uint64_t>(i / G * kPhiloxGroup);
  if constexpr (requires { Op::kSeveral; }) {
    for (; i + G * kAbreast <= end; i += G * kAbreast, counter += kAbreast * kPhiloxGroup) op.template groups<kAbreast>(counter, out + i);
  }
  for (; i + G <= end; i += G, counter += kPhiloxGroup) op.group(counter, out + i);
  if (i < end) {
    T last[G];
    op.group(counter, last);
    std::memcpy(out + i, last, static_cast<size_t>(end - i) * sizeof(T));
  }
}

// An element depends on its position alone, so that any cut into whole groups gives the same numbers.
template <class Op> int64_t fill(const Fill& f, const Op& op) {
  constexpr int64_t G = Op::kGroup;
  const int64_t groups = (f.n + G - 1) / G;
  if (f.n < kGrain || f.threads <= 1) {
    fillRange(f, op, 0, f.n);
    return groups * kPhiloxGroup;
  }
  forEachStretch(groups, chunkLength(groups, double(f.n) * kWeight), f.threads, [&](int64_t begin, int64_t end) {
    fillRange(f, op, begin * G, end * G < f.n ? end * G : f.n);
  });
  return groups * kPhiloxGroup;
}

// The steps of a group: s walks the counters by a vector at a time, and word j of it lands at 16·j + s.
struct Uniform32 {
  using Type = float;
  static constexpr int64_t kGroup = 64;
  static constexpr bool kSeveral = true;
  uint64_t seed;
  float from, width, top;  // top: the last value below the upper bound, which rounding could otherwise reach
  template <int C> void groups(uint64_t counter, float* out) const {
    for (int s = 0; s < kPhiloxGroup; s += kLanes32) {
      U32 w[C][4];
      words32(counter + static_cast<uint64_t>(s), seed, w);
      TS_ABREAST(C)
        for (int j = 0; j < 4; ++j) {
          const F32 x = __builtin_convertvector(reinterpret_cast<I32>(w[c][j] >> 8), F32) * 0x1p-24f * width + from;
          put(out + kGroup * c + 16 * j + s, x < top ? x : F32{} + top);
        }
    }
  }
  void group(uint64_t counter, float* out) const { groups<1>(counter, out); }
};
struct Uniform64 {
  using Type = double;
  static constexpr int64_t kGroup = 32;
  uint64_t seed;
  double from, width, top;
  void group(uint64_t counter, double* out) const {
    for (int s = 0; s < kPhiloxGroup; s += kLanes64) {
      U64 w[2];
      words64(counter + static_cast<uint64_t>(s), seed, w);
      for (int j = 0; j < 2; ++j) {
        const F64 x = toDouble(w[j] >> 11) * 0x1p-53 * width + from;
        put(out + 16 * j + s, x < top ? x : F64{} + top);
      }
    }
  }
};

struct Normal32 {
  using Type = float;
  static constexpr int64_t kGroup = 64;
  static constexpr bool kSeveral = true;
  uint64_t seed;
  float mean, deviation;
  template <int C> void groups(uint64_t counter, float* out) const {
    for (int s = 0; s < kPhiloxGroup; s += kLanes32) {
      U32 w[C][4];
      words32(counter + static_cast<uint64_t>(s), seed, w);
      for (int j = 0; j < 4; j += 2) {
        U32 a[C], b[C];
        F32 x[C], y[C];
        TS_ABREAST(C) a[c] = w[c][j], b[c] = w[c][j + 1];
        boxMuller(a, b, x, y);
        TS_ABREAST(C) {
          put(out + kGroup * c + 16 * j + s, x[c] * deviation + mean);
          put(out + kGroup * c + 16 * (j + 1) + s, y[c] * deviation + mean);
        }
      }
    }
  }
  void group(uint64_t counter, float* out) const { groups<1>(counter, out); }
};
struct Normal64 {
  using Type = double;
  static constexpr int64_t kGroup = 32;
  uint64_t seed;
  double mean, deviation;
  void group(uint64_t counter, double* out) const {
    for (int s = 0; s < kPhiloxGroup; s += kLanes64) {
      U64 w[2];
      words64(counter + static_cast<uint64_t>(s), seed, w);
      F64 x, y;
      boxMuller(w[0], w[1], x, y);
      put(out + s, x * deviation + mean);
      put(out + 16 + s, y * deviation + mean);
    }
  }
};

// −log(u) / rate; u = 1 would give 0, which PyTorch excludes: the least value is half an epsilon.
struct Exponential32 {
  using Type = float;
  static constexpr int64_t kGroup = 64;
  uint64_t seed;
  float rate;
  void group(uint64_t counter, float* out) const {
    for (int s = 0; s < kPhiloxGroup; s += kLanes32) {
      U32 w[1][4];
      words32(counter + static_cast<uint64_t>(s), seed, w);
      for (int j = 0; j < 4; ++j) {
        const F32 x = -logarithm(openUnit(w[0][j]));
        put(out + 16 * j + s, (x > 0x1p-24f ? x : F32{} + 0x1p-24f) / rate);
      }
    }
  }
};
struct Exponential64 {
  using Type = double;
  static constexpr int64_t kGroup = 32;
  uint64_t seed;
  double rate;
  void group(uint64_t counter, double* out) const {
    for (int s = 0; s < kPhiloxGroup; s += kLanes64) {
      U64 w[2];
      words64(counter + static_cast<uint64_t>(s), seed, w);
      for (int j = 0; j < 2; ++j) {
        const F64 x = -logarithm(openUnit(w[j]));
        put(out + 16 * j + s, (x > 0x1p-53 ? x : F64{} + 0x1p-53) / rate);
      }
    }
  }
};

// A value goes to T as PyTorch converts it; bool is `value != 0`.
template <class T, bool Bool, class From> TS_INLINE void convert(const From* from, T* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = Bool ? static_cast<T>(from[i] != 0) : static_cast<T>(from[i]);
}

template <class T, bool Bool> struct Bernoulli {
  using Type = T;
  static constexpr int64_t kGroup = 64;
  uint64_t seed, threshold;  // p · 2^32
  void group(uint64_t counter, T* out) const {
    const uint32_t last = static_cast<uint32_t>(threshold - 1);
    const U32 any = U32{} + (threshold > 0 ? 1u : 0u);
    int32_t hits[kGroup];
    for (int s = 0; s < kPhiloxGroup; s += kLanes32) {
      U32 w[1][4];
      words32(counter + static_cast<uint64_t>(s), seed, w);
      for (int j = 0; j < 4; ++j) put(hits + 16 * j + s, reinterpret_cast<U32>(w[0][j] <= last) & any);
    }
    convert<T, false>(hits, out, kGroup);
  }
};

// from + floor(draw · range / 2^64): 64 random bits, so no value is off its share by more than range / 2^64.
template <class T, bool Bool> struct Integer {
  using Type = T;
  static constexpr int64_t kGroup = 32;
  uint64_t seed;
  int64_t from;
  uint64_t range;
  void group(uint64_t counter, T* out) const {
    int64_t values[kGroup];
    for (int s = 0; s < kPhiloxGroup; s += kLanes64) {
      U64 w[2];
      words64(counter + static_cast<uint64_t>(s), seed, w);
      for (int j = 0; j < 2; ++j) {
        U64 x = w[j];
        if (range <= 0xFFFFFFFFu) {
          const U64 r = broadcast(range);
          x = (multiplyLow(x >> 32, r) + (multiplyLow(x, r) >> 32)) >> 32;
        } else {
          for (int i = 0; i < kLanes64; ++i) x[i] = static_cast<uint64_t>(static_cast<unsigned __int128>(x[i]) * range >> 64);
        }
        put(values + 16 * j + s, x + static_cast<uint64_t>(from));
      }
    }
    convert<T, Bool>(values, out, kGroup);
  }
};

struct Raw63 {
  using Type = int64_t;
  static constexpr int64_t kGroup = 32;
  uint64_t seed;
  void group(uint64_t counter, int64_t* out) const {
    for (int s = 0; s < kPhiloxGroup; s += kLanes64) {
      U64 w[2];
      words64(counter + static_cast<uint64_t>(s), seed, w);
      for (int j = 0; j < 2; ++j) put(out + 16 * j + s, w[j] >> 1);
    }
  }
};

constexpr int64_t kUnsupported = -1;

int64_t fillFloat(const Fill& f, RandomKind kind, Dtype dtype) {
  const bool single = dtype == Dtype::Float32;
  if (!single && dtype != Dtype::Float64) return kUnsupported;
  const float a = static_cast<float>(f.p0), b = static_cast<float>(f.p1);
  if (kind == RandomKind::Uniform && single) return fill(f, Uniform32{f.seed, a, static_cast<float>(f.p1 - f.p0), nextafterf(b, a)});
  if (kind == RandomKind::Uniform) return fill(f, Uniform64{f.seed, f.p0, f.p1 - f.p0, nextafter(f.p1, f.p0)});
  if (kind == RandomKind::Normal) return single ? fill(f, Normal32{f.seed, a, b}) : fill(f, Normal64{f.seed, f.p0, f.p1});
  return single ? fill(f, Exponential32{f.seed, a}) : fill(f, Exponential64{f.seed, f.p0});
}

template <class T, bool Bool = false> int64_t fillAs(const Fill& f, RandomKind kind) {
  if (kind == RandomKind::Integer) {
    const int64_t from = static_cast<int64_t>(f.p0), to = static_cast<int64_t>(f.p1);
    return fill(f, Integer<T, Bool>{f.seed, from, static_cast<uint64_t>(to) - static_cast<uint64_t>(from)});
  }
  const double p = f.p0 < 0 ? 0 : f.p0 > 1 ? 1 : f.p0;
  return fill(f, Bernoulli<T, Bool>{f.seed, static_cast<uint64_t>(p * 0x1p32 + 0.5)});
}

int64_t fillAny(const Fill& f, RandomKind kind, Dtype dtype) {
  switch (dtype) {
    case Dtype::Bool: return fillAs<uint8_t, true>(f, kind);
    case Dtype::UInt8: return fillAs<uint8_t>(f, kind);
    case Dtype::Int8: return fillAs<int8_t>(f, kind);
    case Dtype::Int16: return fillAs<int16_t>(f, kind);
    case Dtype::Int32: return fillAs<int32_t>(f, kind);
    case Dtype::Int64: return fillAs<int64_t>(f, kind);
    case Dtype::Float32: return fillAs<float>(f, kind);
    case Dtype::Float64: return fillAs<double>(f, kind);
    default: return kUnsupported;
  }
}

}  // namespace

void random(Context& ctx) {
  RandomCommand c;
  if (!decode(ctx, c)) return;
  const RandomKind kind = c.kind;
  const Dtype dtype = c.dtype;
  const Fill f{c.out, c.n, c.seed, c.offset, c.p0, c.p1, ctx.threads};
  int64_t counters = kUnsupported;
  if (kind == RandomKind::Integer || kind == RandomKind::Bernoulli) counters = fillAny(f, kind, dtype);
  else if (kind == RandomKind::Raw) counters = dtype == Dtype::Int64 ? fill(f, Raw63{f.seed}) : kUnsupported;
  else counters = fillFloat(f, kind, dtype);
  if (counters == kUnsupported) setStatus(ctx, kBadDtype, dtype);
  else setStatus(ctx, kOk, double(counters));
}

}  // namespace torchstone::TORCHSTONE_ISA
