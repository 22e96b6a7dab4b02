// An environment's memory of one kind (the host's, a device's): blocks in size classes, their weakly held owners, the
// budget. Node-API is used for the weak references only. Used by one thread.
#pragma once
#include <napi.h>

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace torchstone {

struct MemoryStats {
  int64_t liveBytes = 0, liveBlocks = 0, cachedBytes = 0, peakReserved = 0, allocations = 0, reuses = 0;
};

// Where a pool's blocks come from.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t allocate(int64_t bytes) = 0;  // an address, or -1
  virtual void free(int64_t address, int64_t bytes) = 0;
  // A block that its owner no longer has. True: the source keeps it, until it hands it back by `Pool::admit`.
  virtual bool keep(int64_t address, int64_t bytes) { (void)address, (void)bytes; return false; }
};

Source& hostMemory();

class Pool {
 public:
  static constexpr int64_t kHuge = int64_t(2) << 20;
  static constexpr int64_t kLeastBudget = int64_t(256) << 20;
  // Allocations between two collections. A fresh page costs far more than its share of a minor collection, so the pool
  // asks for one before it takes more memory from the system; where little dies, it asks half as often each time.
  static constexpr int64_t kNursery = int64_t(16) << 20;

  explicit Pool(Napi::Env env, Source& source = hostMemory(), int64_t nursery = kNursery)
      : env_(env), source_(source), leastNursery_(nursery), nursery_(nursery) {}
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // The address; 0 if the budget forbids it or a collection is due, -1 if the system has no memory.
  int64_t allocate(Napi::Object owner, int64_t bytes, bool force);
  // The same without an owner: only `release` gives it back.
  int64_t take(int64_t bytes, bool force);
  // A block that the source kept is free now.
  void admit(int64_t address, int64_t bytes) { free_[bytes].push_back(address); }
  // Polls every owner; the bytes of those that died.
  int64_t collect();
  void release(int64_t address);
  // Returns free blocks to the system.
  void trim();
  void setBudget(int64_t bytes) { budget_ = bytes; }
  int64_t budget() const { return budget_; }
  int64_t reserved() const { return stats_.liveBytes + stats_.cachedBytes; }
  const MemoryStats& stats() const { return stats_; }

  // The size of the block that serves a request: a power of two in 8 steps, from 2 MiB on whole huge pages.
  static int64_t classOf(int64_t bytes);

 private:
  struct Block {
    int64_t address, bytes;
    napi_ref owner;  // weak; a Napi::Reference is 48 bytes of block, not 24, and 8 ns in 92 of allocate and release
  };
  int64_t takeFree(int64_t bytes);
  void giveBack(size_t index);
  bool makeRoom(int64_t bytes, bool force);
  bool onHost() const { return &source_ == &hostMemory(); }

  const Napi::Env env_;
  Source& source_;
  std::vector<Block> live_;
  std::unordered_map<int64_t, size_t> where_;  // address -> position in live_
  std::map<int64_t, std::vector<int64_t>> free_;  // size -> addresses
  MemoryStats stats_;
  int64_t budget_ = kLeastBudget;
  int64_t sinceCollect_ = 0;
  const int64_t leastNursery_;
  int64_t nursery_;
};

}  // namespace torchstone
