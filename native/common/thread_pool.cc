#include "thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <new>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace torchstone {

// A stretch of chunks. Each participant begins with its own, the same one from call to call, for the sake of its core's caches.
struct alignas(64) Chunks::Range {
  std::atomic<int64_t> next;
  int64_t end;
};

namespace {
int64_t nanoseconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}
void wakeWorkers(int members);
}  // namespace

int64_t Chunks::next() {
  if (wakeAt_ != 0 && nanoseconds() > wakeAt_) {
    wakeAt_ = 0;
    wakeWorkers(members_);
  }
  for (; emptied_ < members_; ++emptied_, at_ = at_ + 1 == members_ ? 0 : at_ + 1) {
    Range& range = ranges_[at_];
    if (range.next.load(std::memory_order_relaxed) >= range.end) continue;
    const int64_t chunk = range.next.fetch_add(1, std::memory_order_relaxed);
    if (chunk < range.end) return chunk;
  }
  return -1;
}

namespace {

constexpr int kMostThreads = 1024;
constexpr size_t kStack = size_t(2) << 20;
// How long a worker waits awake for the next call, and the caller for the last chunk.
constexpr int64_t kSpin = 50'000;
constexpr int64_t kCallerSpin = 20'000;
// A wait for the clock that took so long was interrupted: another process wants this core.
constexpr int64_t kInterrupted = 20'000;
// Waking a worker takes some 5 us. A call that follows no other closely wakes those that sleep once it has lasted so long.
constexpr int64_t kShortCall = 10'000;
// On a crowded machine, where a worker that was woken got no core but the caller's, for so many calls once they last so long.
constexpr int kCrowdedCalls = 32;
constexpr int64_t kLongCall = 100'000;

using Word = std::atomic<uint32_t>;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The processor that this thread runs on; -1 where the system does not tell.
int currentProcessor() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Sleeps while the word is `value`; may return early.
void sleepWhile(Word& word, uint32_t value) {
#if defined(__linux__)
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
#else
  word.wait(value);
#endif
}

void wake(Word& word) {
#if defined(__linux__)
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
#else
  word.notify_one();
#endif
}

// Spins until `done()`, at most for so long; false: not yet, or this core is wanted by others.
template <class Done> bool spinUntil(const Done& done, int64_t most) {
  const int64_t start = nanoseconds();
  for (int64_t last = start;;) {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      pause();
    }
    const int64_t now = nanoseconds();
    if (now - start > most || now - last > kInterrupted) return done();
    last = now;
  }
}

struct alignas(64) Worker {
  Word asleep{0};
  Word ending{0};
  pthread_t thread;
};

// The gate of a call: whether it is open, how many participants it has, and how many workers are inside.
constexpr uint64_t kOpen = uint64_t(1) << 63;
constexpr int kMembersShift = 32;
constexpr uint64_t kInside = 0xffffffff;

struct Pool {
  // The call at hand: all that a worker reads, in one line of the cache. Written while the gate is closed and nobody is inside.
  alignas(64) Word serial{0};
  std::atomic<int> callerProcessor{-1};
  std::atomic<uint64_t> gate{0};
  ChunkBody body = nullptr;
  void* context = nullptr;
  std::atomic<bool> failed{false};
  // The callers' own.
  alignas(64) std::atomic<bool> taken{false};
  Word callerAsleep{0};
  std::atomic<int> crowded{0};  // calls that are still to wake no one at once
  int64_t lastCall = 0;         // when one last found a worker asleep
  Chunks::Range ranges[kMostThreads];
  // Workers 1 .. made, written under the lock; a caller that has taken the pool reads it.
  pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
  std::atomic<int> made{0};
  std::atomic<int> limit{kMostThreads - 1};  // as many as could be made
  Worker workers[kMostThreads];
};

Pool pool;

