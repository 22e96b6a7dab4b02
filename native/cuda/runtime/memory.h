// A device's memory: the pool behind tensors and scratch, what waits for other streams, the pools of graphs.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "memory/pool.h"
#include "cuda/driver/driver.h"

namespace torchstone::cuda {

class Card;

// Blocks straight from the driver.
class DriverBlocks : public Source {
 public:
  explicit DriverBlocks(Card& card) : card_(card) {}
  int64_t allocate(int64_t bytes) override;
  void free(int64_t address, int64_t bytes) override;
 protected:
  Card& card_;
};

// Those of a graph's own pool. What dies is used again at once where one stream's order keeps its users apart, else never: a
// replay runs branches side by side.
class GraphBlocks final : public DriverBlocks {
 public:
  using DriverBlocks::DriverBlocks;
  ~GraphBlocks() override;
  bool keep(int64_t address, int64_t bytes) override;
  void giveBack(Pool& pool);
 private:
  std::vector<std::pair<int64_t, int64_t>> held_;
};

class Memory final : public DriverBlocks {
 public:
  Memory(Napi::Env env, Card& card, int64_t budget);
  ~Memory() override;

  int64_t allocate(Napi::Object owner, int64_t bytes, bool force);  // as Pool::allocate
  char* acquire(int64_t bytes);
  void release(int64_t address);
  int64_t collect();
  void trim();
  void stats(double* out) const;

  // Between these, memory comes from a pool of the graph's own, and what dies is held for it.
  void beginGraph();
  int64_t endGraph();  // the pool's number
  void dropGraph(int64_t pool);

  using DriverBlocks::allocate;
  bool keep(int64_t address, int64_t bytes) override;

 private:
  struct Graph {
    GraphBlocks source;
    Pool pool;
    std::vector<std::pair<int64_t, int64_t>> held;  // blocks of the main pool: the graph may use them
    bool dropped = false;
    Graph(Napi::Env env, Card& card);
  };
  struct Batch {
    std::vector<std::pair<int64_t, int64_t>> blocks;
    std::vector<CUevent> passed;
  };
  Pool& active() { return capturing_ == nullptr ? main_ : capturing_->pool; }
  void seal();
  void poll();
  void waitForAll();
  void reclaim();
  void sweepGraphs();

  Napi::Env env_;
  Pool main_;
  std::vector<std::unique_ptr<Graph>> graphs_;
  Graph* capturing_ = nullptr;
  // Blocks that died while several streams were in use: free again when every stream has passed that moment.
  std::vector<std::pair<int64_t, int64_t>> open_;
  std::vector<Batch> waiting_;
};

}  // namespace torchstone::cuda
