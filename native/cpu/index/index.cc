// The index kernel families: indexGet, indexPut and nonzero. Nothing is read or put by an unchecked index; indexPut keeps
// iteration order, for duplicates.
#include "cpu/half.h"
#include "index_get.h"
#include "cpu/isa.h"
#include "cpu/parallel.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

int64_t* inBytes(int64_t* stride, int ndim, int64_t itemSize) {
  for (int d = 0; d < ndim; ++d) stride[d] *= itemSize;
  return stride;
}

void makePlan(const IndexCommand& c, Plan& p) {
  p.ndim = c.ndim, p.M = c.indices;
  p.size = c.size;
  p.xAddress = c.moved, p.yAddress = c.plain;
  p.x = inBytes(c.movedStride, c.ndim, c.itemBytes);
  p.y = inBytes(c.plainStride, c.ndim, c.itemBytes);
  p.varies = false;
  for (int m = 0; m < p.M; ++m) {
    const IndexOperand& from = c.index[m];
    const bool wraps = from.dimSize >= 0;
    const int64_t size = wraps ? from.dimSize : -from.dimSize;
    p.index[m] = {from.address, inBytes(from.stride, c.ndim, sizeof(int64_t)), size, wraps ? -size : 0, from.step * c.itemBytes};
    p.varies |= p.index[m].stride[c.ndim - 1] != 0;
  }
  p.total = 1;
  for (int d = 0; d < p.ndim; ++d) p.total *= p.size[d];
}

// The first of n values that is not in [low, size), or n. Blocks first: a loop with an exit cannot be vectorised.
int64_t firstOutside(const char* row, int64_t step, int64_t n, const Index& index) {
  const uint64_t low = static_cast<uint64_t>(index.low), span = static_cast<uint64_t>(index.size) - low;
  int64_t i = 0;
  if (step == sizeof(int64_t)) {
    const uint64_t* x = reinterpret_cast<const uint64_t*>(row);
    constexpr int64_t kBlock = 64;
    for (; i + kBlock <= n; i += kBlock) {
      uint64_t any = 0;
      for (int64_t j = 0; j < kBlock; ++j) any |= x[i + j] - low >= span ? 1 : 0;
      if (any) break;
    }
  }
  while (i < n && *reinterpret_cast<const uint64_t*>(row + i * step) - low < span) ++i;
  return i;
}

