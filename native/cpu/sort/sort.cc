// The sort kernel family: stable sorts of contiguous rows, with their indices. Values become unsigned keys whose order is the
// wanted one (so descending is stable too); short rows are merged, long ones radix-sorted, very long ones by all threads. Where
// only the first k are wanted they are selected, in the order that sorting would give.
// <algorithm> is not used: its templates would be shared between instruction sets.
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "commands/sort.h"
#include "cpu/isa.h"
#include "cpu/parallel.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

inline constexpr int64_t kMergeBytes = 12;            // measured: up to 12 × the key's bytes, merging beats a radix sort
inline constexpr int64_t kParallelRow = 1 << 16;      // a single row of this length is worth all threads
inline constexpr int64_t kParallelRows = 1 << 13;     // elements in all, for sharing rows
inline constexpr int64_t kStretch = 1 << 15;          // elements of a long row that are counted, moved or searched in one go
inline constexpr int64_t kMaxStretches = 64;
inline constexpr double kWeight = 16;                 // additions that an element takes the time of
inline constexpr int64_t kSelectShare = 16;           // up to this share of a row, selecting beats sorting all of it

template <class K, class I> struct Item { K key; I index; };

// The order of K: unsigned integers keep theirs, signed ones flip the sign bit. Floats: negative ones flip all bits, others the
// sign bit; every NaN is the greatest, and −0 equals 0 (so that a stable sort keeps them in place).
template <class T, class K> TS_INLINE K keyOf(T x) {
  constexpr K sign = static_cast<K>(K{1} << (8 * sizeof(T) - 1));
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return static_cast<K>(~K{0});
    if (x == 0) return sign;
    K bits;
    std::memcpy(&bits, &x, sizeof x);
    return bits & sign ? static_cast<K>(~bits) : static_cast<K>(bits | sign);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<K>(static_cast<std::make_unsigned_t<T>>(x)) ^ sign;
  } else {
    return static_cast<K>(x);
  }
}

// Later places lose ties, so that what is selected is what a stable sort puts first.
template <class X> TS_INLINE bool before(const X& a, const X& b) {
  return a.key < b.key || (a.key == b.key && a.index < b.index);
}

// The k least of n to the front, in any order.
template <class X> void selectLeast(X* a, int64_t n, int64_t k) {
  int64_t low = 0, high = n - 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const X &p = a[low], &q = a[middle], &r = a[high];
    const X pivot = before(p, q) ? (before(q, r) ? q : before(p, r) ? r : p) : (before(p, r) ? p : before(q, r) ? r : q);
    int64_t i = low, j = high;
    while (i <= j) {
      while (before(a[i], pivot)) ++i;
      while (before(pivot, a[j])) --j;
      if (i > j) break;
      const X t = a[i];
      a[i++] = a[j];
      a[j--] = t;
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else return;
  }
}

// Ascending by `before`, from the top down, in place: for the few that were selected.
template <class X> void heapSort(X* a, int64_t n) {
  const auto sink = [a](int64_t at, int64_t end) {
    const X x = a[at];
    for (int64_t child = 2 * at + 1; child < end; at = child, child = 2 * at + 1) {
      if (child + 1 < end && before(a[child], a[child + 1])) ++child;
      if (!before(x, a[child])) {
        a[at] = x;
        return;
      }
      a[at] = a[child];
    }
    a[at] = x;
  };
  for (int64_t i = n / 2 - 1; i >= 0; --i) sink(i, n);
  for (int64_t end = n - 1; end > 0; --end) {
    const X x = a[0];
    a[0] = a[end];
    a[end] = x;
    sink(0, end);
  }
}

// Stable: insertion sort of runs of 16, then merging back and forth. Returns whichever buffer holds the result.
template <class X> X* mergeSort(X* a, X* b, int64_t n) {
  constexpr int64_t kRun = 16;
  for (int64_t start = 0; start < n; start += kRun) {
    const int64_t end = start + kRun < n ? start + kRun : n;
    for (int64_t i = start + 1; i < end; ++i) {
      const X x = a[i];
      int64_t j = i;
      for (; j > start && a[j - 1].key > x.key; --j) a[j] = a[j - 1];
      a[j] = x;
    }
  }
  for (int64_t run = kRun; run < n; run *= 2) {
    for (int64_t start = 0; start < n; start += 2 * run) {
      const int64_t middle = start + run < n ? start + run : n, end = start + 2 * run < n ? start + 2 * run : n;
      int64_t i = start, j = middle, k = start;
      while (i < middle && j < end) {
        const bool right = a[j].key < a[i].key;
        b[k++] = right ? a[j] : a[i];
        j += right;
        i += !right;
      }
      while (i < middle) b[k++] = a[i++];
      while (j < end) b[k++] = a[j++];
    }
    X* t = a;
    a = b;
    b = t;
  }
  return a;
}

