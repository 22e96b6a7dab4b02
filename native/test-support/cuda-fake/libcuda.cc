// The fake of libcuda: the real one's names and checks, work done at once and in order. For tests without a GPU.
// TORCHSTONE_SHIM_MEMORY, _DEVICES, _ORDER (see fibers.cc), _STICKY=n (the n-th launch ends the context), _DRY (see libnvrtc.cc) and
// _HANDLES=n (so many streams, events and graphs at most) change it; _TRACE names a file for each launch's name and blocks. What is left when the last context is released is told on stderr.
#include "libcuda.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "arena.h"
#include "fibers.h"

using namespace torchstone::cuda;

namespace torchstone::cuda {
struct CUctx_st { int device, users; };
struct CUmod_st {
  void* handle;
  int file;
};
struct CUfunc_st {
  const shim::Entry* entry;
  std::string name;
};
struct Counted {
  static inline std::atomic<int> count = 0;
  Counted() { ++count; }
  ~Counted() { --count; }
  Counted(const Counted&) = delete;
};
struct CUgraph_st {
  std::vector<std::function<CUresult()>> work;
  bool open = true;  // its capture is under way
};
struct CUgraphExec_st : Counted { std::vector<std::function<CUresult()>> work; };
struct CUstream_st : Counted { std::shared_ptr<CUgraph_st> capture; };
struct CUevent_st : Counted {
  bool timed, recorded = false;
  double at = 0;
  std::shared_ptr<CUgraph_st> capture;
};
}  // namespace torchstone::cuda

namespace {

constexpr CUresult kInvalidValue = 1, kNotInitialized = 3, kInvalidDevice = 101, kInvalidImage = 200, kInvalidContext = 201,
                   kInvalidHandle = 400, kNotFound = 500, kCaptureUnsupported = 900, kCaptureInvalidated = 901,
                   kCaptureUnmatched = 903, kCapturedEvent = 907;
constexpr int kMostDevices = 8;

std::recursive_mutex lock;
bool begun = false;
CUresult sticky = kSuccess;
CUctx_st contexts[kMostDevices];
thread_local CUcontext now = nullptr;
int launches = 0;

int number(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}
int deviceCount() { return std::min(number("TORCHSTONE_SHIM_DEVICES", 1), kMostDevices); }

CUresult end(CUresult with, const std::string& why) {
  std::fprintf(stderr, "torchstone host shim: %s\n", why.c_str());
  sticky = with;
  return with;
}

CUresult append(const std::shared_ptr<CUgraph_st>& graph, std::function<CUresult()> work) {
  graph->work.push_back(std::move(work));
  return kSuccess;
}

CUresult put(CUstream stream, std::function<CUresult()> work) {
  if (stream != nullptr && stream->capture != nullptr) return append(stream->capture, std::move(work));
  return work();
}

void trace(const std::string& kernel, uint64_t blocks) {
  const char* path = std::getenv("TORCHSTONE_SHIM_TRACE");
  std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "a");
  if (file == nullptr) return;
  std::fprintf(file, "%s %llu\n", kernel.c_str(), static_cast<unsigned long long>(blocks));
  std::fclose(file);
}

// Whether there may be another stream, event or graph.
bool full() { return Counted::count >= number("TORCHSTONE_SHIM_HANDLES", 1 << 30); }

// A real driver would leave the capture broken, or worse.
CUresult endIfCapturing(const std::shared_ptr<CUgraph_st>& capture, const char* what) {
  return capture != nullptr && capture->open ? end(kErrorLaunchFailed, std::string(what) + " was destroyed during its capture") : kSuccess;
}

bool isHost(const void* address, size_t bytes) { return !shim::holds(reinterpret_cast<uintptr_t>(address), bytes); }

CUresult run(CUfunction function, shim::Index grid, unsigned threads, const void* args) {
  ++launches;
  if (launches == number("TORCHSTONE_SHIM_STICKY", 0)) {  // as on a card, the launch itself succeeds
    sticky = kErrorIllegalAddress;
    return kSuccess;
  }
  std::string wrong;
  {
    const shim::Opened open;
    wrong = shim::runGrid(*function->entry, args, grid, threads);
  }
  if (!wrong.empty()) {
    end(wrong.find("Segmentation") != std::string::npos ? kErrorIllegalAddress : kErrorLaunchFailed, function->name + ": " + wrong);
  } else if (const std::string past = shim::overrun(args, function->entry->bytes); !past.empty()) {
    end(kErrorIllegalAddress, function->name + ": " + past);
  }
  return kSuccess;
}

double milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Code { CUresult code; const char *name, *text; };
constexpr Code kCodes[] = {
    {0, "CUDA_SUCCESS", "no error"}, {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"}, {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"}, {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}, {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}, {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"}, {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}, {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "operation would result in a merge of separate capture sequences"},
    {907, "CUDA_ERROR_CAPTURED_EVENT", "operation not permitted on an event last recorded in a capturing stream"}};

const Code* codeOf(CUresult result) {
  for (const Code& code : kCodes)
    if (code.code == result) return &code;
  return nullptr;
}

}  // namespace

CUresult shim::submit(CUstream stream, std::function<bool()> work) {
  const std::lock_guard guard(lock);
  if (sticky != kSuccess) return sticky;
  return put(stream, [work = std::move(work)] {
    const Opened open;
    if (!work()) end(kErrorIllegalAddress, "a library's kernel left the device's memory");
    return kSuccess;
  });
}

bool shim::reaches(const void* from, size_t bytes) { return holds(reinterpret_cast<uintptr_t>(from), bytes); }

// Every entry: one at a time, begun, with a context where one is needed, and nothing after a sticky error.
#define SHIM extern "C" __attribute__((visibility("default"))) CUresult
#define ENTER                              \
  const std::lock_guard guard(lock);       \
  if (!begun) return kNotInitialized;      \
  if (sticky != kSuccess) return sticky;
#define ENTER_CONTEXT \
  ENTER               \
  if (now == nullptr) return kInvalidContext;

SHIM cuInit(unsigned flags) {
  if (flags != 0) return kInvalidValue;
  begun = true;
  return deviceCount() > 0 ? kSuccess : kErrorNoDevice;
}
SHIM cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
SHIM cuGetErrorName(CUresult error, const char** text) {
  const Code* code = codeOf(error);
  *text = code == nullptr ? nullptr : code->name;
  return code == nullptr ? kInvalidValue : kSuccess;
}
SHIM cuGetErrorString(CUresult error, const char** text) {
  const Code* code = codeOf(error);
  *text = code == nullptr ? nullptr : code->text;
  return code == nullptr ? kInvalidValue : kSuccess;
}
SHIM cuDeviceGetCount(int* count) {
  ENTER
  *count = deviceCount();
  return kSuccess;
}
SHIM cuDeviceGet(CUdevice* device, int ordinal) {
  ENTER
  if (ordinal < 0 || ordinal >= deviceCount()) return kInvalidDevice;
  *device = ordinal;
  return kSuccess;
}
SHIM cuDeviceGetName(char* name, int length, CUdevice) {
  ENTER
  std::snprintf(name, size_t(length), "Torchstone host shim");
  return kSuccess;
}
SHIM cuDeviceGetAttribute(int* value, int attribute, CUdevice device) {
  ENTER
  if (device < 0 || device >= deviceCount()) return kInvalidDevice;
  switch (attribute) {
    case kAttributeMajor: *value = 9; return kSuccess;
    case kAttributeMinor: *value = 0; return kSuccess;
    case kAttributeMultiprocessors: *value = 4; return kSuccess;  // few: grids that depend on it stay small
    case kAttributeThreadsPerMultiprocessor: *value = 2048; return kSuccess;
    case kAttributeSharedPerBlock: *value = 49152; return kSuccess;
    default: return kInvalidValue;
  }
}
SHIM cuDeviceTotalMem_v2(size_t* bytes, CUdevice) {
  ENTER
  *bytes = shim::totalBytes();
  return kSuccess;
}
SHIM cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  ENTER
  if (device < 0 || device >= deviceCount()) return kInvalidDevice;
  contexts[device].device = device;
  ++contexts[device].users;
  *context = &contexts[device];
  return kSuccess;
}
SHIM cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  ENTER
  --contexts[device].users;
  for (const CUctx_st& context : contexts)
    if (context.users > 0) return kSuccess;
  if (Counted::count > 0) std::fprintf(stderr, "torchstone host shim: %d streams, events or graphs are left\n", Counted::count.load());
  if (const size_t held = shim::totalBytes() - shim::freeBytes(); held > 0) std::fprintf(stderr, "torchstone host shim: %zu bytes are left\n", held);
  return kSuccess;
}
SHIM cuCtxSetCurrent(CUcontext context) {
  ENTER
  now = context;
  return kSuccess;
}
SHIM cuCtxSynchronize() {
  ENTER_CONTEXT
  return kSuccess;
}
SHIM cuMemGetInfo_v2(size_t* free, size_t* total) {
  ENTER_CONTEXT
  *free = shim::freeBytes();
  *total = shim::totalBytes();
  return kSuccess;
}
SHIM cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
  ENTER_CONTEXT
  if (bytes == 0) return kInvalidValue;
  *address = shim::take(bytes);
  return *address == 0 ? kErrorOutOfMemory : kSuccess;
}
SHIM cuMemFree_v2(CUdeviceptr address) {
  ENTER_CONTEXT
  return shim::give(address) ? kSuccess : kInvalidValue;
}
SHIM cuMemHostAlloc(void** address, size_t bytes, unsigned) {
  ENTER_CONTEXT
  *address = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  return *address == nullptr ? kErrorOutOfMemory : kSuccess;
}
SHIM cuMemFreeHost(void* address) {
  const std::lock_guard guard(lock);
  std::free(address);
  return kSuccess;
}
SHIM cuMemHostGetDevicePointer_v2(CUdeviceptr* address, void* host, unsigned flags) {
  ENTER_CONTEXT
  *address = reinterpret_cast<uintptr_t>(host);
  return flags == 0 ? kSuccess : kInvalidValue;
}

