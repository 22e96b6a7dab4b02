// A device's start and end, its errors, kernels, launches and copies. Streams, events and graphs: streams.cc.
#include "card.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "common/owned.h"
#include "compiler.h"

namespace torchstone::cuda {

namespace {

constexpr int64_t kUpSlot = int64_t(4) << 20, kDownSlot = int64_t(4) << 20;
constexpr int64_t kMostDevices = 64;

bool isSticky(CUresult result) { return std::find(std::begin(kSticky), std::end(kSticky), result) != std::end(kSticky); }

// What ended each device, for all environments of the process.
std::atomic<CUresult> ended[kMostDevices];

std::string textOf(const Driver& driver, CUresult result) {
  const char *name = nullptr, *text = nullptr;
  driver.cuGetErrorName(result, &name);
  driver.cuGetErrorString(result, &text);
  return std::string(name == nullptr ? "CUresult " + std::to_string(result) : name) + (text == nullptr ? "" : std::string(" (") + text + ")");
}

CUdeviceptr pointer(const void* address) { return reinterpret_cast<uintptr_t>(address); }

}  // namespace

void Card::check(CUresult result, const char* call) const {
  if (result == kSuccess) return;
  const std::string text = std::string(call) + " gave " + textOf(driver_, result);
  if (isSticky(result)) {
    CUresult none = kSuccess;
    ended[index_].compare_exchange_strong(none, result);
    throw Failure{FailureKind::Lost, "CUDA error on cuda:" + std::to_string(index_) + ": " + text +
                  ". A kernel failed earlier, and the device takes no more work from this process: start it again. cuda.setLaunchBlocking(true) finds the operation"};
  }
  throw Failure{result == kErrorOutOfMemory ? FailureKind::Memory : FailureKind::Launch, "CUDA error on cuda:" + std::to_string(index_) + ": " + text};
}

Card::Card(Napi::Env env, const Libraries& libraries, int index)
    : libraries_(libraries), driver_(libraries.driver), index_(index), streams_(env), events_(env), graphs_(env) {
  check(driver_.cuDeviceGet(&device_, index), "cuDeviceGet");
  properties_ = propertiesOf(driver_, index);
  check(driver_.cuDevicePrimaryCtxRetain(&context_, device_), "cuDevicePrimaryCtxRetain");
  try {
    activate();
    check(driver_.cuStreamCreate(&stream_, kStreamNonBlocking), "cuStreamCreate");
    streams_.add(stream_, nullptr);
    void* cell = nullptr;
    check(driver_.cuMemHostAlloc(&cell, sizeof(KernelFault), kHostMapped), "cuMemHostAlloc");
    cell_ = static_cast<int64_t*>(cell);
    std::memset(cell, 0, sizeof(KernelFault));
    check(driver_.cuMemHostGetDevicePointer_v2(&cellAddress_, cell, 0), "cuMemHostGetDevicePointer");
    size_t free = 0, total = 0;
    check(driver_.cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
    memory_ = std::make_unique<Memory>(env, *this, int64_t(free));
  } catch (...) {
    if (cell_ != nullptr) driver_.cuMemFreeHost(cell_);
    if (stream_ != nullptr) driver_.cuStreamDestroy_v2(stream_);
    driver_.cuDevicePrimaryCtxRelease_v2(device_);
    throw;
  }
}

// Results are not looked at: at the process's end the driver may be gone already.
Card::~Card() {
  driver_.cuCtxSetCurrent(context_);
  driver_.cuCtxSynchronize();
  graphs_.each([&](Graph& graph) {
    driver_.cuGraphExecDestroy(graph.executable);
    for (void* host : graph.staged) driver_.cuMemFreeHost(host);
  });
  blas_.reset();
  memory_.reset();
  const auto freeSlots = [&](auto& slots) {
    for (Slot& slot : slots) {
      if (slot.host != nullptr) driver_.cuMemFreeHost(slot.host);
      if (slot.event != nullptr) driver_.cuEventDestroy_v2(slot.event);
    }
  };
  freeSlots(up_);
  freeSlots(down_);
  events_.each([&](CUevent event) { driver_.cuEventDestroy_v2(event); });
  for (const CUevent event : spare_) driver_.cuEventDestroy_v2(event);
  streams_.each([&](CUstream stream) { driver_.cuStreamDestroy_v2(stream); });
  for (const auto& [key, kernel] : kernels_) driver_.cuModuleUnload(kernel.module);
  driver_.cuMemFreeHost(cell_);
  driver_.cuDevicePrimaryCtxRelease_v2(device_);
}

Properties propertiesOf(const Driver& driver, int index) {
  const auto require = [&](CUresult result, const char* call) {
    if (result != kSuccess) throw Failure{FailureKind::Library, std::string(call) + " gave " + textOf(driver, result)};
  };
  CUdevice device = 0;
  require(driver.cuDeviceGet(&device, index), "cuDeviceGet");
  Properties found;
  char name[256] = {};
  require(driver.cuDeviceGetName(name, int(sizeof name) - 1, device), "cuDeviceGetName");
  found.name = name;
  const auto attribute = [&](int which) {
    int value = 0;
    require(driver.cuDeviceGetAttribute(&value, which, device), "cuDeviceGetAttribute");
    return value;
  };
  found.major = attribute(kAttributeMajor);
  found.minor = attribute(kAttributeMinor);
  found.multiprocessors = attribute(kAttributeMultiprocessors);
  found.warps = attribute(kAttributeThreadsPerMultiprocessor) / 32;
  found.sharedPerBlock = attribute(kAttributeSharedPerBlock);
  size_t bytes = 0;
  require(driver.cuDeviceTotalMem_v2(&bytes, device), "cuDeviceTotalMem");
  found.memory = int64_t(bytes);
  return found;
}

void Card::activate() {
  const CUresult last = ended[index_].load(std::memory_order_relaxed);
  if (last != kSuccess) check(last, "an earlier call");
  check(driver_.cuCtxSetCurrent(context_), "cuCtxSetCurrent");
}

void Card::memoryInfo(double* out) const {
  size_t free = 0, total = 0;
  check(driver_.cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
  out[0] = double(free);
  out[1] = double(total);
}

Failure Card::outOfMemory(int64_t bytes) const {
  double info[2] = {0, 0}, stats[8];
  memoryInfo(info);
  memory_->stats(stats);
  const auto mebibytes = [](double n) { return std::to_string(int64_t(n / 1048576)) + " MiB"; };
  return {FailureKind::Memory, "CUDA out of memory on cuda:" + std::to_string(index_) + ": tried to allocate " + std::to_string(bytes) + " bytes; " +
          mebibytes(info[0]) + " of " + mebibytes(info[1]) + " are free, " + mebibytes(stats[0]) + " are live tensors here, " +
          mebibytes(stats[3] - stats[0]) + " are kept for reuse"};
}

// After the stream has been waited for. The cell takes the next fault from now on.
void Card::takeFault() {
  volatile int64_t* const cell = cell_;
  if (cell[0] == 0) return;
  const KernelFault fault{cell[0], cell[1], cell[2], cell[3]};
  for (int i = 3; i >= 0; --i) cell[i] = 0;
  throw fault;
}

void Card::refuseInCapture(const char* what) const {
  if (!capturing_) return;
  throw Failure{FailureKind::Launch, std::string("cuda.graph: ") + what + " waits for the device, which a capture cannot do. Move it out of the captured function"};
}

Kernel& Card::kernel(const std::string& key, const std::function<KernelText()>& text) {
  const auto found = kernels_.find(key);
  if (found != kernels_.end()) return found->second;
  const KernelText wanted = text();
  const KernelSource source = sourceOf(wanted);
  const std::string image = imageOf(libraries_.nvrtc, wanted, source, properties_.major * 10 + properties_.minor);
  Kernel made{source.entry, nullptr, nullptr, -1};
  check(driver_.cuModuleLoadData(&made.module, image.c_str()), ("cuModuleLoadData of " + source.entry).c_str());
  try {
    check(driver_.cuModuleGetFunction(&made.function, made.module, source.entry.c_str()), ("cuModuleGetFunction of " + source.entry).c_str());
    size_t offset = 0, bytes = 0;
    if (driver_.cuFuncGetParamInfo != nullptr && driver_.cuFuncGetParamInfo(made.function, 0, &offset, &bytes) == kSuccess) made.bytes = int64_t(bytes);
    return kernels_.emplace(key, made).first->second;
  } catch (...) {
    driver_.cuModuleUnload(made.module);
    throw;
  }
}

void Card::launch(Kernel& kernel, Grid grid, int threads, const Words& args) {
  const auto refuse = [&](const std::string& why) { throw Failure{FailureKind::Launch, kernel.name + ": " + why}; };
  // CUDA C++ programming guide, "kernel parameters": 32764 bytes from CUDA 12.1 and compute capability 7.0 on.
  const Nvrtc& nvrtc = libraries_.nvrtc;
  const bool large = driver_.version >= 12010 && properties_.major >= 7 && (nvrtc.major > 12 || nvrtc.minor >= 1);
  const int64_t most = large ? 32764 : 4096;
  if (args.bytes() > most) refuse("required at most " + std::to_string(most) + " bytes of arguments, got " + std::to_string(args.bytes()));
  if (kernel.bytes >= 0 && kernel.bytes != args.bytes()) {
    refuse("required " + std::to_string(kernel.bytes) + " bytes of arguments, got " + std::to_string(args.bytes()));
  }
  if (grid.x < 1 || grid.y < 1 || grid.z < 1 || grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535 || threads < 1 || threads > 1024) {
    refuse("required a grid within 2147483647 × 65535 × 65535 blocks of 1 to 1024 threads, got " + std::to_string(grid.x) + " × " +
           std::to_string(grid.y) + " × " + std::to_string(grid.z) + " of " + std::to_string(threads));
  }
  void* parameters[] = {const_cast<void*>(args.data())};
  check(driver_.cuLaunchKernel(kernel.function, unsigned(grid.x), unsigned(grid.y), unsigned(grid.z), unsigned(threads), 1, 1, 0, stream(), parameters, nullptr),
        kernel.name.c_str());
  settle();
}

// The handle is made when it is first wanted: it takes memory.
Blas* Card::blas() {
  if (blas_ == nullptr && libraries_.cublas != nullptr) {
    blas_ = std::make_unique<Blas>(*this, libraries_.cublas);
    blas_->allowTf32(tf32_);
  }
  return blas_.get();
}

void Card::allowTf32(bool on) {
  tf32_ = on;
  if (blas_ != nullptr) blas_->allowTf32(on);
}

bool Card::product(const Product& p) {
  if (blas() == nullptr || !blas_->product(p)) return false;
  settle();
  return true;
}

char* Card::hostBlock(int64_t bytes) {
  void* host = nullptr;
  check(driver_.cuMemHostAlloc(&host, size_t(bytes), 0), "cuMemHostAlloc");
  return static_cast<char*>(host);
}

CUevent Card::untimedEvent() {
  CUevent event = nullptr;
  if (!spare_.empty()) {
    event = spare_.back();
    spare_.pop_back();
    return event;
  }
  check(driver_.cuEventCreate(&event, kEventUntimed), "cuEventCreate");
  return event;
}

// A slot of page-locked memory with room. A slot serves one stream until it is full; then the next one is waited for.
Card::Slot& Card::stage(int64_t bytes) {
  Slot* slot = &up_[at_];
  if (slot->host == nullptr || slot->stream != stream() || slot->used + bytes > kUpSlot) {
    at_ = (at_ + 1) % up_.size();
    slot = &up_[at_];
    if (slot->host == nullptr) {
      slot->host = hostBlock(kUpSlot);
      slot->event = untimedEvent();
    } else {
      check(driver_.cuEventSynchronize(slot->event), "cuEventSynchronize");
    }
    slot->used = 0;
    slot->stream = stream();
  }
  return *slot;
}

void Card::copyFromHost(void* to, const void* from, int64_t bytes) {
  const char* source = static_cast<const char*>(from);
  CUdeviceptr target = pointer(to);
  if (capturing_ && bytes > 0) {  // every replay reads it again
    char* host = hostBlock(bytes);
    captureStaged_.push_back(host);
    std::memcpy(host, source, size_t(bytes));
    check(driver_.cuMemcpyHtoDAsync_v2(target, host, size_t(bytes), stream()), "cuMemcpyHtoDAsync");
    return;
  }
  while (bytes > 0) {
    const int64_t part = std::min(bytes, kUpSlot);
    Slot& slot = stage(part);
    char* host = slot.host + slot.used;
    std::memcpy(host, source, size_t(part));
    check(driver_.cuMemcpyHtoDAsync_v2(target, host, size_t(part), stream()), "cuMemcpyHtoDAsync");
    check(driver_.cuEventRecord(slot.event, stream()), "cuEventRecord");
    slot.used += (part + 63) / 64 * 64;
    source += part;
    target += CUdeviceptr(part);
    bytes -= part;
  }
  settle();
}

// Two slots: the device fills one while the other is emptied.
void Card::copyToHost(void* to, const void* from, int64_t bytes) {
  refuseInCapture("reading values");
  for (Slot& slot : down_) {
    if (slot.host != nullptr) continue;
    slot.host = hostBlock(kDownSlot);
    slot.event = untimedEvent();
  }
  const int64_t parts = (bytes + kDownSlot - 1) / kDownSlot;
  for (int64_t i = 0; i <= parts; ++i) {
    if (i < parts) {
      const int64_t part = std::min(kDownSlot, bytes - i * kDownSlot);
      check(driver_.cuMemcpyDtoHAsync_v2(down_[size_t(i % 2)].host, pointer(from) + CUdeviceptr(i * kDownSlot), size_t(part), stream()), "cuMemcpyDtoHAsync");
      check(driver_.cuEventRecord(down_[size_t(i % 2)].event, stream()), "cuEventRecord");
    }
    if (i > 0) {
      Slot& slot = down_[size_t((i - 1) % 2)];
      check(driver_.cuEventSynchronize(slot.event), "cuEventSynchronize");
      std::memcpy(static_cast<char*>(to) + (i - 1) * kDownSlot, slot.host, size_t(std::min(kDownSlot, bytes - (i - 1) * kDownSlot)));
    }
  }
  takeFault();
}

void Card::copyWithin(void* to, const void* from, int64_t bytes) {
  if (bytes <= 0) return;
  check(driver_.cuMemcpyDtoDAsync_v2(pointer(to), pointer(from), size_t(bytes), stream()), "cuMemcpyDtoDAsync");
  settle();
}

void Card::fill(void* to, int byte, int64_t bytes) {
  if (bytes <= 0) return;
  check(driver_.cuMemsetD8Async(pointer(to), static_cast<unsigned char>(byte), size_t(bytes), stream()), "cuMemsetD8Async");
  settle();
}

void Card::copyFrom(Card& other, int64_t to, int64_t from, int64_t bytes) {
  refuseInCapture("a copy between devices");
  other.refuseInCapture("a copy between devices");
  other.activate();
  const CUevent before = other.untimedEvent();
  check(driver_.cuEventRecord(before, other.stream()), "cuEventRecord");
  activate();
  const CUevent after = untimedEvent();
  check(driver_.cuStreamWaitEvent(stream(), before, 0), "cuStreamWaitEvent");
  check(driver_.cuMemcpyPeerAsync(CUdeviceptr(to), context_, CUdeviceptr(from), other.context_, size_t(bytes), stream()), "cuMemcpyPeerAsync");
  check(driver_.cuEventRecord(after, stream()), "cuEventRecord");
  check(driver_.cuStreamWaitEvent(other.stream(), after, 0), "cuStreamWaitEvent");
  spare_.push_back(after);  // a wait keeps what it waits for: the event may be recorded again
  other.spare_.push_back(before);
  settle();
}

Scratch::Scratch(Device& device, int64_t bytes) : device_(device), address_(device.acquire(bytes)) {}
Scratch::~Scratch() { device_.give(address_); }

Runtime* runtimeOf(Context& context) { return static_cast<Runtime*>(context.owned->cuda.get()); }

Card& activeCard(Context& context) {
  Card& card = static_cast<Card&>(current(context));
  card.activate();
  return card;
}

Device& current(Context& context) {
  Runtime* runtime = runtimeOf(context);
  if (runtime == nullptr || runtime->current == nullptr) {
    throw Failure{FailureKind::None, "no CUDA device is in use: " + libraries().reason};
  }
  return *runtime->current;
}

}  // namespace torchstone::cuda
