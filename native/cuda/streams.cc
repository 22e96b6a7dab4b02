// Owns a device's streams, events and captured graphs. Ids are positions; 0 is the default stream.
#include "card.h"

namespace torchstone::cuda {

CUstream Card::streamAt(int64_t id) const {
  if (id < 0 || id >= int64_t(streams_.size()) || streams_[size_t(id)] == nullptr) {
    throw Failure{FailureKind::Launch, "required a stream of cuda:" + std::to_string(index_) + ", got number " + std::to_string(id)};
  }
  return streams_[size_t(id)];
}

CUevent Card::eventAt(int64_t id) const {
  if (id < 0 || id >= int64_t(events_.size()) || events_[size_t(id)] == nullptr) {
    throw Failure{FailureKind::Launch, "required an event of cuda:" + std::to_string(index_) + ", got number " + std::to_string(id)};
  }
  return events_[size_t(id)];
}

int64_t Card::streamCreate() {
  CUstream stream = nullptr;
  check(driver_.cuStreamCreate(&stream, kStreamNonBlocking), "cuStreamCreate");
  streams_.push_back(stream);
  ++live_;
  return int64_t(streams_.size()) - 1;
}

void Card::streamUse(int64_t id) {
  streamAt(id);
  current_ = id;
}

void Card::streamSynchronize(int64_t id) {
  refuseInCapture("synchronize");
  check(driver_.cuStreamSynchronize(streamAt(id)), "cuStreamSynchronize");
  takeFault();
}

bool Card::streamQuery(int64_t id) {
  refuseInCapture("a stream's query");
  const CUresult result = driver_.cuStreamQuery(streamAt(id));
  if (result != kErrorNotReady) check(result, "cuStreamQuery");
  return result == kSuccess;
}

void Card::streamDestroy(int64_t id) {
  if (id == 0) throw Failure{FailureKind::Launch, "the default stream cannot be destroyed"};
  const CUstream stream = streamAt(id);
  refuseInCapture("destroying a stream");
  check(driver_.cuStreamSynchronize(stream), "cuStreamSynchronize");
  if (current_ == id) current_ = 0;
  for (Slot& slot : up_)
    if (slot.stream == stream) slot.stream = nullptr;
  streams_[size_t(id)] = nullptr;
  --live_;
  check(driver_.cuStreamDestroy_v2(stream), "cuStreamDestroy");
}

void Card::streamWaitEvent(int64_t stream, int64_t event) {
  check(driver_.cuStreamWaitEvent(streamAt(stream), eventAt(event), 0), "cuStreamWaitEvent");
}

int64_t Card::eventCreate() {
  CUevent event = nullptr;
  check(driver_.cuEventCreate(&event, kEventTimed), "cuEventCreate");
  events_.push_back(event);
  return int64_t(events_.size()) - 1;
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
  const CUevent gone = eventAt(event);
  events_[size_t(event)] = nullptr;
  check(driver_.cuEventDestroy_v2(gone), "cuEventDestroy");
}

std::vector<CUevent> Card::markStreams() {
  std::vector<CUevent> marks;
  for (const CUstream stream : streams_) {
    if (stream == nullptr) continue;
    marks.push_back(untimedEvent());
    check(driver_.cuEventRecord(marks.back(), stream), "cuEventRecord");
  }
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

void Card::waitForDevice() {
  refuseInCapture("giving memory back");
  check(driver_.cuCtxSynchronize(), "cuCtxSynchronize");
}

// Captured on a stream of our own, never the driver's default one, which cannot be. Relaxed: allocations are allowed.
void Card::graphBegin() {
  if (capturing_) throw Failure{FailureKind::Launch, "cuda.graph: required no capture under way, got one inside another"};
  streamSynchronize(current_);
  check(driver_.cuStreamBeginCapture_v2(stream(), kCaptureRelaxed), "cuStreamBeginCapture");
  capturing_ = true;
  captureStream_ = current_;
  memory_->beginGraph();
}

int64_t Card::graphEnd() {
  if (!capturing_) throw Failure{FailureKind::Launch, "cuda.graph: required a capture under way, got none"};
  capturing_ = false;
  auto made = std::make_unique<Graph>();
  made->pool = memory_->endGraph();
  made->staged.swap(captureStaged_);
  CUgraph graph = nullptr;
  const auto drop = [&] {
    memory_->dropGraph(made->pool);
    for (void* host : made->staged) driver_.cuMemFreeHost(host);
  };
  const CUresult ended = driver_.cuStreamEndCapture(streamAt(captureStream_), &graph);
  if (ended != kSuccess || graph == nullptr) {
    drop();
    check(ended, "cuStreamEndCapture");
    throw Failure{FailureKind::Launch, "cuda.graph: the capture gave no graph"};
  }
  const CUresult ready = driver_.cuGraphInstantiateWithFlags(&made->executable, graph, 0);
  driver_.cuGraphDestroy(graph);
  if (ready != kSuccess) drop();
  check(ready, "cuGraphInstantiateWithFlags");
  graphs_.push_back(std::move(made));
  return int64_t(graphs_.size()) - 1;
}

void Card::graphLaunch(int64_t graph) {
  if (graph < 0 || graph >= int64_t(graphs_.size()) || graphs_[size_t(graph)] == nullptr) {
    throw Failure{FailureKind::Launch, "cuda.graph: required a graph, got number " + std::to_string(graph)};
  }
  refuseInCapture("replaying a graph");
  check(driver_.cuGraphLaunch(graphs_[size_t(graph)]->executable, stream()), "cuGraphLaunch");
  if (blocking_) synchronize();
}

void Card::graphDestroy(int64_t graph) {
  if (graph < 0 || graph >= int64_t(graphs_.size()) || graphs_[size_t(graph)] == nullptr) return;
  waitForDevice();
  const auto gone = std::move(graphs_[size_t(graph)]);
  check(driver_.cuGraphExecDestroy(gone->executable), "cuGraphExecDestroy");
  for (void* host : gone->staged) driver_.cuMemFreeHost(host);
  memory_->dropGraph(gone->pool);
}

}  // namespace torchstone::cuda
