// The scan kernel family: cumulative sum, product, maximum, minimum and log-sum-exp along one dim. A lane is scanned in order
// by one thread, so threads never change a result.
#include <math.h>

#include <cstdint>

#include "commands/scan.h"
#include "cpu/isa.h"
#include "cpu/parallel.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int kColumnLanes = 128;    // lanes side by side in memory: one vector row after the other
constexpr int kRowLanes = 8;         // lanes far apart: enough chains in flight to hide the latency of the add
constexpr int64_t kGrain = 1 << 15;  // elements below which starting a team costs more than it saves

// Strides become bytes here.
struct Scan : ScanCommand {
  int64_t width, lanes;  // the innermost kept dim, and how many of its lanes go together
};

// One strip of lanes: addresses, the step between lanes and the step along n.
struct Strip {
  const char* in;
  char* out;
  char* index;
  int64_t lanes, n, inLane, inStep, outLane, outStep, indexLane, indexStep;
};

template <class T> struct Traits { using Sum = T; using Wide = T; };
// Unsigned, so that overflow wraps; at least 32 bits wide, so that a product is not promoted to a signed int.
template <> struct Traits<uint8_t> { using Sum = uint8_t; using Wide = uint32_t; };
template <> struct Traits<int8_t> { using Sum = uint8_t; using Wide = uint32_t; };
template <> struct Traits<int16_t> { using Sum = uint16_t; using Wide = uint32_t; };
template <> struct Traits<int32_t> { using Sum = uint32_t; using Wide = uint32_t; };
template <> struct Traits<int64_t> { using Sum = uint64_t; using Wide = uint64_t; };
// torch's accumulation type on the CPU: float32 scans run in double and round every result.
template <> struct Traits<float> { using Sum = double; using Wide = double; };

template <class T> TS_INLINE const T& at(const char* p) { return *reinterpret_cast<const T*>(p); }
template <class T> TS_INLINE T& at(char* p) { return *reinterpret_cast<T*>(p); }

// One step along n for `lanes` lanes; called with literals, so that the compiler vectorises or unrolls it.
template <class T, ScanOp op, class A>
TS_INLINE void step(A* acc, const char* in, char* out, int64_t lanes, int64_t inLane, int64_t outLane) {
  using W = typename Traits<T>::Wide;
  for (int64_t w = 0; w < lanes; ++w) {
    const A x = static_cast<A>(at<T>(in + w * inLane));
    acc[w] = op == kCumsum ? static_cast<A>(W(acc[w]) + W(x)) : static_cast<A>(W(acc[w]) * W(x));
    at<T>(out + w * outLane) = static_cast<T>(acc[w]);
  }
}

template <class T, ScanOp op>
void accumulate(const Strip& s) {
  using A = typename Traits<T>::Sum;
  const char* in = s.in;
  char* out = s.out;
  const bool packed = s.inLane == sizeof(T) && s.outLane == sizeof(T);
  if (s.lanes == 1) {
    A acc[1] = {A(op == kCumprod)};
    for (int64_t i = 0; i < s.n; ++i, in += s.inStep, out += s.outStep) step<T, op>(acc, in, out, 1, 0, 0);
  } else if (s.lanes == kRowLanes && !packed) {
    A acc[kRowLanes];
    for (A& a : acc) a = A(op == kCumprod);
    for (int64_t i = 0; i < s.n; ++i, in += s.inStep, out += s.outStep) step<T, op>(acc, in, out, kRowLanes, s.inLane, s.outLane);
  } else {
    A acc[kColumnLanes];
    for (int64_t w = 0; w < s.lanes; ++w) acc[w] = A(op == kCumprod);
    for (int64_t i = 0; i < s.n; ++i, in += s.inStep, out += s.outStep) {
      if (packed) step<T, op>(acc, in, out, s.lanes, sizeof(T), sizeof(T));
      else step<T, op>(acc, in, out, s.lanes, s.inLane, s.outLane);
    }
  }
}

// torch's rule: NaN replaces everything and is replaced only by a later NaN; otherwise the later of equals wins.
template <class T, ScanOp op>
TS_INLINE void stepExtreme(T* best, int64_t* where, int64_t i, int64_t lanes, const char* in, char* out, char* index,
                           int64_t inLane, int64_t outLane, int64_t indexLane) {
  TS_INDEPENDENT
  for (int64_t w = 0; w < lanes; ++w) {
    const T x = at<T>(in + w * inLane);
    const bool take = (op == kCummax ? x >= best[w] : x <= best[w]) | (x != x);
    best[w] = take ? x : best[w];
    where[w] = take ? i : where[w];
    at<T>(out + w * outLane) = best[w];
    at<int64_t>(index + w * indexLane) = where[w];
  }
}

template <class T, ScanOp op>
void extremes(const Strip& s) {
  T best[kColumnLanes];
  int64_t where[kColumnLanes];
  const int64_t size = sizeof(T), wide = sizeof(int64_t);
  const bool packed = s.inLane == size && s.outLane == size && s.indexLane == wide;
  for (int64_t w = 0; w < s.lanes; ++w) best[w] = at<T>(s.in + w * s.inLane), where[w] = 0;
  for (int64_t i = 0; i < s.n; ++i) {
    const char* in = s.in + i * s.inStep;
    char* out = s.out + i * s.outStep;
    char* index = s.index + i * s.indexStep;
    if (packed) stepExtreme<T, op>(best, where, i, s.lanes, in, out, index, size, size, wide);
    else stepExtreme<T, op>(best, where, i, s.lanes, in, out, index, s.inLane, s.outLane, s.indexLane);
  }
}

