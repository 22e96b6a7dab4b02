// The places where CUDA's libraries are looked for, and loads them. Every try is kept for `doctor`.
#include "libraries.h"

#include <dirent.h>
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "blas.h"
#include "cuda/runtime/device.h"

namespace torchstone::cuda {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string folderOf(const std::string& path) {
  char real[PATH_MAX];
  const std::string whole = realpath(path.c_str(), real) == nullptr ? path : real;
  return whole.substr(0, whole.rfind('/'));
}

// The names in a folder that begin so, rising.
std::vector<std::string> entries(const std::string& folder, const std::string& start) {
  std::vector<std::string> found;
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) return found;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.rfind(start, 0) == 0) found.push_back(name);
  }
  closedir(directory);
  std::sort(found.begin(), found.end());
  return found;
}

struct Loaded {
  void* handle;
  std::string folder;
};

class Search {
 public:
  Search(Libraries& found, const std::vector<std::string>& folders) : found_(found), python_(folders) {}
  void run();
  void compilerOnly() { loadNvrtc({"13", "12"}); }

 private:
  std::vector<std::string> places(bool driver) const;
  void* open(const std::string& library, const std::string& path);
  std::optional<Loaded> load(const std::vector<std::string>& names, bool driver, const char* symbol);
  bool loadDriver();
  bool loadNvrtc(const std::vector<std::string>& majors);
  void loadCublas(const std::vector<std::string>& majors);
  Libraries& found_;
  const std::vector<std::string>& python_;
  std::string driverFolder_;
};

// An empty place is the loader's own path.
std::vector<std::string> Search::places(bool driver) const {
  std::vector<std::string> list;
  if (const std::string named = variable("TORCHSTONE_CUDA_PATH"); !named.empty()) list.push_back(named);
  list.push_back("");
  if (!driver && !driverFolder_.empty()) list.push_back(driverFolder_);
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"}) {
    if (const std::string root = variable(name); !driver && !root.empty()) list.push_back(root + "/lib64");
  }
  if (!driver) {
    const std::vector<std::string> versions = entries("/usr/local", "cuda");
    for (auto it = versions.begin(); it != versions.end(); ++it) list.push_back("/usr/local/" + *it + "/lib64");
  }
  list.push_back("/usr/lib/wsl/lib");
  if (driver) list.insert(list.end(), {"/usr/local/nvidia/lib64", "/usr/local/nvidia/lib"});
  else list.insert(list.end(), python_.begin(), python_.end());
  return list;
}

void* Search::open(const std::string& library, const std::string& path) {
  void* handle = nullptr;
  std::string result;
  if (path.find('/') != std::string::npos && access(path.c_str(), R_OK) != 0) {
    result = "no such file";
  } else {
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    const char* error = handle == nullptr ? dlerror() : nullptr;
    result = handle != nullptr ? "loaded" : error != nullptr ? error : "not loaded";
  }
  found_.looked.push_back({library, path, result});
  return handle;
}

// The first that loads; its folder is where it really is, by one of its functions.
std::optional<Loaded> Search::load(const std::vector<std::string>& names, bool driver, const char* symbol) {
  for (const std::string& place : places(driver)) {
    for (const std::string& name : names) {
      // cuBLAS asks for this one by name, which a Python package's folder would not answer.
      if (name.rfind("libcublas.so", 0) == 0 && !place.empty()) {
        const std::string light = "libcublasLt" + name.substr(name.find(".so"));
        if (access((place + "/" + light).c_str(), R_OK) == 0) open(light, place + "/" + light);
      }
      void* handle = open(name, place.empty() ? name : place + "/" + name);
      if (handle == nullptr) continue;
      Dl_info info{};
      void* function = dlsym(handle, symbol);
      if (function != nullptr && dladdr(function, &info) != 0 && info.dli_fname != nullptr) {
        return Loaded{handle, folderOf(info.dli_fname)};
      }
      found_.looked.back().result = std::string("has no ") + symbol;
      dlclose(handle);
    }
  }
  return std::nullopt;
}

template <class F> bool resolve(void* handle, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(handle, name));
  return function != nullptr;
}

std::string decimal(int major, int minor) { return std::to_string(major) + "." + std::to_string(minor); }

