// The process's threads for kernels. A call is cut into chunks, whose bounds depend on its shape alone; the caller and the workers
// claim them, and the caller waits only for chunks that a worker has begun, never for a thread that has not begun.
//   runChunks(chunks, threads, [](void* p, Chunks& mine) { for (int64_t i; (i = mine.next()) >= 0;) work(p, i); }, &data);
// Kernel files call it through cpu/parallel.h. Compiled once, for the baseline.
#pragma once
#include <cstdint>

namespace torchstone {

// One participant's view of a call: the chunks that it claims.
class Chunks {
 public:
  // A chunk that nobody has claimed, or -1 when all are.
  int64_t next();
  // Which participant this is: 0 is the caller, all are below the call's `threads`. For a buffer of one's own.
  int member() const { return member_; }

  struct Range;
  Chunks(Range* ranges, int members, int member) : ranges_(ranges), members_(members), member_(member), at_(member) {}
  // Workers that sleep were left asleep; to be woken should the call last beyond this time.
  void wakeAt(int64_t nanoseconds) { wakeAt_ = nanoseconds; }

 private:
  Range* ranges_;
  int members_, member_, at_;
  int emptied_ = 0;
  int64_t wakeAt_ = 0;
};

// What a participant does; it must claim until next() gives -1.
using ChunkBody = void (*)(void* context, Chunks& chunks);

// Runs the chunks 0 .. count-1 in at most `threads` threads, the calling one among them, and returns when all are done. Alone where
// the pool serves another caller just now, or where no thread can be made. @throws std::bad_alloc where a participant did
void runChunks(int64_t count, int threads, ChunkBody body, void* context);

// `wanted`, or fewer where the system does not let so many be made; they are made now. Asks anew where an earlier call got fewer.
int usableThreads(int wanted);

}  // namespace torchstone
