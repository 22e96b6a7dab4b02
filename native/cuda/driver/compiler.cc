// Kernel source (headers put in place, names by hash), its compilation by NVRTC and the cache on disk.
#include "compiler.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <unordered_map>

#include "embedded.h"

namespace torchstone::cuda {

namespace {

constexpr const char* kOptions[] = {"--std=c++17", "--device-as-default-execution-space", "--fmad=false", "--disable-warnings"};

// FNV-1a of 128 bits (draft-eastlake-fnv), folded to 64.
class Hash {
 public:
  void add(const std::string& text) {
    for (const char c : text) state_ = (state_ ^ static_cast<unsigned char>(c)) * kPrime;
    state_ = (state_ ^ 0xffu) * kPrime;  // a boundary
  }
  uint64_t value() const { return uint64_t(state_ >> 64) ^ uint64_t(state_); }
 private:
  using Wide = unsigned __int128;
  static constexpr Wide kPrime = (Wide(1) << 88) + 0x13b;
  Wide state_ = (Wide(0x6c62272e07bb0142) << 64) + 0x62b821756295c58d;
};

// `a/b/../c` becomes `a/c`.
std::string normal(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == ".." && !parts.empty()) parts.pop_back();
    else if (part != "." && !part.empty()) parts.push_back(part);
    at = end + 1;
  }
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : "/") + part;
  return joined;
}

const Embedded* embedded(const std::string& path) {
  for (int i = 0; i < kEmbeddedCount; ++i)
    if (path == kEmbedded[i].path) return &kEmbedded[i];
  return nullptr;
}

// The embedded file that an #include line names, if it is one of ours.
const Embedded* included(const std::string& line, const std::string& from) {
  constexpr const char* kInclude = "#include ";
  if (line.rfind(kInclude, 0) != 0) return nullptr;
  const size_t open = std::strlen(kInclude);
  const char last = open < line.size() && line[open] == '<' ? '>' : '"';
  const size_t close = line.find(last, open + 1);
  if (close == std::string::npos) return nullptr;
  const std::string name = line.substr(open + 1, close - open - 1);
  return embedded(last == '>' ? "cuda/kernels/std/" + name : normal(from.substr(0, from.rfind('/') + 1) + name));
}

// Appends a file with the ones it includes in their places, each once. It knows no conditions: an #include of our files
// must not stand under #if.
void place(const Embedded& file, std::set<std::string>& placed, std::string& out) {
  const std::string path = file.path;
  if (!placed.insert(path).second) return;
  out += "#line 1 \"" + path + "\"\n";
  int number = 0;
  for (const char* at = file.text; *at != '\0';) {
    const char* end = std::strchr(at, '\n');
    const std::string line(at, end == nullptr ? std::strlen(at) : size_t(end - at));
    at += line.size() + (end == nullptr ? 0 : 1);
    ++number;
    if (const Embedded* other = included(line, path)) {
      place(*other, placed, out);
      out += "#line " + std::to_string(number + 1) + " \"" + path + "\"\n";
    } else {
      out += line == "#pragma once" ? "\n" : line + "\n";
    }
  }
}

std::string placeAll(const std::vector<std::string>& headers) {
  std::set<std::string> placed;
  std::string out;
  for (const std::string& name : headers) {
    const Embedded* file = embedded("cuda/kernels/" + name);
    if (file == nullptr) file = embedded(name);
    if (file == nullptr) throw Failure{FailureKind::Compile, "a kernel asks for " + name + ", which the addon does not carry"};
    place(*file, placed, out);
  }
  return out;
}

std::string joined(const std::vector<std::string>& headers) {
  std::string out;
  for (const std::string& name : headers) out += "#include \"" + name + "\"\n";
  return out;
}

std::mutex headersLock;
std::unordered_map<std::string, std::pair<std::string, Hash>> headersPlaced;

// The text of these headers, and the hash so far.
const std::pair<std::string, Hash>& headersOf(const std::vector<std::string>& headers) {
  const std::lock_guard guard(headersLock);
  const std::string key = joined(headers);
  const auto found = headersPlaced.find(key);
  if (found != headersPlaced.end()) return found->second;
  std::string text = placeAll(headers);
  Hash hash;
  for (const char* option : kOptions) hash.add(option);
  hash.add(text);
  return headersPlaced.emplace(key, std::pair{std::move(text), hash}).first->second;
}