bool Search::loadDriver() {
  const auto loaded = load({"libcuda.so.1"}, true, "cuInit");
  if (!loaded) {
    found_.reason = "no NVIDIA driver was found: libcuda.so.1 is in none of the places looked at. Install the driver of the card";
    return false;
  }
  driverFolder_ = loaded->folder;
  Driver& driver = found_.driver;
  std::string missing;
#define TS_RESOLVE(name, parameters) \
  if (!resolve(loaded->handle, #name, driver.name)) missing += missing.empty() ? #name : ", " #name;
  TORCHSTONE_DRIVER(TS_RESOLVE)
#undef TS_RESOLVE
#define TS_RESOLVE(name, parameters) resolve(loaded->handle, #name, driver.name);
  TORCHSTONE_DRIVER_NEWER(TS_RESOLVE)
#undef TS_RESOLVE
  if (!missing.empty()) {
    found_.reason = "the driver is too old: libcuda.so.1 lacks " + missing + ". Install one for CUDA 12 or newer";
    return false;
  }
  const CUresult begun = driver.cuInit(0);
  if (begun != kSuccess) {
    const char *name = nullptr, *text = nullptr;
    driver.cuGetErrorName(begun, &name);
    driver.cuGetErrorString(begun, &text);
    found_.reason = std::string("the driver does not start: cuInit gave ") + (name != nullptr ? name : std::to_string(begun)) +
                    (text != nullptr ? std::string(", ") + text : "");
    if (begun == kErrorNoDevice) found_.reason = "the driver sees no card (cuInit gave CUDA_ERROR_NO_DEVICE); look at nvidia-smi and CUDA_VISIBLE_DEVICES";
    return false;
  }
  if (driver.cuDriverGetVersion(&driver.version) != kSuccess) driver.version = 0;
  found_.driverVersion = decimal(driver.version / 1000, driver.version % 1000 / 10);
  if (driver.version < 12000) {
    found_.reason = "the driver is for CUDA " + found_.driverVersion + "; required one for CUDA 12 or newer";
    return false;
  }
  if (driver.cuDeviceGetCount(&found_.devices) != kSuccess || found_.devices < 1) {
    found_.devices = 0;
    found_.reason = "the driver sees no card; look at nvidia-smi and CUDA_VISIBLE_DEVICES";
    return false;
  }
  found_.hasDriver = true;
  return true;
}

// NVRTC opens its builtins by name when it compiles, and would not look in a Python package's folder: they are loaded
// beside it, by their full path.
bool Search::loadNvrtc(const std::vector<std::string>& majors) {
  std::vector<std::string> names;
  for (const std::string& major : majors) names.push_back("libnvrtc.so." + major);
  const auto loaded = load(names, false, "nvrtcVersion");
  if (!loaded) {
    found_.reason = "no NVRTC was found (" + names.front() + "). Install CUDA's toolkit or, in a Python environment, `pip install nvidia-cuda-nvrtc`";
    return false;
  }
  for (const std::string& name : entries(loaded->folder, "libnvrtc-builtins.so")) {
    if (open("libnvrtc-builtins", loaded->folder + "/" + name) != nullptr) break;
  }
  Nvrtc& nvrtc = found_.nvrtc;
  std::string missing;
#define TS_RESOLVE(name, result, parameters) \
  if (!resolve(loaded->handle, #name, nvrtc.name)) missing += missing.empty() ? #name : ", " #name;
  TORCHSTONE_NVRTC(TS_RESOLVE)
#undef TS_RESOLVE
  if (!missing.empty()) {
    found_.reason = "this NVRTC lacks " + missing + ". Install CUDA 12 or newer";
    return false;
  }
  int count = 0;
  if (nvrtc.nvrtcVersion(&nvrtc.major, &nvrtc.minor) != 0 || nvrtc.nvrtcGetNumSupportedArchs(&count) != 0 || count < 1) {
    found_.reason = "this NVRTC does not say its version";
    return false;
  }
  nvrtc.architectures.resize(size_t(count));
  if (nvrtc.nvrtcGetSupportedArchs(nvrtc.architectures.data()) != 0) {
    found_.reason = "this NVRTC does not say for which cards it compiles";
    return false;
  }
  std::sort(nvrtc.architectures.begin(), nvrtc.architectures.end());
  found_.nvrtcVersion = decimal(nvrtc.major, nvrtc.minor);
  found_.hasNvrtc = true;
  return true;
}

void Search::loadCublas(const std::vector<std::string>& majors) {
  std::vector<std::string> names;
  for (const std::string& major : majors) names.push_back("libcublas.so." + major);
  const auto loaded = load(names, false, "cublasCreate_v2");
  if (!loaded) return;
  found_.cublas = loaded->handle;
  int (*property)(int, int*) = nullptr;
  int major = 0, minor = 0;
  if (resolve(loaded->handle, "cublasGetProperty", property) && property(kBlasMajor, &major) == kBlasSuccess && property(kBlasMinor, &minor) == kBlasSuccess) {
    found_.cublasVersion = decimal(major, minor);
  }
}

void Search::run() {
  if (!loadDriver()) return;
  // What a newer CUDA compiled an older driver does not load.
  const int major = found_.driver.version / 1000;
  const std::vector<std::string> majors = major >= 13 ? std::vector<std::string>{"13", "12"} : std::vector<std::string>{"12"};
  if (!loadNvrtc(majors)) return;
  loadCublas({std::to_string(std::min(found_.nvrtc.major, 13))});
}

std::mutex lock;
bool looked = false;
Libraries all;

}  // namespace

const Libraries& findLibraries(const std::vector<std::string>& folders) {
  const std::lock_guard guard(lock);
  if (!looked) Search(all, folders).run();
  looked = true;
  return all;
}

const Libraries& findCompiler(const std::vector<std::string>& folders) {
  static Libraries compiler;
  const std::lock_guard guard(lock);
  if (!compiler.hasNvrtc) {
    compiler = Libraries{};
    Search(compiler, folders).compilerOnly();
  }
  return compiler;
}

const Libraries& libraries() {
  const std::lock_guard guard(lock);
  if (!looked || !all.reason.empty()) {
    throw Failure{FailureKind::None, all.reason.empty() ? "CUDA has not been looked for" : all.reason};
  }
  return all;
}

}  // namespace torchstone::cuda