// The same, a long run shared between threads: the first of their firsts.
int64_t firstOutside(const char* row, int64_t step, int64_t n, const Index& index, int threads) {
  if (n < kGrain || threads <= 1) return firstOutside(row, step, n, index);
  int64_t first = n;
  forEachStretch(n, chunkLength(n, double(n)), threads, [&](int64_t begin, int64_t end) {
    const int64_t bad = begin + firstOutside(row + begin * step, step, end - begin, index);
    int64_t seen = __atomic_load_n(&first, __ATOMIC_RELAXED);
    while (bad < end && bad < seen && !__atomic_compare_exchange_n(&first, &seen, bad, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
  });
  return first;
}

// Checks one index over the dims along which it varies, those that run on as one; false leaves the report in the block.
bool checkIndex(Context& ctx, const Plan& p, const Index& index, int which) {
  int64_t size[kMaxDims], stride[kMaxDims], at[kMaxDims];
  int n = 0;
  for (int d = 0; d < p.ndim; ++d) {
    if (index.stride[d] == 0) continue;
    if (n > 0 && stride[n - 1] == p.size[d] * index.stride[d]) size[n - 1] *= p.size[d], stride[n - 1] = index.stride[d];
    else size[n] = p.size[d], stride[n++] = index.stride[d];
  }
  for (int d = 0; d < n; ++d) at[d] = 0;
  const int64_t inner = n ? size[n - 1] : 1, step = n ? stride[n - 1] : 0;
  for (const char* row = index.address;;) {
    const int64_t bad = firstOutside(row, step, inner, index, ctx.threads);
    if (bad < inner) {
      const int64_t value = *reinterpret_cast<const int64_t*>(row + bad * step);
      setStatus(ctx, kIndexOutOfRange, double(value), which, double(index.size));
      return false;
    }
    int d = n - 2;
    for (; d >= 0; --d) {
      row += stride[d];
      if (++at[d] < size[d]) break;
      row -= stride[d] * size[d], at[d] = 0;
    }
    if (d < 0) return true;
  }
}

bool checkAll(Context& ctx, const Plan& p) {
  for (int m = 0; m < p.M; ++m)
    if (!checkIndex(ctx, p, p.index[m], m)) return false;
  return true;
}

template <class T> struct Wide { using type = uint32_t; };  // unsigned: wraps, and is not promoted to a signed int
template <> struct Wide<int64_t> { using type = uint64_t; };
template <> struct Wide<float> { using type = float; };
template <> struct Wide<double> { using type = double; };
template <> struct Wide<Item16> { using type = Item16; };

// bool travels as `bool`: add and amax are OR, multiply and amin are AND.
template <class T, PutMode mode>
TS_INLINE T combine(T old, T value) {
  using W = typename Wide<T>::type;
  if constexpr (mode == kReplace) return value;
  else if constexpr (mode == kAdd) return static_cast<T>(W(old) + W(value));
  else if constexpr (mode == kMultiply) return static_cast<T>(W(old) * W(value));
  else if constexpr (mode == kMaximum) return (value > old) | (value != value) ? value : old;
  else return (value < old) | (value != value) ? value : old;
}

TS_INLINE Half narrow(float x, Half) { return Half{halfBits(x)}; }
TS_INLINE Brain narrow(float x, Brain) { return Brain{brainBits(x)}; }

// The 16-bit floats are combined in float32 and rounded each time, as in PyTorch.
template <class T, PutMode mode>
TS_INLINE void putAt(char* dst, const char* src) {
  T* target = reinterpret_cast<T*>(dst);
  const T value = *reinterpret_cast<const T*>(src);
  if constexpr (requires { widen(value); }) *target = narrow(combine<float, mode>(widen(*target), widen(value)), value);
  else *target = combine<T, mode>(*target, value);
}

template <class T, PutMode mode>
void putRow(char* dst, int64_t dstStep, const char* src, int64_t srcStep, int64_t n) {
  if (dstStep == sizeof(T) && srcStep == sizeof(T)) {
    for (int64_t i = 0; i < n; ++i) putAt<T, mode>(dst + i * sizeof(T), src + i * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; ++i) putAt<T, mode>(dst + i * dstStep, src + i * srcStep);
  }
}

template <class T, PutMode mode>
void putAll(const Plan& p) {
  const int last = p.ndim - 1;
  const int64_t srcStep = p.y[last];
  Row r;
  seek(p, r, 0);
  for (int64_t position = 0; position < p.total;) {
    int64_t n = p.size[last] - r.at[last];
    if (!p.varies) {
      putRow<T, mode>(r.x + resolveRow(p, r), p.x[last], r.y, srcStep, n);
    } else {
      int64_t offset[kSpan];
      if (n > kSpan) n = kSpan;
      resolve(p, r, n, offset);
      for (int64_t i = 0; i < n; ++i) putAt<T, mode>(r.x + offset[i], r.y + i * srcStep);
    }
    position += n;
    advance(p, r, n);
  }
}

using Put = void (*)(const Plan&);

template <class T>
Put putOf(PutMode mode) {
  switch (mode) {
    case kAdd: return putAll<T, kAdd>;
    case kMultiply: return putAll<T, kMultiply>;
    case kMaximum: return putAll<T, kMaximum>;
    default: return putAll<T, kMinimum>;
  }
}

Put replaceOf(int64_t itemSize) {
  switch (itemSize) {
    case 1: return putAll<uint8_t, kReplace>;
    case 2: return putAll<int16_t, kReplace>;
    case 4: return putAll<int32_t, kReplace>;
    case 8: return putAll<int64_t, kReplace>;
    default: return putAll<Item16, kReplace>;
  }
}

Put putFor(PutMode mode, Dtype dtype) {
  if (mode == kReplace) return replaceOf(kItemSize[static_cast<int>(dtype)]);
  switch (dtype) {
    case Dtype::Bool: return putOf<bool>(mode);
    case Dtype::UInt8: return putOf<uint8_t>(mode);
    case Dtype::Int8: return putOf<int8_t>(mode);
    case Dtype::Int16: return putOf<int16_t>(mode);
    case Dtype::Int32: return putOf<int32_t>(mode);
    case Dtype::Int64: return putOf<int64_t>(mode);
    case Dtype::Float16: return putOf<Half>(mode);
    case Dtype::BFloat16: return putOf<Brain>(mode);
    case Dtype::Float32: return putOf<float>(mode);
    case Dtype::Float64: return putOf<double>(mode);
    default: return nullptr;
  }
}

// False where it checks the indices itself and met one outside.
bool getParallel(const Plan& p, int64_t itemSize, int threads) {
  auto range = itemSize == 1 ? getRange<uint8_t> : itemSize == 2 ? getRange<int16_t> : itemSize == 4 ? getRange<int32_t>
             : itemSize == 8 ? getRange<int64_t> : getRange<Item16>;
  if (p.total < kGrain || threads <= 1) return range(p, 0, p.total);
  int outside = 0;
  forEachStretch(p.total, chunkLength(p.total, double(p.total)), threads, [&](int64_t begin, int64_t end) {
    if (!range(p, begin, end)) raiseStatus(outside, 1);
  });
  return outside == 0;
}

// The item as raw bits with what makes it zero masked away (the sign of floats); NaN is not zero.
struct Search {
  int ndim;
  const int64_t *size, *stride;
  const char* address;
  int64_t* out;  // null while counting
};

template <class T, T mask>
int64_t countHits(const char* row, int64_t step, int64_t n) {
  int64_t count = 0;
  if (step == sizeof(T)) {
    for (int64_t i = 0; i < n; ++i) count += (*reinterpret_cast<const T*>(row + i * sizeof(T)) & mask) != 0;
  } else {
    for (int64_t i = 0; i < n; ++i) count += (*reinterpret_cast<const T*>(row + i * step) & mask) != 0;
  }
  return count;
}

// Collects the hits of a span without a branch (half of them would be mispredicted), then writes their coordinates.
template <class T, T mask>
int64_t writeHits(const char* row, int64_t step, int64_t n, int last, const int64_t* at, int64_t*& out) {
  int64_t count = 0;
  for (int64_t begin = 0; begin < n; begin += kSpan) {
    const int64_t end = begin + kSpan < n ? begin + kSpan : n;
    int64_t hit[kSpan], hits = 0;
    for (int64_t i = begin; i < end; ++i) hit[hits] = i, hits += (*reinterpret_cast<const T*>(row + i * step) & mask) != 0;
    for (int64_t h = 0; h < hits; ++h) {
      for (int d = 0; d < last; ++d) *out++ = at[d];
      *out++ = hit[h];
    }
    count += hits;
  }
  return count;
}

template <class T, T mask>
int64_t search(const Search& s) {
  int64_t at[kMaxDims], count = 0;
  for (int d = 0; d < s.ndim; ++d) at[d] = 0;
  int64_t* out = s.out;
  const int last = s.ndim - 1;
  const int64_t step = s.stride[last];
  for (const char* row = s.address;;) {
    count += out ? writeHits<T, mask>(row, step, s.size[last], last, at, out) : countHits<T, mask>(row, step, s.size[last]);
    int d = last - 1;
    for (; d >= 0; --d) {
      row += s.stride[d];
      if (++at[d] < s.size[d]) break;
      row -= s.stride[d] * s.size[d], at[d] = 0;
    }
    if (d < 0) return count;
  }
}

int64_t searchAny(const Search& s, Dtype dtype) {
  switch (dtype) {
    case Dtype::Bool: case Dtype::UInt8: case Dtype::Int8: return search<uint8_t, 0xff>(s);
    case Dtype::Int16: return search<uint16_t, 0xffff>(s);
    case Dtype::Int32: return search<uint32_t, 0xffffffffu>(s);
    case Dtype::Int64: return search<uint64_t, ~uint64_t{0}>(s);
    case Dtype::Float16: case Dtype::BFloat16: return search<uint16_t, 0x7fff>(s);
    case Dtype::Float32: return search<uint32_t, 0x7fffffffu>(s);
    case Dtype::Float64: return search<uint64_t, (~uint64_t{0} >> 1)>(s);
    default: return -1;
  }
}

}  // namespace

void indexGet(Context& ctx) {
  IndexCommand c;
  if (!decodeGet(ctx, c)) return;
  Plan p;
  makePlan(c, p);
  if (!checksItself(p, c.itemBytes) && !checkAll(ctx, p)) return;
  // Which one was the first outside, the pass over all of them tells.
  if (getParallel(p, c.itemBytes, ctx.threads) || checkAll(ctx, p)) setStatus(ctx, kOk);
}

void indexPut(Context& ctx) {
  IndexCommand c;
  if (!decodePut(ctx, c)) return;
  const Put put = putFor(c.mode, c.dtype);
  if (!put) return setStatus(ctx, kBadDtype, c.dtype);
  Plan p;
  makePlan(c, p);
  if (!checkAll(ctx, p)) return;
  put(p);
  setStatus(ctx, kOk);
}

void nonzero(Context& ctx) {
  NonzeroCommand c;
  if (!decode(ctx, c)) return;
  const int64_t* stride = inBytes(c.stride, c.ndim, kItemSize[int(c.dtype)]);
  const Search s{c.ndim, c.size, stride, c.in, c.writes ? reinterpret_cast<int64_t*>(c.out) : nullptr};
  const int64_t count = searchAny(s, c.dtype);
  if (count < 0) setStatus(ctx, kBadDtype, c.dtype);
  else setStatus(ctx, kOk, double(count));
}

}  // namespace torchstone::TORCHSTONE_ISA
