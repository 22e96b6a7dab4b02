// One device as one environment uses it: context, kernels, streams, events, graphs, copies, the error cell.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "blas.h"
#include "cuda/runtime/device.h"
#include "cuda/runtime/handles.h"
#include "libraries.h"
#include "cuda/runtime/memory.h"

namespace torchstone::cuda {

struct Kernel {
  std::string name;
  CUmodule module;
  CUfunction function;
  int64_t bytes;  // of its parameter; -1 where the driver does not say
};

// What a kernel wrote to the error cell.
struct KernelFault {
  int64_t status, x, y, z;
};

class Card final : public Device {
 public:
  Card(Napi::Env env, const Libraries& libraries, int index);
  ~Card() override;

  const Properties& properties() const override { return properties_; }
  Kernel& kernel(const std::string& key, const std::function<KernelText()>& text) override;
  void launch(Kernel& kernel, Grid grid, int threads, const Words& args) override;
  void* errorCell() override { return reinterpret_cast<void*>(cellAddress_); }
  void copyToHost(void* to, const void* from, int64_t bytes) override;
  void copyFromHost(void* to, const void* from, int64_t bytes) override;
  void copyWithin(void* to, const void* from, int64_t bytes) override;
  void fill(void* to, int byte, int64_t bytes) override;
  void synchronize() override { streamSynchronize(current_); }
  void synchronizeAll();
  char* acquire(int64_t bytes) override { return memory_->acquire(bytes); }
  void give(char* address) override { memory_->release(reinterpret_cast<int64_t>(address)); }

  // Makes its context this thread's. @throws Failure{Lost} after a sticky error.
  void activate();
  const Driver& driver() const { return driver_; }
  Memory& memory() { return *memory_; }
  CUstream stream() const { return stream_; }
  int index() const { return index_; }
  Blas* blas();  // null where there is no cuBLAS
  bool product(const Product& p);
  void check(CUresult result, const char* call) const;
  void setBlocking(bool on) { blocking_ = on; }
  void allowTf32(bool on);
  void memoryInfo(double* out) const;
  Failure outOfMemory(int64_t bytes) const;
  // From another device; both sides' streams wait for it.
  void copyFrom(Card& other, int64_t to, int64_t from, int64_t bytes);

  // streams.cc. What is made ends with its owner, an object of JavaScript, or where it is destroyed; without an owner, only there.
  int64_t streamCreate(napi_value owner);
  void streamUse(int64_t id);
  void streamSynchronize(int64_t id);
  bool streamQuery(int64_t id);
  void streamDestroy(int64_t id);
  void streamWaitEvent(int64_t stream, int64_t event);
  int64_t eventCreate(napi_value owner);
  void eventRecord(int64_t event, int64_t stream);
  void eventSynchronize(int64_t event);
  bool eventQuery(int64_t event);
  double eventElapsed(int64_t from, int64_t to);
  void eventDestroy(int64_t event);
  void graphBegin();
  int64_t graphEnd(napi_value owner);
  void graphLaunch(int64_t graph);
  void graphDestroy(int64_t graph);
  // Ends what nobody holds any more.
  void sweep();
  bool capturing() const { return capturing_; }
  // For the memory: whether more than the default stream has been made, and events that follow all work on every stream.
  bool severalStreams() const { return streams_.count() > 1; }
  std::vector<CUevent> markStreams();
  bool passed(std::vector<CUevent>& events);  // recycles those that passed
  void recycle(std::vector<CUevent>& events);
  void waitForDevice(const char* what = "giving memory back");

 private:
  struct Slot {
    char* host = nullptr;
    CUevent event = nullptr;
    CUstream stream = nullptr;
    int64_t used = 0;
  };
  struct Graph {
    CUgraphExec executable = nullptr;
    int64_t pool = -1;
    std::vector<void*> staged;  // the host's side of copies that every replay makes again
  };
  void settle() { if (blocking_ && !capturing_) synchronize(); }  // after work that may fail by itself
  bool endStream(int64_t id, CUstream stream);
  bool endEvent(CUevent event);
  bool endGraph(Graph& graph);
  void takeFault();
  void refuseInCapture(const char* what) const;
  char* hostBlock(int64_t bytes);
  Slot& stage(int64_t bytes);
  CUevent untimedEvent();
  CUstream streamAt(int64_t id) const;
  CUevent eventAt(int64_t id) const;

  const Libraries& libraries_;
  const Driver& driver_;
  const int index_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  Properties properties_;
  bool blocking_ = false, tf32_ = false;
  int64_t* cell_ = nullptr;
  CUdeviceptr cellAddress_ = 0;
  std::unordered_map<std::string, Kernel> kernels_;
  Handles<CUstream> streams_;  // the first is the default
  int64_t current_ = 0;
  CUstream stream_ = nullptr;  // the current one
  Handles<CUevent> events_;    // the user's
  std::vector<CUevent> spare_;
  Handles<Graph> graphs_;
  bool capturing_ = false;
  int64_t captureStream_ = 0;
  std::vector<void*> captureStaged_;
  std::array<Slot, 4> up_;
  std::array<Slot, 2> down_;
  size_t at_ = 0;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<Blas> blas_;
};

// What the driver says of a device, without using it.
Properties propertiesOf(const Driver& driver, int index);

// One environment's devices; one is made when it is first set.
struct Runtime {
  std::vector<std::unique_ptr<Card>> cards;
  Card* current = nullptr;
  bool blocking = false, tf32 = false;
  Failure last{FailureKind::None, ""};
};

Runtime* runtimeOf(Context& context);
// The device in use, made ready for calls of this thread: each call from JavaScript begins so, and `current` relies on it.
Card& activeCard(Context& context);

}  // namespace torchstone::cuda
