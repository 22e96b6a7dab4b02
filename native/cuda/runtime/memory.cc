// When a device's block may be used again: at once on one stream, after an event where there are several, never
// while a graph may use it.
#include "memory.h"

#include <string>

#include "cuda/driver/card.h"

namespace torchstone::cuda {

namespace {
constexpr int64_t kNursery = int64_t(256) << 20;  // fresh device memory costs a collection less often than a page fault does
constexpr size_t kBatch = 64;                      // dead blocks that share one event
}  // namespace

int64_t DriverBlocks::allocate(int64_t bytes) {
  CUdeviceptr address = 0;
  const CUresult result = card_.driver().cuMemAlloc_v2(&address, size_t(bytes));
  if (result == kErrorOutOfMemory) return -1;
  card_.check(result, "cuMemAlloc");
  return int64_t(address);
}

// A device that is lost gives nothing back, and says so elsewhere.
void DriverBlocks::free(int64_t address, int64_t) { card_.driver().cuMemFree_v2(CUdeviceptr(address)); }

GraphBlocks::~GraphBlocks() {
  for (const auto& [address, bytes] : held_) free(address, bytes);
}

bool GraphBlocks::keep(int64_t address, int64_t bytes) {
  if (!card_.severalStreams()) return false;
  held_.emplace_back(address, bytes);
  return true;
}

void GraphBlocks::giveBack(Pool& pool) {
  for (const auto& [address, bytes] : held_) pool.admit(address, bytes);
  held_.clear();
}

Memory::Graph::Graph(Napi::Env env, Card& card) : source(card), pool(env, source, kNursery) {}

Memory::Memory(Napi::Env env, Card& card, int64_t budget) : DriverBlocks(card), env_(env), main_(env, *this, kNursery) {
  main_.setBudget(budget);
}

// The device has been waited for. Blocks that wait or are held are on no pool's lists.
Memory::~Memory() {
  for (const auto& [address, bytes] : open_) free(address, bytes);
  for (Batch& batch : waiting_) {
    card_.recycle(batch.passed);
    for (const auto& [address, bytes] : batch.blocks) free(address, bytes);
  }
  for (const auto& graph : graphs_)
    if (graph != nullptr)
      for (const auto& [address, bytes] : graph->held) free(address, bytes);
}

bool Memory::keep(int64_t address, int64_t bytes) {
  if (capturing_ != nullptr) {
    capturing_->held.emplace_back(address, bytes);
    return true;
  }
  if (!card_.severalStreams() && open_.empty()) return false;
  open_.emplace_back(address, bytes);
  return true;
}

// Marks, on every stream, the moment from which the open blocks are no longer used.
void Memory::seal() {
  if (open_.empty()) return;
  Batch batch;
  batch.passed = card_.markStreams();
  batch.blocks.swap(open_);
  waiting_.push_back(std::move(batch));
}

void Memory::poll() {
  if (open_.size() >= kBatch) seal();
  size_t kept = 0;
  for (Batch& batch : waiting_) {
    if (!card_.passed(batch.passed)) {
      if (&waiting_[kept] != &batch) waiting_[kept] = std::move(batch);
      ++kept;
      continue;
    }
    for (const auto& [address, bytes] : batch.blocks) main_.admit(address, bytes);
  }
  waiting_.resize(kept);
}

// All streams are idle: whatever waited is free.
void Memory::waitForAll() {
  for (const auto& [address, bytes] : open_) main_.admit(address, bytes);
  open_.clear();
  for (Batch& batch : waiting_) {
    card_.recycle(batch.passed);
    for (const auto& [address, bytes] : batch.blocks) main_.admit(address, bytes);
  }
  waiting_.clear();
}

// Everything that can be had back without the engine's help. Not in a capture: nothing may wait then.
void Memory::reclaim() {
  collect();
  if (capturing_ != nullptr) return;
  card_.waitForDevice();
  waitForAll();
  main_.trim();
}

int64_t Memory::allocate(Napi::Object owner, int64_t bytes, bool force) {
  if (capturing_ == nullptr && (!waiting_.empty() || !open_.empty())) poll();
  // A capture's blocks are few and final: a collection would bring none back.
  int64_t address = active().allocate(owner, bytes, force || capturing_ != nullptr);
  if (address != -1) return address;
  reclaim();
  address = active().allocate(owner, bytes, true);
  if (address == -1) throw card_.outOfMemory(bytes);
  return address;
}

char* Memory::acquire(int64_t bytes) {
  if (capturing_ == nullptr && (!waiting_.empty() || !open_.empty())) poll();
  int64_t address = active().take(bytes, true);
  if (address == -1) {
    reclaim();
    address = active().take(bytes, true);
  }
  if (address == -1) throw card_.outOfMemory(bytes);
  return reinterpret_cast<char*>(address);
}

void Memory::release(int64_t address) {
  main_.release(address);
  for (const auto& graph : graphs_)
    if (graph != nullptr) graph->pool.release(address);
}

int64_t Memory::collect() {
  card_.sweep();
  int64_t reclaimed = main_.collect();
  for (const auto& graph : graphs_)
    if (graph != nullptr) reclaimed += graph->pool.collect();
  sweepGraphs();
  return reclaimed;
}

void Memory::trim() {
  if (capturing_ != nullptr) return;
  card_.waitForDevice();
  waitForAll();
  sweepGraphs();
  main_.trim();
}

void Memory::stats(double* out) const {
  const auto add = [out](const Pool& pool) {
    const MemoryStats& s = pool.stats();
    const int64_t all[] = {s.liveBytes, s.liveBlocks, s.cachedBytes, pool.reserved(), s.peakReserved, 0, s.allocations, s.reuses};
    for (int i = 0; i < 8; ++i) out[i] += double(all[i]);
  };
  for (int i = 0; i < 8; ++i) out[i] = 0;
  add(main_);
  for (const auto& graph : graphs_)
    if (graph != nullptr) add(graph->pool);
  out[5] = double(main_.budget());
}

void Memory::beginGraph() {
  graphs_.push_back(std::make_unique<Graph>(env_, card_));
  capturing_ = graphs_.back().get();
}

int64_t Memory::endGraph() {
  capturing_ = nullptr;
  return int64_t(graphs_.size()) - 1;
}

// The device is idle. Its results may outlive it: the pool stays until their owners are dead.
void Memory::dropGraph(int64_t pool) {
  Graph* graph = graphs_[size_t(pool)].get();
  if (graph == nullptr || graph->dropped) return;
  for (const auto& [address, bytes] : graph->held) main_.admit(address, bytes);
  graph->held.clear();
  graph->source.giveBack(graph->pool);
  graph->pool.trim();
  graph->dropped = true;
  sweepGraphs();
}

void Memory::sweepGraphs() {
  for (auto& graph : graphs_) {
    if (graph == nullptr || !graph->dropped || graph->pool.stats().liveBlocks > 0) continue;
    graph.reset();
  }
}

}  // namespace torchstone::cuda