static CUresult copy(CUstream stream, void* to, const void* from, size_t bytes) {
  return put(stream, [=] {
    const shim::Opened open;
    std::memmove(to, from, bytes);
    return kSuccess;
  });
}
static void* at(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

SHIM cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  ENTER_CONTEXT
  if (!shim::holds(to, bytes) || !isHost(from, bytes)) return kInvalidValue;
  return copy(stream, at(to), from, bytes);
}
SHIM cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER_CONTEXT
  if (!shim::holds(from, bytes) || !isHost(to, bytes)) return kInvalidValue;
  if (std::getenv("TORCHSTONE_SHIM_DRY") != nullptr) {  // what no kernel wrote must not be taken for a size
    std::memset(to, 0, bytes);
    return kSuccess;
  }
  return copy(stream, to, at(from), bytes);
}
SHIM cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER_CONTEXT
  if (!shim::holds(to, bytes) || !shim::holds(from, bytes)) return kInvalidValue;
  return copy(stream, at(to), at(from), bytes);
}
SHIM cuMemcpyPeerAsync(CUdeviceptr to, CUcontext toContext, CUdeviceptr from, CUcontext fromContext, size_t bytes, CUstream stream) {
  if (toContext == nullptr || fromContext == nullptr) return kInvalidContext;
  return cuMemcpyDtoDAsync_v2(to, from, bytes, stream);
}
SHIM cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream) {
  ENTER_CONTEXT
  if (!shim::holds(to, bytes)) return kInvalidValue;
  return put(stream, [=] {
    const shim::Opened open;
    std::memset(at(to), value, bytes);
    return kSuccess;
  });
}

// An image is a shared object. Its size is where its table of sections ends. The loader knows libraries by their paths: the
// file stays open so that its number is no other module's.
SHIM cuModuleLoadData(CUmodule* module, const void* image) {
  ENTER_CONTEXT
  if (std::strcmp(static_cast<const char*>(image), "dry") == 0) {
    *module = new CUmod_st{nullptr, -1};
    return kSuccess;
  }
  const Elf64_Ehdr* head = static_cast<const Elf64_Ehdr*>(image);
  if (std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return kInvalidImage;
  const size_t bytes = head->e_shoff + size_t(head->e_shnum) * head->e_shentsize;
  const int file = memfd_create("torchstone-kernel", MFD_CLOEXEC);
  if (file < 0) return kErrorOutOfMemory;
  const bool written = write(file, image, bytes) == ssize_t(bytes);
  void* handle = written ? dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (handle == nullptr) {
    close(file);
    std::fprintf(stderr, "torchstone host shim: %s\n", dlerror());
    return kInvalidImage;
  }
  void* const bind = dlsym(handle, "tsBindAddress");
  if (bind != nullptr) (*static_cast<void (**)(shim::Host*)>(bind))(&shim::host());
  *module = new CUmod_st{handle, file};
  return kSuccess;
}
SHIM cuModuleUnload(CUmodule module) {
  const std::lock_guard guard(lock);
  if (module->handle != nullptr) {
    dlclose(module->handle);
    close(module->file);
  }
  delete module;
  return kSuccess;
}
SHIM cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  ENTER_CONTEXT
  const void* entry = module->handle == nullptr ? nullptr : dlsym(module->handle, name);
  if (entry == nullptr && module->handle != nullptr) return kNotFound;
  *function = new CUfunc_st{static_cast<const shim::Entry*>(entry), name};
  return kSuccess;
}
SHIM cuFuncGetParamInfo(CUfunction function, size_t index, size_t* offset, size_t* bytes) {
  ENTER
  if (index != 0 || function->entry == nullptr) return kInvalidValue;
  *offset = 0;
  *bytes = function->entry->bytes;
  return kSuccess;
}
SHIM cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                    unsigned sharedBytes, CUstream stream, void** arguments, void** extra) {
  ENTER_CONTEXT
  if (blockY != 1 || blockZ != 1 || sharedBytes != 0 || extra != nullptr || arguments == nullptr) return kInvalidValue;
  if (gridX == 0 || gridY == 0 || gridZ == 0 || gridY > 65535 || gridZ > 65535 || blockX == 0) return kInvalidValue;
  trace(function->name, uint64_t(gridX) * gridY * gridZ);
  if (function->entry == nullptr) return kSuccess;
  if (int(blockX) > function->entry->threads) return kInvalidValue;  // as __launch_bounds__
  const char* from = static_cast<const char*>(arguments[0]);
  const std::vector<char> args(from, from + function->entry->bytes);
  return put(stream, [=] { return run(function, {gridX, gridY, gridZ}, blockX, args.data()); });
}