// One digit of 8 bits. Stretches of the row are counted and moved apart; positions are ordered by (digit, stretch), so the order is
// stable and does not depend on how many there are.
template <class X> struct Digit {
  const X* from;
  X* to;
  int64_t n;
  int shift;
  int64_t stretches;
  int64_t (*counts)[256];
  int64_t start(int64_t s) const { return n / stretches * s + (n % stretches < s ? n % stretches : s); }
  void count(int64_t s) const {
    int64_t* c = counts[s];
    std::memset(c, 0, sizeof counts[0]);
    for (int64_t i = start(s), end = start(s + 1); i < end; ++i) ++c[from[i].key >> shift & 255];
  }
  // Counts become positions; false when all keys share the digit.
  bool place() const {
    int64_t at = 0;
    for (int d = 0; d < 256; ++d) {
      const int64_t before = at;
      for (int64_t s = 0; s < stretches; ++s) {
        const int64_t c = counts[s][d];
        counts[s][d] = at;
        at += c;
      }
      if (at - before == n) return false;
    }
    return true;
  }
  void move(int64_t s) const {
    int64_t* c = counts[s];
    for (int64_t i = start(s), end = start(s + 1); i < end; ++i) to[c[from[i].key >> shift & 255]++] = from[i];
  }
};

template <class X>
X* radixSort(X* a, X* b, int64_t n, int bits, int threads, int64_t stretches, int64_t (*counts)[256]) {
  for (int shift = 0; shift < bits; shift += 8) {
    const Digit<X> digit{a, b, n, shift, stretches, counts};
    forEachChunk(stretches, threads, [&](int64_t s) { digit.count(s); });
    if (!digit.place()) continue;
    forEachChunk(stretches, threads, [&](int64_t s) { digit.move(s); });
    X* t = a;
    a = b;
    b = t;
  }
  return a;
}

