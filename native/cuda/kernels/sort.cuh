// Stable sorts of contiguous rows: values become unsigned keys in the wanted order, chunks are sorted in shared memory
// (Batcher's bitonic network on keys with their places), then merged in passes (Green, McColl and Bader's merge path).
#pragma once
#include "program.cuh"

namespace torchstone::device {

constexpr int kSortThreads = 256;
constexpr int kSlots = 1024;  // elements that a block sorts, and outputs that a block merges

template <int bytes> struct KeyBits;
template <> struct KeyBits<1> { using type = uint8_t; };
template <> struct KeyBits<2> { using type = uint16_t; };
template <> struct KeyBits<4> { using type = uint32_t; };
template <> struct KeyBits<8> { using type = uint64_t; };
template <class T> using KeyOf = typename KeyBits<sizeof(T)>::type;

// As native/cpu/sort/sort.cc: every NaN is the greatest, −0 equals 0. Descending turns the key round, so that it stays stable.
template <bool descending, class T> TS_INLINE KeyOf<T> keyOf(T x) {
  using K = KeyOf<T>;
  constexpr K sign = K(K(1) << (8 * sizeof(T) - 1));
  K key;
  if constexpr (ops::kReal<T>) {
    const K bits = __builtin_bit_cast(K, x);
    key = x != x ? K(~K(0)) : x == 0 ? sign : (bits & sign) ? K(~bits) : K(bits | sign);
  } else if constexpr (ops::kSigned<T>) {
    key = K(K(x) ^ sign);
  } else {
    key = K(x);
  }
  return descending ? K(~key) : key;
}

struct SortArgs {
  int64_t rows, n, k, width;  // width: of the runs that a pass merges
  const char* in;
  char* fromKeys;
  char* fromPlaces;
  char* toKeys;
  char* toPlaces;
  char* values;
  int64_t* indices;
};

// Segments of `cap` slots, a power of two; a row has as many as it needs.
template <class T, class I, int cap, bool descending> TS_INLINE void sortChunks(const SortArgs& a) {
  using K = KeyOf<T>;
  TS_SHARED K keys[kSlots];
  TS_SHARED I places[kSlots];
  const int64_t chunks = (a.n + cap - 1) / cap, first = int64_t(blockIdx.x) * (kSlots / cap);
  for (int i = int(threadIdx.x); i < kSlots; i += kSortThreads) {
    const int64_t segment = first + i / cap, row = segment / chunks, j = segment % chunks * cap + i % cap;
    const bool here = row < a.rows && j < a.n;
    // What fills up has the greatest key and a place behind all others.
    keys[i] = here ? keyOf<descending>(reinterpret_cast<const T*>(a.in)[row * a.n + j]) : K(~K(0));
    places[i] = I(j);
  }
  tsBarrier();
  for (int size = 2; size <= cap; size *= 2)
    for (int stride = size / 2; stride > 0; stride /= 2) {
      for (int pair = int(threadIdx.x); pair < kSlots / 2; pair += kSortThreads) {
        const int low = pair / stride * 2 * stride + pair % stride, high = low + stride;
        const bool rising = (low % cap & size) == 0;
        const K x = keys[low], y = keys[high];
        const I p = places[low], q = places[high];
        const bool behind = x > y || (x == y && p > q);
        if (behind == rising) keys[low] = y, keys[high] = x, places[low] = q, places[high] = p;
      }
      tsBarrier();
    }
  for (int i = int(threadIdx.x); i < kSlots; i += kSortThreads) {
    const int64_t segment = first + i / cap, row = segment / chunks, j = segment % chunks * cap + i % cap;
    if (row >= a.rows || j >= a.n) continue;
    reinterpret_cast<K*>(a.toKeys)[row * a.n + j] = keys[i];
    reinterpret_cast<I*>(a.toPlaces)[row * a.n + j] = places[i];
  }
}

// Merges neighbouring runs of `width` within each row; a thread makes four outputs in a row.
template <class K, class I> TS_INLINE void mergeRuns(const SortArgs& a) {
  constexpr int kEach = kSlots / kSortThreads;
  const int64_t tiles = (a.n + kSlots - 1) / kSlots, row = int64_t(blockIdx.x) / tiles;
  const int64_t at = int64_t(blockIdx.x) % tiles * kSlots + int64_t(threadIdx.x) * kEach;
  if (at >= a.n) return;
  const K* keys = reinterpret_cast<const K*>(a.fromKeys) + row * a.n;
  const I* places = reinterpret_cast<const I*>(a.fromPlaces) + row * a.n;
  K* outKeys = reinterpret_cast<K*>(a.toKeys) + row * a.n;
  I* outPlaces = reinterpret_cast<I*>(a.toPlaces) + row * a.n;
  const int64_t start = at / (2 * a.width) * (2 * a.width);
  const int64_t middle = start + a.width < a.n ? start + a.width : a.n, end = start + 2 * a.width < a.n ? start + 2 * a.width : a.n;
  // The d-th output splits into i of the left run and d − i of the right one; equal keys come from the left first.
  const int64_t d = at - start, left = middle - start, right = end - middle;
  int64_t low = d > right ? d - right : 0, high = d < left ? d : left;
  while (low < high) {
    const int64_t i = low + (high - low) / 2;
    if (keys[start + i] <= keys[middle + d - i - 1]) low = i + 1;
    else high = i;
  }
  int64_t i = start + low, j = middle + d - low;
  for (int e = 0; e < kEach && at + e < end; ++e) {
    const bool takeRight = i >= middle || (j < end && keys[j] < keys[i]);
    const int64_t from = takeRight ? j++ : i++;
    outKeys[at + e] = keys[from];
    outPlaces[at + e] = places[from];
  }
}

template <class T, class I> TS_INLINE void writeSorted(const SortArgs& a) {
  const int64_t i = int64_t(blockIdx.x) * kSortThreads + threadIdx.x;
  if (i >= a.rows * a.k) return;
  const int64_t row = i / a.k;
  const int64_t place = int64_t(reinterpret_cast<const I*>(a.fromPlaces)[row * a.n + i % a.k]);
  if (a.values != nullptr) reinterpret_cast<T*>(a.values)[i] = reinterpret_cast<const T*>(a.in)[row * a.n + place];
  if (a.indices != nullptr) a.indices[i] = place;
}

}  // namespace torchstone::device
