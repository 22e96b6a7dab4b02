// A device's streams, events and captured graphs, and when each ends. Stream 0 is the default one.
#include "cuda/driver/card.h"

namespace torchstone::cuda {

CUstream Card::streamAt(int64_t id) const {
  const CUstream* stream = streams_.at(id);
  if (stream == nullptr) throw Failure{FailureKind::Launch, "required a stream of cuda:" + std::to_string(index_) + ", got number " + std::to_string(id)};
  return *stream;
}

CUevent Card::eventAt(int64_t id) const {
  const CUevent* event = events_.at(id);
  if (event == nullptr) throw Failure{FailureKind::Launch, "required an event of cuda:" + std::to_string(index_) + ", got number " + std::to_string(id)};
  return *event;
}

int64_t Card::streamCreate(napi_value owner) {
  if (streams_.due()) sweep();
  CUstream stream = nullptr;
  check(driver_.cuStreamCreate(&stream, kStreamNonBlocking), "cuStreamCreate");
  return streams_.add(stream, owner);
}

void Card::streamUse(int64_t id) {
  stream_ = streamAt(id);
  current_ = id;
}

void Card::streamSynchronize(int64_t id) {
  refuseInCapture("synchronize");
  check(driver_.cuStreamSynchronize(streamAt(id)), "cuStreamSynchronize");
  takeFault();
}

void Card::synchronizeAll() {
  waitForDevice("synchronize");
  takeFault();
}

bool Card::streamQuery(int64_t id) {
  refuseInCapture("a stream's query");
  const CUresult result = driver_.cuStreamQuery(streamAt(id));
  if (result != kErrorNotReady) check(result, "cuStreamQuery");
  return result == kSuccess;
}

void Card::streamDestroy(int64_t id) {
  const CUstream stream = streamAt(id);
  if (id == 0) throw Failure{FailureKind::Launch, "the default stream cannot be destroyed"};
  if (id == current_) streamUse(0);
  if (!capturing_) check(driver_.cuStreamSynchronize(stream), "cuStreamSynchronize");
  streams_.drop(id, [&](int64_t at, CUstream gone) { return endStream(at, gone); });
}

// These three end what nobody holds, or give false: nothing ends during a capture, which may have taken it in. Results are not
// looked at: a device that is lost is so for who calls, not for what has died.

// A stream that has work is left, the current one too.
bool Card::endStream(int64_t id, CUstream stream) {
  if (capturing_ || id == 0 || id == current_ || driver_.cuStreamQuery(stream) == kErrorNotReady) return false;
  for (Slot& slot : up_)
    if (slot.stream == stream) slot.stream = nullptr;
  if (blas_ != nullptr) blas_->forget(stream);
  driver_.cuStreamDestroy_v2(stream);
  return true;
}

// What waits for an event goes on waiting for what it marked (CUDA driver API, cuEventDestroy).
bool Card::endEvent(CUevent event) {
  if (!capturing_) driver_.cuEventDestroy_v2(event);
  return !capturing_;
}

bool Card::endGraph(Graph& graph) {
  if (capturing_) return false;
  driver_.cuCtxSynchronize();
  if (graph.executable != nullptr) driver_.cuGraphExecDestroy(graph.executable);
  for (void* host : graph.staged) driver_.cuMemFreeHost(host);
  memory_->dropGraph(graph.pool);
  return true;
}

void Card::sweep() {
  graphs_.sweep([&](int64_t, Graph& graph) { return endGraph(graph); });
  streams_.sweep([&](int64_t id, CUstream stream) { return endStream(id, stream); });
  events_.sweep([&](int64_t, CUevent event) { return endEvent(event); });
}

void Card::streamWaitEvent(int64_t stream, int64_t event) {
  check(driver_.cuStreamWaitEvent(streamAt(stream), eventAt(event), 0), "cuStreamWaitEvent");
}

int64_t Card::eventCreate(napi_value owner) {
  if (events_.due()) sweep();
  CUevent event = nullptr;
  check(driver_.cuEventCreate(&event, kEventTimed), "cuEventCreate");
  return events_.add(event, owner);
}

void Card::eventRecord(int64_t event, int64_t stream) {
  check(driver_.cuEventRecord(eventAt(event), streamAt(stream)), "cuEventRecord");
}

void Card::eventSynchronize(int64_t event) {
  refuseInCapture("an event's synchronize");
  check(driver_.cuEventSynchronize(eventAt(event)), "cuEventSynchronize");
  takeFault();
}

bool Card::eventQuery(int64_t event) {
  refuseInCapture("an event's query");
  const CUresult result = driver_.cuEventQuery(eventAt(event));
  if (result != kErrorNotReady) check(result, "cuEventQuery");
  return result == kSuccess;
}

double Card::eventElapsed(int64_t from, int64_t to) {
  float milliseconds = 0;
  const CUresult result = driver_.cuEventElapsedTime(&milliseconds, eventAt(from), eventAt(to));
  if (result == kErrorNotReady) throw Failure{FailureKind::Launch, "required events that have happened, got one that has not: synchronize it first"};
  check(result, "cuEventElapsedTime");
  return double(milliseconds);
}

void Card::eventDestroy(int64_t event) {
  eventAt(event);
  events_.drop(event, [&](int64_t, CUevent gone) { return endEvent(gone); });
}

std::vector<CUevent> Card::markStreams() {
  std::vector<CUevent> marks;
  streams_.each([&](CUstream stream) {
    marks.push_back(untimedEvent());
    check(driver_.cuEventRecord(marks.back(), stream), "cuEventRecord");
  });
  return marks;
}

bool Card::passed(std::vector<CUevent>& events) {
  while (!events.empty()) {
    const CUresult result = driver_.cuEventQuery(events.back());
    if (result == kErrorNotReady) return false;
    check(result, "cuEventQuery");
    spare_.push_back(events.back());
    events.pop_back();
  }
  return true;
}

void Card::recycle(std::vector<CUevent>& events) {
  spare_.insert(spare_.end(), events.begin(), events.end());
  events.clear();
}

void Card::waitForDevice(const char* what) {
  refuseInCapture(what);
  check(driver_.cuCtxSynchronize(), "cuCtxSynchronize");
}

// Captured on a stream of our own, never the driver's default one, which cannot be. Relaxed: allocations are allowed.
void Card::graphBegin() {
  if (capturing_) throw Failure{FailureKind::Launch, "cuda.graph: required no capture under way, got one inside another"};
  streamSynchronize(current_);
  sweep();
  blas();  // cuBLAS's own memory is not to be taken within a capture
  check(driver_.cuStreamBeginCapture_v2(stream(), kCaptureRelaxed), "cuStreamBeginCapture");
  capturing_ = true;
  captureStream_ = current_;
  memory_->beginGraph();
}

int64_t Card::graphEnd(napi_value owner) {
  if (!capturing_) throw Failure{FailureKind::Launch, "cuda.graph: required a capture under way, got none"};
  capturing_ = false;
  Graph made;
  made.pool = memory_->endGraph();
  made.staged.swap(captureStaged_);
  if (blas_ != nullptr) blas_->endCapture();
  CUgraph graph = nullptr;
  const auto drop = [&] { endGraph(made); };
  const CUresult ended = driver_.cuStreamEndCapture(streamAt(captureStream_), &graph);
  if (ended != kSuccess || graph == nullptr) {
    drop();
    check(ended, "cuStreamEndCapture");
    throw Failure{FailureKind::Launch, "cuda.graph: the capture gave no graph"};
  }
  const CUresult ready = driver_.cuGraphInstantiateWithFlags(&made.executable, graph, 0);
  driver_.cuGraphDestroy(graph);
  if (ready != kSuccess) drop();
  check(ready, "cuGraphInstantiateWithFlags");
  return graphs_.add(std::move(made), owner);
}

void Card::graphLaunch(int64_t graph) {
  const Graph* made = graphs_.at(graph);
  if (made == nullptr) throw Failure{FailureKind::Launch, "cuda.graph: required a graph, got number " + std::to_string(graph)};
  refuseInCapture("replaying a graph");
  check(driver_.cuGraphLaunch(made->executable, stream()), "cuGraphLaunch");
  settle();
}

void Card::graphDestroy(int64_t graph) {
  if (graphs_.at(graph) == nullptr) return;
  graphs_.drop(graph, [&](int64_t, Graph& gone) { return endGraph(gone); });
}

}  // namespace torchstone::cuda