template <class T, class K, class I> struct RowSorter {
  using X = Item<K, I>;
  const T* in;
  T* values;
  int64_t* indices;
  int64_t rows, n, k;
  bool descending;

  bool selects() const { return k * kSelectShare <= n; }
  // Of a row that all threads share. A stretch that is searched holds more than it may keep.
  int64_t stretches(int threads) const {
    const int64_t count = n / (selects() && 8 * k > kStretch ? 8 * k : kStretch);
    return threads == 1 || count < 1 ? 1 : count < kMaxStretches ? count : kMaxStretches;
  }
  void write(int64_t r, const X* found) const {
    const T* x = in + r * n;
    T* v = values ? values + r * k : nullptr;
    int64_t* at = indices ? indices + r * k : nullptr;
    for (int64_t i = 0; i < k; ++i) {
      if (v) v[i] = x[found[i].index];
      if (at) at[i] = static_cast<int64_t>(found[i].index);
    }
  }

  // The first k of x[from..to) by rank into `room` (2·k items); how many there are. Most elements are only compared with
  // the last that is still in, a block at a time.
  int64_t candidates(const T* x, int64_t from, int64_t to, X* room, K flip) const {
    constexpr int64_t kBlock = 64;
    int64_t held = 0;
    K limit = static_cast<K>(~K{0});
    bool full = false;
    for (int64_t start = from; start < to; start += kBlock) {
      const int64_t end = start + kBlock < to ? start + kBlock : to;
      if (full) {
        bool any = false;
        for (int64_t i = start; i < end; ++i) any |= static_cast<K>(keyOf<T, K>(x[i]) ^ flip) < limit;
        if (!any) continue;
      }
      for (int64_t i = start; i < end; ++i) {
        const K key = static_cast<K>(keyOf<T, K>(x[i]) ^ flip);
        if (full && key >= limit) continue;
        room[held++] = {key, static_cast<I>(i)};
        if (held < 2 * k) continue;
        selectLeast(room, held, k);
        held = k;
        full = true;
        limit = room[0].key;
        for (int64_t j = 1; j < k; ++j) limit = room[j].key > limit ? room[j].key : limit;
      }
    }
    if (held > k) selectLeast(room, held, k), held = k;
    return held;
  }

  // buffers: stretches × 2·k items.
  void selectRow(int64_t r, X* buffers, int threads) const {
    const T* x = in + r * n;
    const K flip = descending ? static_cast<K>(~K{0}) : K{0};
    const int64_t all = stretches(threads), each = n / all;
    int64_t counts[kMaxStretches];
    forEachChunk(all, threads, [&](int64_t s) {
      counts[s] = candidates(x, each * s, s + 1 == all ? n : each * (s + 1), buffers + 2 * k * s, flip);
    });
    int64_t held = counts[0];
    for (int64_t s = 1; s < all; ++s)
      for (int64_t i = 0; i < counts[s]; ++i) buffers[held++] = buffers[2 * k * s + i];
    if (held > k) selectLeast(buffers, held, k);
    heapSort(buffers, k);
    write(r, buffers);
  }

  // buffers: 2·n items, then stretches × 256 counts.
  void row(int64_t r, X* buffers, int threads) const {
    if (selects()) return selectRow(r, buffers, threads);
    const T* x = in + r * n;
    const K flip = descending ? static_cast<K>(~K{0}) : K{0};
    forEachStretch(n, kStretch, threads, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) buffers[i] = {static_cast<K>(keyOf<T, K>(x[i]) ^ flip), static_cast<I>(i)};
    });
    auto counts = reinterpret_cast<int64_t(*)[256]>(buffers + 2 * n);
    const X* sorted = n <= kMergeBytes * static_cast<int64_t>(sizeof(K)) ? mergeSort(buffers, buffers + n, n)
                                      : radixSort(buffers, buffers + n, n, 8 * static_cast<int>(sizeof(T)), threads, stretches(threads), counts);
    if (k < n) return write(r, sorted);
    T* v = values ? values + r * n : nullptr;
    int64_t* at = indices ? indices + r * n : nullptr;
    forEachStretch(n, kStretch, threads, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (v) v[i] = x[sorted[i].index];
        if (at) at[i] = static_cast<int64_t>(sorted[i].index);
      }
    });
  }

  size_t bytes(int threads) const {
    const size_t all = static_cast<size_t>(stretches(threads));
    if (selects()) return 2 * static_cast<size_t>(k) * all * sizeof(X);
    return 2 * static_cast<size_t>(n) * sizeof(X) + all * 256 * sizeof(int64_t);
  }

  // 0, or the bytes that could not be had.
  size_t run(int threads) const {
    const bool shared = rows > 1 && threads > 1 && rows * n >= kParallelRows && (rows >= threads || n < kParallelRow);
    const int team = !shared && n >= kParallelRow ? threads : 1;
    const int64_t length = shared ? chunkLength(rows, static_cast<double>(rows * n) * kWeight) : rows;
    int failed = 0;
    shareChunks((rows + length - 1) / length, shared ? threads : 1, [&](Chunks& mine) {
      X* buffers = static_cast<X*>(std::malloc(bytes(team)));
      if (!buffers) raiseStatus(failed, 1);
      for (int64_t i; (i = mine.next()) >= 0;)
        for (int64_t r = i * length; r < rows && r < (i + 1) * length; ++r)
          if (buffers) row(r, buffers, team);
      std::free(buffers);
    });
    return failed == 0 ? 0 : bytes(team);
  }
};

struct Command : SortCommand {
  int threads;
};

template <class T> size_t sortAs(const Command& c) {
  using Narrow = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  const T* in = reinterpret_cast<const T*>(c.in);
  T* values = reinterpret_cast<T*>(c.values);
  int64_t* indices = reinterpret_cast<int64_t*>(c.indices);
  if (sizeof(T) < 8 && c.n <= INT64_C(0xFFFFFFFF))
    return RowSorter<T, Narrow, uint32_t>{in, values, indices, c.rows, c.n, c.k, c.descending}.run(c.threads);
  return RowSorter<T, Narrow, uint64_t>{in, values, indices, c.rows, c.n, c.k, c.descending}.run(c.threads);
}

}  // namespace

void sort(Context& ctx) {
  Command c;
  if (!decode(ctx, c)) return;
  c.threads = ctx.threads;
  size_t missing = 0;
  switch (c.dtype) {
    case Dtype::Bool: case Dtype::UInt8: missing = sortAs<uint8_t>(c); break;
    case Dtype::Int8: missing = sortAs<int8_t>(c); break;
    case Dtype::Int16: missing = sortAs<int16_t>(c); break;
    case Dtype::Int32: missing = sortAs<int32_t>(c); break;
    case Dtype::Int64: missing = sortAs<int64_t>(c); break;
    case Dtype::Float32: missing = sortAs<float>(c); break;
    case Dtype::Float64: missing = sortAs<double>(c); break;
    default: return setStatus(ctx, kBadDtype, c.dtype);
  }
  if (missing) setStatus(ctx, kOutOfMemory, double(missing));
  else setStatus(ctx, kOk);
}

}  // namespace torchstone::TORCHSTONE_ISA
