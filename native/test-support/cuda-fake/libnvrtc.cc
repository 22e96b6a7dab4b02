// The fake of NVRTC: a program is written to a folder of its own and compiled by g++ (TORCHSTONE_SHIM_CXX names another);
// its "cubin" is the shared object. TORCHSTONE_SHIM_DRY=1: nothing is compiled, and libcuda.cc launches nothing; the texts are all one gets.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern char** environ;

struct _nvrtcProgram {
  std::string source, log, image;
};

namespace {

constexpr int kSuccess = 0, kInvalidInput = 3, kInvalidOption = 5, kCompilation = 6, kBuiltin = 7;
constexpr int kArchs[] = {75, 80, 90};

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool isDry() { return std::getenv("TORCHSTONE_SHIM_DRY") != nullptr; }

// g++'s exit status; its messages go to a file.
int compile(const std::string& folder) {
  const char* named = std::getenv("TORCHSTONE_SHIM_CXX");
  const std::string source = folder + "/kernel.cc", object = folder + "/kernel.so", log = folder + "/log";
  // No header of C++'s own is needed (std/ stands for them); parsing those took most of a compilation.
  std::vector<std::string> words = {named == nullptr ? "g++" : named, "-std=c++17", "-O1", "-shared", "-fPIC", "-w", "-nostdinc++", "-nostdlib",
                                    "-DTS_SHIM", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing",
                                    "-fno-gnu-unique", "-Wl,-Bsymbolic", source, "-o", object, "-lm", "-lc", "-lgcc"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  int status = 1;
  if (posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0) {
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

}  // namespace

#define SHIM extern "C" __attribute__((visibility("default"))) int

SHIM nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = isDry() ? 998 : 999;  // no real one's: the cache keeps them apart
  return kSuccess;
}
extern "C" __attribute__((visibility("default"))) const char* nvrtcGetErrorString(int result) {
  switch (result) {
    case kSuccess: return "NVRTC_SUCCESS";
    case kInvalidInput: return "NVRTC_ERROR_INVALID_INPUT";
    case kInvalidOption: return "NVRTC_ERROR_INVALID_OPTION";
    case kCompilation: return "NVRTC_ERROR_COMPILATION";
    case kBuiltin: return "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE";
    default: return "NVRTC_ERROR unknown";
  }
}
SHIM nvrtcGetNumSupportedArchs(int* count) {
  *count = int(std::size(kArchs));
  return kSuccess;
}
SHIM nvrtcGetSupportedArchs(int* archs) {
  std::memcpy(archs, kArchs, sizeof kArchs);
  return kSuccess;
}
SHIM nvrtcCreateProgram(_nvrtcProgram** program, const char* source, const char*, int headers, const char* const*, const char* const*) {
  if (source == nullptr || headers != 0) return kInvalidInput;
  *program = new _nvrtcProgram{source, "", ""};
  return kSuccess;
}
SHIM nvrtcDestroyProgram(_nvrtcProgram** program) {
  delete *program;
  *program = nullptr;
  return kSuccess;
}
SHIM nvrtcCompileProgram(_nvrtcProgram* program, int count, const char* const* options) {
  bool architecture = false;
  for (int i = 0; i < count; ++i) architecture |= std::string(options[i]) == "--gpu-architecture=sm_90";
  if (!architecture) return kInvalidOption;
  if (isDry()) {
    program->image = "dry";
    return kSuccess;
  }
  char folder[] = "/tmp/torchstone-shim-XXXXXX";
  if (mkdtemp(folder) == nullptr) return kBuiltin;
  const std::string base = folder;
  std::ofstream(base + "/kernel.cc", std::ios::binary) << program->source;
  const int status = compile(base);
  program->log = read(base + "/log");
  program->image = status == 0 ? read(base + "/kernel.so") : "";
  for (const char* name : {"/kernel.cc", "/kernel.so", "/log"}) unlink((base + name).c_str());
  rmdir(folder);
  return program->image.empty() ? kCompilation : kSuccess;
}
SHIM nvrtcGetProgramLogSize(_nvrtcProgram* program, size_t* bytes) {
  *bytes = program->log.size() + 1;
  return kSuccess;
}
SHIM nvrtcGetProgramLog(_nvrtcProgram* program, char* log) {
  std::memcpy(log, program->log.c_str(), program->log.size() + 1);
  return kSuccess;
}
SHIM nvrtcGetCUBINSize(_nvrtcProgram* program, size_t* bytes) {
  *bytes = program->image.size();
  return kSuccess;
}
SHIM nvrtcGetCUBIN(_nvrtcProgram* program, char* image) {
  std::memcpy(image, program->image.data(), program->image.size());
  return kSuccess;
}
SHIM nvrtcGetPTXSize(_nvrtcProgram*, size_t* bytes) {
  *bytes = 0;
  return kSuccess;
}
SHIM nvrtcGetPTX(_nvrtcProgram*, char*) { return kSuccess; }
