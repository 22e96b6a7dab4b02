// Chunks of a kernel's work, shared by the process's threads (common/thread_pool.h). Where chunks begin and end must depend on the
// shapes alone; then so do the results' bits.
#pragma once
#include "common/thread_pool.h"
#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Calls work(chunks) once in each participating thread: for what a thread makes once and uses for all its chunks.
//   shareChunks(count, threads, [&](Chunks& mine) { Buffer b; for (int64_t i; (i = mine.next()) >= 0;) work(i, b); });
template <class F> void shareChunks(int64_t count, int threads, const F& work) {
  runChunks(count, threads, [](void* f, Chunks& mine) { (*static_cast<const F*>(f))(mine); }, const_cast<F*>(&work));
}

// Calls work(i) for every i below count.
template <class F> void forEachChunk(int64_t count, int threads, const F& work) {
  if (threads <= 1 || count <= 1) {
    for (int64_t i = 0; i < count; ++i) work(i);
    return;
  }
  shareChunks(count, threads, [&](Chunks& mine) {
    for (int64_t i; (i = mine.next()) >= 0;) work(i);
  });
}

constexpr double kChunkWork = 8192;   // additions that make a claim, some 30 ns, cheap
constexpr int64_t kMostChunks = 512;  // enough for many threads to end at about one time

// How many of n pieces make a chunk. `work`: of all of them, in additions.
TS_INLINE int64_t chunkLength(int64_t n, double work) {
  const double worth = kChunkWork * double(n) / (work < 1 ? 1 : work);
  const int64_t shared = (n + kMostChunks - 1) / kMostChunks, worthy = worth >= double(n) ? n : int64_t(worth);
  return worthy > shared ? worthy : shared < 1 ? 1 : shared;
}

// Calls work(begin, end) for stretches of at most `length` of 0 .. n; in one thread, for all at once.
template <class F> void forEachStretch(int64_t n, int64_t length, int threads, const F& work) {
  if (threads <= 1 || n <= length) {
    if (n > 0) work(int64_t(0), n);
    return;
  }
  forEachChunk((n + length - 1) / length, threads, [&](int64_t i) {
    const int64_t begin = i * length;
    work(begin, n - begin < length ? n : begin + length);
  });
}

// Raises a status that several threads may set, the greatest of them counting.
TS_INLINE void raiseStatus(int& status, int one) {
  int seen = __atomic_load_n(&status, __ATOMIC_RELAXED);
  while (one > seen && !__atomic_compare_exchange_n(&status, &seen, one, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