// log(exp(a) + exp(b)) without overflow; equal infinities stay, and NaN does.
inline double logAdd(double a, double b) {
  const double low = b != b ? b : b < a ? b : a, high = b != b ? b : b > a ? b : a;
  return low != high || low - low == 0 ? log1p(exp(low - high)) + high : a;
}

template <class T>
void logSums(const Strip& s) {
  for (int64_t w = 0; w < s.lanes; ++w) {
    double acc = -HUGE_VAL;
    for (int64_t i = 0; i < s.n; ++i) {
      acc = logAdd(static_cast<double>(at<T>(s.in + w * s.inLane + i * s.inStep)), acc);
      at<T>(s.out + w * s.outLane + i * s.outStep) = static_cast<T>(acc);
    }
  }
}

using Kernel = void (*)(const Strip&);

template <class T>
Kernel kernelOf(ScanOp op) {
  switch (op) {
    case kCumsum: return accumulate<T, kCumsum>;
    case kCumprod: return accumulate<T, kCumprod>;
    case kCummax: return extremes<T, kCummax>;
    default: return extremes<T, kCummin>;
  }
}

Kernel kernelFor(ScanOp op, Dtype dtype) {
  if (op == kLogcumsumexp) return dtype == Dtype::Float32 ? logSums<float> : dtype == Dtype::Float64 ? logSums<double> : nullptr;
  switch (dtype) {
    case Dtype::Bool: return op < kCummax ? nullptr : kernelOf<uint8_t>(op);  // torch has no bool cumsum either
    case Dtype::UInt8: return kernelOf<uint8_t>(op);
    case Dtype::Int8: return kernelOf<int8_t>(op);
    case Dtype::Int16: return kernelOf<int16_t>(op);
    case Dtype::Int32: return kernelOf<int32_t>(op);
    case Dtype::Int64: return kernelOf<int64_t>(op);
    case Dtype::Float32: return kernelOf<float>(op);
    case Dtype::Float64: return kernelOf<double>(op);
    default: return nullptr;
  }
}

void inBytes(ScanOperand& o, int K, int64_t itemSize) {
  for (int d = 0; d < K; ++d) o.stride[d] *= itemSize;
  o.along *= itemSize;
}

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

void chooseLanes(Scan& s) {
  s.width = s.size[s.K - 1];
  const bool column = magnitude(s.in.stride[s.K - 1]) < magnitude(s.in.along);
  s.lanes = column ? kColumnLanes : kRowLanes;
}

// Strip number `i` in row-major order of the outer kept dims, then of the blocks of lanes.
Strip stripAt(const Scan& s, int64_t i) {
  const int64_t blocks = (s.width + s.lanes - 1) / s.lanes;
  const int64_t first = i % blocks * s.lanes;
  int64_t rest = i / blocks, in = 0, out = 0, index = 0;
  for (int d = s.K - 2; d >= 0; --d) {
    const int64_t at = rest % s.size[d];
    rest /= s.size[d];
    in += at * s.in.stride[d], out += at * s.out.stride[d];
    if (s.index.address) index += at * s.index.stride[d];
  }
  Strip t{};
  t.lanes = s.width - first < s.lanes ? s.width - first : s.lanes;
  t.n = s.n;
  t.inStep = s.in.along, t.outStep = s.out.along;
  t.inLane = s.in.stride[s.K - 1], t.outLane = s.out.stride[s.K - 1];
  t.in = s.in.address + in + first * t.inLane, t.out = s.out.address + out + first * t.outLane;
  if (s.index.address) {
    t.indexStep = s.index.along, t.indexLane = s.index.stride[s.K - 1];
    t.index = s.index.address + index + first * t.indexLane;
  }
  return t;
}

}  // namespace

void scan(Context& ctx) {
  Scan s;
  if (!decode(ctx, s)) return;
  const Kernel kernel = kernelFor(s.op, s.dtype);
  if (!kernel) return setStatus(ctx, kBadDtype, s.dtype);
  inBytes(s.in, s.K, kItemSize[int(s.dtype)]);
  inBytes(s.out, s.K, kItemSize[int(s.dtype)]);
  if (s.indexed()) inBytes(s.index, s.K, sizeof(int64_t));
  chooseLanes(s);

  int64_t strips = (s.width + s.lanes - 1) / s.lanes;
  for (int d = 0; d < s.K - 1; ++d) strips *= s.size[d];
  const int64_t work = strips * (s.width < s.lanes ? s.width : s.lanes) * s.n;
  forEachStretch(strips, chunkLength(strips, double(work)), work >= kGrain ? ctx.threads : 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) kernel(stripAt(s, i));
  });
  setStatus(ctx, kOk);
}

}  // namespace torchstone::TORCHSTONE_ISA