std::string bodyOf(const KernelText& kernel, const std::string& entry) {
  std::string body = kernel.body;
  const size_t at = body.find('@');
  if (at == std::string::npos) throw Failure{FailureKind::Compile, kernel.family + ": a kernel's text has no @ for its name"};
  body.replace(at, 1, entry);
  return "namespace ts_" + entry + " {\n" + body + "\n}\n";
}

void check(const Nvrtc& nvrtc, int result, const char* call) {
  if (result == 0) return;
  throw Failure{FailureKind::Compile, std::string(call) + " gave " + nvrtc.nvrtcGetErrorString(result)};
}

class Program {
 public:
  Program(const Nvrtc& nvrtc, const std::string& name, const std::string& text) : nvrtc_(nvrtc) {
    check(nvrtc, nvrtc.nvrtcCreateProgram(&program_, text.c_str(), (name + ".cu").c_str(), 0, nullptr, nullptr), "nvrtcCreateProgram");
  }
  ~Program() { nvrtc_.nvrtcDestroyProgram(&program_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  int compile(const std::vector<const char*>& options) {
    return nvrtc_.nvrtcCompileProgram(program_, int(options.size()), options.data());
  }
  std::string log() const {  // ends in a 0
    return read(nvrtc_.nvrtcGetProgramLogSize, nvrtc_.nvrtcGetProgramLog, "nvrtcGetProgramLog").c_str();
  }
  std::string cubin() const { return read(nvrtc_.nvrtcGetCUBINSize, nvrtc_.nvrtcGetCUBIN, "nvrtcGetCUBIN"); }
  std::string ptx() const { return read(nvrtc_.nvrtcGetPTXSize, nvrtc_.nvrtcGetPTX, "nvrtcGetPTX"); }

 private:
  std::string read(int (*size)(nvrtcProgram, size_t*), int (*get)(nvrtcProgram, char*), const char* call) const {
    size_t bytes = 0;
    check(nvrtc_, size(program_, &bytes), call);
    std::string data(bytes, '\0');
    if (bytes > 0) check(nvrtc_, get(program_, data.data()), call);
    return data;
  }
  const Nvrtc& nvrtc_;
  nvrtcProgram program_ = nullptr;
};

struct Target {
  std::string option;
  bool machine;  // a cubin; else PTX, which the driver compiles further
};

// A card newer than this NVRTC gets PTX for the newest that NVRTC knows.
Target targetOf(const Nvrtc& nvrtc, int architecture) {
  int nearest = 0;
  for (const int known : nvrtc.architectures)
    if (known <= architecture) nearest = known;
  if (nearest == 0) {
    throw Failure{FailureKind::Compile, "this NVRTC (" + std::to_string(nvrtc.major) + "." + std::to_string(nvrtc.minor) +
                  ") does not compile for compute capability " + std::to_string(architecture / 10) + "." +
                  std::to_string(architecture % 10) + "; install that of CUDA 12"};
  }
  const bool machine = nearest == architecture;
  return {std::string("--gpu-architecture=") + (machine ? "sm_" : "compute_") + std::to_string(nearest), machine};
}

std::string cacheFolder(const Nvrtc& nvrtc, int architecture) {
  std::string root;
  const char* named = std::getenv("TORCHSTONE_CUDA_CACHE");
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (named != nullptr && *named != '\0') root = named;
  else if (cache != nullptr && *cache == '/') root = std::string(cache) + "/torchstone/kernels";
  else if (home != nullptr && *home == '/') root = std::string(home) + "/.cache/torchstone/kernels";
  else return "";
  return root + "/" + std::to_string(nvrtc.major) + "." + std::to_string(nvrtc.minor) + "-sm_" + std::to_string(architecture);
}

void makeFolders(const std::string& path) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) mkdir(path.substr(0, at).c_str(), 0777);
  mkdir(path.c_str(), 0777);
}

// A file of the cache: this, then the image.
struct CacheHead {
  char magic[8] = {'T', 'S', 'K', 'E', 'R', 'N', '0', '1'};
  uint64_t bytes = 0, hash = 0;
};