// A participant's part; false where it lacked memory.
bool take(ChunkBody body, void* context, Chunks chunks) {
  try {
    body(context, chunks);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

int membersOf(uint64_t gate) { return int((gate & ~kOpen) >> kMembersShift); }

bool enter(int member) {
  uint64_t gate = pool.gate.load(std::memory_order_acquire);
  while ((gate & kOpen) != 0 && member < membersOf(gate)) {
    if (pool.gate.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

void leave() {
  if ((pool.gate.fetch_sub(1) & (kOpen | kInside)) != 1) return;  // not the last one of a closed call
  if (pool.callerAsleep.exchange(0) != 0) wake(pool.callerAsleep);
}

// Waits for a call after the one that was seen last, awake for a while where that one was large enough to need this worker; the
// call's serial.
uint32_t nextCall(Worker& me, uint32_t seen, bool needed) {
  const auto called = [&] { return pool.serial.load(std::memory_order_acquire) != seen; };
  if (!needed || !spinUntil(called, kSpin)) {
    me.asleep.store(1);
    while (pool.serial.load() == seen && me.asleep.load() != 0) sleepWhile(me.asleep, 1);
    me.asleep.store(0);
  }
  return pool.serial.load(std::memory_order_acquire);
}

void* workerMain(void* argument) {
  const int member = int(reinterpret_cast<intptr_t>(argument));
  Worker& me = pool.workers[member];
  for (uint32_t seen = 0; me.ending.load() == 0;) {
    const bool inside = enter(member);
    const int members = membersOf(pool.gate.load(std::memory_order_relaxed));
    // A worker in the caller's place must not keep it from going on.
    bool displaces = false;
    if (inside) {
      const int here = currentProcessor();
      displaces = here >= 0 && here == pool.callerProcessor.load(std::memory_order_relaxed);
      if (displaces) pool.crowded.store(kCrowdedCalls, std::memory_order_relaxed);
      if (!take(pool.body, pool.context, Chunks(pool.ranges, members, member))) pool.failed.store(true);
      leave();
    }
    seen = nextCall(me, seen, member < members && !displaces);
  }
  return nullptr;
}

// A child process has the thread that forked and no other.
void lockMaking() { pthread_mutex_lock(&pool.making); }
void unlockMaking() { pthread_mutex_unlock(&pool.making); }
void forgetWorkers() {
  pool.making = PTHREAD_MUTEX_INITIALIZER;
  pool.made.store(0);
  pool.gate.store(0);
  pool.taken.store(false);
  pool.callerAsleep.store(0);
}

bool makeWorker(int member) {
  static const int prepared = pthread_atfork(lockMaking, unlockMaking, forgetWorkers);
  static_cast<void>(prepared);
  Worker& worker = pool.workers[member];
  worker.asleep.store(0);
  worker.ending.store(0);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, kStack);
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failure = pthread_create(&worker.thread, &attributes, workerMain, reinterpret_cast<void*>(intptr_t(member)));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return failure == 0;
}

void endWorkersAbove(int most) {
  const int made = pool.made.load();
  if (made <= most) return;
  pool.made.store(most);
  for (int i = most + 1; i <= made; ++i) pool.workers[i].ending.store(1);
  pool.serial.fetch_add(1);
  for (int i = most + 1; i <= made; ++i) {
    pool.workers[i].asleep.store(0);
    wake(pool.workers[i].asleep);
  }
  for (int i = most + 1; i <= made; ++i) pthread_join(pool.workers[i].thread, nullptr);
}

// The workers that a call may count on, up to `wanted`.
int workersFor(int wanted) {
  if (wanted <= pool.made.load(std::memory_order_acquire)) return wanted;
  if (pool.made.load() < pool.limit.load()) {
    pthread_mutex_lock(&pool.making);
    int made = pool.made.load();
    while (made < std::min(wanted, pool.limit.load()) && makeWorker(made + 1)) pool.made.store(++made);
    if (made < std::min(wanted, pool.limit.load())) {
      // Near a limit half are left to the rest of the process, whose memory grows too.
      pool.limit.store(made / 2);
      endWorkersAbove(made / 2);
    }
    pthread_mutex_unlock(&pool.making);
  }
  return std::min(wanted, pool.made.load());
}

void wakeWorkers(int members) {
  for (int m = 1; m < members; ++m) {
    Word& asleep = pool.workers[m].asleep;
    if (asleep.load() != 0 && asleep.exchange(0) != 0) wake(asleep);
  }
}

// Opens the call to those that are awake.
void publish(int64_t count, int members, ChunkBody body, void* context) {
  pool.body = body;
  pool.context = context;
  pool.failed.store(false, std::memory_order_relaxed);
  pool.callerProcessor.store(currentProcessor(), std::memory_order_relaxed);
  for (int m = 0; m < members; ++m) {
    pool.ranges[m].next.store(count * m / members, std::memory_order_relaxed);
    pool.ranges[m].end = count * (m + 1) / members;
  }
  pool.gate.store(kOpen | uint64_t(members) << kMembersShift, std::memory_order_release);
  pool.serial.fetch_add(1);
}

bool isAnyAsleep(int members) {
  for (int m = 1; m < members; ++m)
    if (pool.workers[m].asleep.load() != 0) return true;
  return false;
}

// Wakes the others, or has the caller do so if the call turns out to be worth it.
void callWorkers(int members, Chunks& mine) {
  if (!isAnyAsleep(members)) return;
  const int64_t now = nanoseconds();
  const int crowded = pool.crowded.load(std::memory_order_relaxed);
  const bool follows = now - pool.lastCall < kSpin;
  pool.lastCall = now;
  if (crowded > 0) pool.crowded.store(crowded - 1, std::memory_order_relaxed);
  if (crowded > 0) mine.wakeAt(now + kLongCall);
  else if (!follows) mine.wakeAt(now + kShortCall);
  else wakeWorkers(members);
}

// Shuts the gate, and waits for the workers that are inside.
void finish() {
  if ((pool.gate.fetch_and(~kOpen) & kInside) == 0) return;
  const auto alone = [] { return (pool.gate.load(std::memory_order_acquire) & kInside) == 0; };
  if (spinUntil(alone, kCallerSpin)) return;
  for (;;) {
    pool.callerAsleep.store(1);
    if ((pool.gate.load() & kInside) == 0) break;
    sleepWhile(pool.callerAsleep, 1);
  }
  pool.callerAsleep.store(0);
}

void runAlone(int64_t count, ChunkBody body, void* context) {
  Chunks::Range all;
  all.next.store(0, std::memory_order_relaxed);
  all.end = count;
  Chunks chunks(&all, 1, 0);
  body(context, chunks);
}

}  // namespace

void runChunks(int64_t count, int threads, ChunkBody body, void* context) {
  const int most = int(std::min<int64_t>({count, threads, kMostThreads}));
  if (most <= 1 || pool.taken.load(std::memory_order_relaxed) || pool.taken.exchange(true, std::memory_order_acquire)) {
    return runAlone(count, body, context);
  }
  const int members = 1 + workersFor(most - 1);
  publish(count, members, body, context);
  Chunks mine(pool.ranges, members, 0);
  callWorkers(members, mine);
  const bool enough = take(body, context, mine);
  finish();
  const bool failed = !enough || pool.failed.load(std::memory_order_relaxed);
  pool.taken.store(false, std::memory_order_release);
  if (failed) throw std::bad_alloc();
}

int usableThreads(int wanted) {
  pool.limit.store(kMostThreads - 1);
  return 1 + workersFor(std::min(wanted, kMostThreads) - 1);
}

}  // namespace torchstone
