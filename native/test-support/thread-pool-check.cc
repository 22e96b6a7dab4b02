// Checks of common/thread_pool.h and common/processors.h that JavaScript cannot make, for test/native/thread-pool.test.ts:
// `thread-pool-check claims|fork|limit|memory`, `thread-pool-check quota MEMBERSHIP MOUNT`. Prints what it saw; exit code 1 for a fault.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <thread>
#include <vector>

#include "common/processors.h"
#include "common/thread_pool.h"

using namespace torchstone;

namespace {

struct Call {
  std::vector<int> done, byMember;
  explicit Call(int64_t chunks, int threads) : done(size_t(chunks)), byMember(size_t(threads)) {}
};

void mark(void* context, Chunks& mine) {
  Call& call = *static_cast<Call*>(context);
  for (int64_t i; (i = mine.next()) >= 0;) {
    __atomic_fetch_add(&call.done[size_t(i)], 1, __ATOMIC_RELAXED);
    ++call.byMember[size_t(mine.member())];  // the participant's own
  }
}

// Every chunk once, none left out, no participant beyond those allowed.
bool runOnce(int64_t chunks, int threads) {
  Call call(chunks, threads);
  runChunks(chunks, threads, mark, &call);
  int64_t all = 0;
  for (int n : call.byMember) all += n;
  for (int n : call.done)
    if (n != 1) return false;
  return all == chunks;
}

// Whether a worker takes part in a call that leaves it time to come.
bool isHelped() {
  int others = 0;
  runChunks(20'000, 3, [](void* context, Chunks& mine) {
    int& seen = *static_cast<int*>(context);
    while (mine.next() >= 0) {
      if (mine.member() > 0) __atomic_store_n(&seen, 1, __ATOMIC_RELAXED);
      else if (__atomic_load_n(&seen, __ATOMIC_RELAXED) == 0) usleep(100);
    }
  }, &others);
  return others > 0;
}

int report(bool good, const char* what) {
  std::printf("%s: %s\n", what, good ? "ok" : "FAULT");
  return good ? 0 : 1;
}

// Several callers at once, of all sizes.
int claims() {
  bool good = true;
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&good, t] {
      for (int round = 0; round < 5000; ++round)
        if (!runOnce(1 + (round * 7 + t) % 60, 1 + (round + t) % 6)) __atomic_store_n(&good, false, __ATOMIC_RELAXED);
    });
  for (std::thread& caller : callers) caller.join();
  return report(good, "claims");
}

int forked() {
  bool good = runOnce(100, 3) && isHelped();
  const pid_t child = fork();
  if (child == 0) {
    const bool alive = usableThreads(3) == 3 && runOnce(100, 3) && isHelped();
    _exit(alive ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  good = good && isHelped() && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return report(good, "fork");
}

// Room for a few threads.
int limited() {
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit room{};
  room.rlim_cur = room.rlim_max = rlim_t(pages) * rlim_t(sysconf(_SC_PAGESIZE)) + (rlim_t(256) << 20);
  if (setrlimit(RLIMIT_AS, &room) != 0) return report(false, "setrlimit");
  const int got = usableThreads(1000);
  bool good = got >= 1 && got < 200 && runOnce(500, 1000);
  std::thread other([&good] { good = good && runOnce(500, 4); });  // there is room left for a thread of the program's own
  other.join();
  return report(good && usableThreads(2) == 2 && runOnce(500, 2) && isHelped(), "limit");
}

int memory() {
  struct Left { int64_t chunks = 0; } left;
  bool thrown = false;
  try {
    runChunks(64, 4, [](void* context, Chunks& mine) {
      for (int64_t i; (i = mine.next()) >= 0;) {
        __atomic_fetch_add(&static_cast<Left*>(context)->chunks, 1, __ATOMIC_RELAXED);
        if (i == 40) throw std::bad_alloc();
      }
    }, &left);
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  return report(thrown && runOnce(64, 4), "memory");
}

}  // namespace

int main(int count, char** arguments) {
  const char* what = count > 1 ? arguments[1] : "";
  if (std::strcmp(what, "claims") == 0) return claims();
  if (std::strcmp(what, "fork") == 0) return forked();
  if (std::strcmp(what, "limit") == 0) return limited();
  if (std::strcmp(what, "memory") == 0) return memory();
  if (std::strcmp(what, "quota") == 0 && count == 4) {
    std::printf("%g\n", processorQuota(arguments[2], arguments[3]));
    return 0;
  }
  std::printf("required claims, fork, limit, memory or quota MEMBERSHIP MOUNT; got '%s'\n", what);
  return 2;
}