SHIM cuStreamCreate(CUstream* stream, unsigned) {
  ENTER_CONTEXT
  if (full()) return kErrorOutOfMemory;
  *stream = new CUstream_st{};
  return kSuccess;
}
SHIM cuStreamDestroy_v2(CUstream stream) {
  const std::lock_guard guard(lock);
  const CUresult result = endIfCapturing(stream->capture, "a stream");
  delete stream;
  return result;
}
SHIM cuStreamSynchronize(CUstream stream) {
  ENTER_CONTEXT
  return stream != nullptr && stream->capture != nullptr ? kCaptureUnsupported : kSuccess;
}
SHIM cuStreamQuery(CUstream stream) { return cuStreamSynchronize(stream); }
SHIM cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  ENTER_CONTEXT
  if (event->capture != nullptr) {
    if (stream->capture != nullptr && stream->capture != event->capture) return kCaptureUnmatched;
    stream->capture = event->capture;
  }
  return kSuccess;
}
SHIM cuStreamBeginCapture_v2(CUstream stream, int) {
  ENTER_CONTEXT
  if (stream == nullptr) return kCaptureUnsupported;  // the default stream cannot be captured
  if (stream->capture != nullptr) return kCaptureInvalidated;
  stream->capture = std::make_shared<CUgraph_st>();
  return kSuccess;
}
SHIM cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  ENTER_CONTEXT
  if (stream->capture == nullptr) return kInvalidValue;
  stream->capture->open = false;
  *graph = new CUgraph_st(*stream->capture);
  stream->capture = nullptr;
  return kSuccess;
}
SHIM cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  ENTER_CONTEXT
  if (full()) return kErrorOutOfMemory;
  *executable = new CUgraphExec_st{{}, graph->work};
  return kSuccess;
}
SHIM cuGraphLaunch(CUgraphExec executable, CUstream) {
  ENTER_CONTEXT
  for (const auto& work : executable->work)
    if (const CUresult result = work(); result != kSuccess) return result;
  return kSuccess;
}
SHIM cuGraphExecDestroy(CUgraphExec executable) {
  const std::lock_guard guard(lock);
  delete executable;
  return kSuccess;
}
SHIM cuGraphDestroy(CUgraph graph) {
  const std::lock_guard guard(lock);
  delete graph;
  return kSuccess;
}

SHIM cuEventCreate(CUevent* event, unsigned flags) {
  ENTER_CONTEXT
  if (full()) return kErrorOutOfMemory;
  *event = new CUevent_st{{}, flags != kEventUntimed, false, 0, nullptr};
  return kSuccess;
}
SHIM cuEventRecord(CUevent event, CUstream stream) {
  ENTER_CONTEXT
  event->recorded = true;
  event->at = milliseconds();
  event->capture = stream == nullptr ? nullptr : stream->capture;
  return kSuccess;
}
SHIM cuEventSynchronize(CUevent event) {
  ENTER_CONTEXT
  return event->capture != nullptr ? kCapturedEvent : kSuccess;
}
SHIM cuEventQuery(CUevent event) { return cuEventSynchronize(event); }
SHIM cuEventElapsedTime(float* elapsed, CUevent from, CUevent to) {
  ENTER_CONTEXT
  if (!from->recorded || !to->recorded || !from->timed || !to->timed) return kInvalidHandle;
  *elapsed = float(to->at - from->at);
  return kSuccess;
}
SHIM cuEventDestroy_v2(CUevent event) {
  const std::lock_guard guard(lock);
  const CUresult result = endIfCapturing(event->capture, "an event");
  delete event;
  return result;
}
