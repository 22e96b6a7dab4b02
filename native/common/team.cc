#include "team.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <memory>
#include <new>

namespace torchstone {

namespace {

// Keeps the threads of a probe alive until all have been made.
struct Gate {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
  bool open = false;
};

void* waitAt(void* argument) {
  Gate& gate = *static_cast<Gate*>(argument);
  pthread_mutex_lock(&gate.mutex);
  while (!gate.open) pthread_cond_wait(&gate.opened, &gate.mutex);
  pthread_mutex_unlock(&gate.mutex);
  return nullptr;
}

// How many of `wanted` threads could be alive at the same time.
int probe(int wanted) {
  std::unique_ptr<pthread_t[]> made(new (std::nothrow) pthread_t[size_t(wanted)]);
  if (made == nullptr) return 0;
  Gate gate;
  int count = 0;
  while (count < wanted && pthread_create(&made[size_t(count)], nullptr, waitAt, &gate) == 0) ++count;
  pthread_mutex_lock(&gate.mutex);
  gate.open = true;
  pthread_cond_broadcast(&gate.opened);
  pthread_mutex_unlock(&gate.mutex);
  for (int i = 0; i < count; ++i) pthread_join(made[size_t(i)], nullptr);
  return count;
}

}  // namespace

int usableThreads(int wanted) {
  const int others = wanted - 1;
  if (others < 1) return 1;
  const int made = probe(others);
  // Near a limit half are left to the rest of the process, whose memory grows too.
  const int team = made == others ? wanted : 1 + made / 2;
  int started = 1;
#pragma omp parallel num_threads(team)
#pragma omp single
  started = omp_get_num_threads();
  return std::min(team, std::max(started, 1));
}

}  // namespace torchstone