uint64_t hashOf(const std::string& image) {
  Hash hash;
  hash.add(image);
  return hash.value();
}

// Empty where there is none, or a damaged one.
std::string readCache(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return "";
  CacheHead head;
  const CacheHead wanted;
  std::string image;
  struct stat state {};
  if (std::fread(&head, sizeof head, 1, file) == 1 && std::memcmp(head.magic, wanted.magic, sizeof head.magic) == 0 &&
      fstat(fileno(file), &state) == 0 && uint64_t(state.st_size) == sizeof head + head.bytes) {
    image.resize(head.bytes);
    if (std::fread(image.data(), 1, image.size(), file) != image.size() || hashOf(image) != head.hash) image.clear();
  }
  std::fclose(file);
  return image;
}

// Under a name of its own first: another process finds all of it or nothing. A cache that cannot be written is done without.
void writeFile(const std::string& path, const std::string& head, const std::string& rest) {
  static std::atomic<int> counter{0};
  const std::string temporary = path + "." + std::to_string(getpid()) + "." + std::to_string(counter++);
  FILE* file = std::fopen(temporary.c_str(), "wbx");
  if (file == nullptr) return;
  const bool written = std::fwrite(head.data(), 1, head.size(), file) == head.size() &&
                       std::fwrite(rest.data(), 1, rest.size(), file) == rest.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed || std::rename(temporary.c_str(), path.c_str()) != 0) std::remove(temporary.c_str());
}

// TORCHSTONE_CUDA_KEEP names a folder for the kernels' texts, which scripts/cuda-compile.ts compiles for every card. Those
// that tests write (text_calls.cc) are left out: some are wrong on purpose.
void keepText(const KernelText& kernel, const KernelSource& source) {
  const char* folder = std::getenv("TORCHSTONE_CUDA_KEEP");
  if (folder == nullptr || *folder == '\0' || kernel.family == "text") return;
  makeFolders(folder);
  writeFile(std::string(folder) + "/" + source.entry + ".cu", joined(kernel.headers), bodyOf(kernel, source.entry));
}

std::mutex compileLock;

}  // namespace

KernelSource sourceOf(const KernelText& kernel) {
  const auto& [headers, start] = headersOf(kernel.headers);
  Hash hash = start;
  hash.add(kernel.body);
  char name[20];
  std::snprintf(name, sizeof name, "_%016llx", static_cast<unsigned long long>(hash.value()));
  const std::string entry = kernel.family + name;
  return {entry, headers + "#line 1 \"" + entry + "\"\n" + bodyOf(kernel, entry)};
}

std::string unitOf(const std::vector<std::string>& headers, const std::string& body) { return headersOf(headers).first + body; }

std::string compile(const Nvrtc& nvrtc, const std::string& name, const std::string& text, int architecture) {
  const std::lock_guard guard(compileLock);
  const Target target = targetOf(nvrtc, architecture);
  std::vector<const char*> options(std::begin(kOptions), std::end(kOptions));
  options.push_back(target.option.c_str());
  Program program(nvrtc, name, text);
  const int result = program.compile(options);
  if (result != 0) {
    throw Failure{FailureKind::Compile, "NVRTC " + std::to_string(nvrtc.major) + "." + std::to_string(nvrtc.minor) + " gave " +
                  nvrtc.nvrtcGetErrorString(result) + " for " + name + " (" + target.option + "):\n" + program.log()};
  }
  return target.machine ? program.cubin() : program.ptx();
}

std::string imageOf(const Nvrtc& nvrtc, const KernelText& kernel, const KernelSource& source, int architecture) {
  keepText(kernel, source);
  const std::string folder = cacheFolder(nvrtc, architecture), path = folder + "/" + source.entry + ".bin";
  if (!folder.empty()) {
    std::string image = readCache(path);
    if (!image.empty()) return image;
  }
  std::string image = compile(nvrtc, source.entry, source.text, architecture);
  if (!folder.empty()) {
    makeFolders(folder);
    CacheHead head;
    head.bytes = image.size();
    head.hash = hashOf(image);
    writeFile(path, std::string(reinterpret_cast<const char*>(&head), sizeof head), image);
  }
  return image;
}

}  // namespace torchstone::cuda
