// The addon's entry: one instance per environment (block, context, pool), and the exported functions, written with
// node-addon-api. No C++ exception leaves a callback;
// Node-API's own failures are pending JavaScript exceptions.
#include <napi.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "cpu/dispatch.h"
#include "common/compile_program.h"
#include "common/owned.h"
#include "common/processors.h"
#include "common/thread_pool.h"
#include "cuda/addon_cuda.h"
#include "memory/pool.h"
#include "ops/primitives.h"

namespace torchstone {
namespace {

struct Instance {
  explicit Instance(Napi::Env env) : pool(env) {}
  Context context;
  int threads = 1;  // as set; the context has as many as can be made, found out by the first command
  bool teamKnown = false;
  Pool pool;
  Napi::Reference<Napi::Float64Array> block;  // strong: the block lives as long as the environment
};

Instance& instanceOf(Napi::BasicEnv env) { return *env.GetInstanceData<Instance>(); }
Instance& instanceOf(const Napi::CallbackInfo& info) { return instanceOf(info.Env()); }

Napi::Value typeError(Napi::Env env, const std::string& message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

// Whole bytes or an address; -1 for what is neither.
int64_t integer(double x) {
  constexpr double kMost = 0x1p62;
  return !(x >= 0) ? -1 : x > kMost ? int64_t(kMost) : int64_t(x);
}

int64_t integer(const Napi::Value& v) { return v.IsNumber() ? integer(v.As<Napi::Number>().DoubleValue()) : -1; }

bool isArrayOf(const Napi::Value& v, napi_typedarray_type wanted) {
  return v.IsTypedArray() && v.As<Napi::TypedArray>().TypedArrayType() == wanted;
}

// The families, allocate and release run once an operation or a tensor, and stay raw callbacks: Napi::Function's
// wrapper reads the arguments, `this` and data of every call into a CallbackInfo. Measured on an x86-64 with Node 20,
// ns a call: an empty family 7.4 raw, 12.3 wrapped; allocate's arguments and weak reference 70 raw, 104 wrapped;
// release's argument 12 raw, 19 wrapped.

// The measured path: nothing is read, nothing is returned.
template <Family FamilyTable::*family> napi_value callFamily(napi_env env, napi_callback_info) {
  Instance& instance = instanceOf(env);
  Context& context = instance.context;
  if (!instance.teamKnown) {
    instance.teamKnown = true;
    context.threads = usableThreads(instance.threads);
  }
  try {
    (families().*family)(context);
  } catch (const std::bad_alloc&) {
    setStatus(context, kOutOfMemory, 0.0);
  }
  return nullptr;
}

// Reads N arguments of a raw callback; the missing ones are undefined.
template <size_t N> struct RawArguments {
  napi_env env;
  napi_value value[N];
  RawArguments(napi_env e, napi_callback_info info) : env(e) {
    size_t count = N;
    napi_get_cb_info(env, info, &count, value, nullptr, nullptr);
  }
  int64_t integer(size_t i) const {
    double x = -1;
    napi_get_value_double(env, value[i], &x);
    return torchstone::integer(x);
  }
};

napi_value allocate(napi_env env, napi_callback_info info) {
  const RawArguments<3> args(env, info);
  bool force = false;
  napi_get_value_bool(env, args.value[2], &force);
  int64_t address = -1;
  try {
    address = instanceOf(env).pool.allocate(Napi::Object(env, args.value[0]), args.integer(1), force);
  } catch (const std::bad_alloc&) {
  }
  return Napi::Number::New(env, double(address));
}

napi_value release(napi_env env, napi_callback_info info) {
  try {
    instanceOf(env).pool.release(RawArguments<1>(env, info).integer(0));
  } catch (const std::bad_alloc&) {  // of the free list: the block is lost
  }
  return nullptr;
}

Napi::Value collect(const Napi::CallbackInfo& info) {
  int64_t reclaimed = 0;
  try {
    reclaimed = instanceOf(info).pool.collect();
  } catch (const std::bad_alloc&) {
  }
  return Napi::Number::New(info.Env(), double(reclaimed));
}

void trim(const Napi::CallbackInfo& info) { instanceOf(info).pool.trim(); }

void setBudget(const Napi::CallbackInfo& info) { instanceOf(info).pool.setBudget(integer(info[0])); }

void memoryStats(const Napi::CallbackInfo& info) {
  constexpr size_t kNumbers = 8;
  if (!isArrayOf(info[0], napi_float64_array) || info[0].As<Napi::TypedArray>().ElementLength() < kNumbers) {
    typeError(info.Env(), "memoryStats: required a Float64Array of 8 numbers");
    return;
  }
  double* out = info[0].As<Napi::Float64Array>().Data();
  const Pool& pool = instanceOf(info).pool;
  const MemoryStats& s = pool.stats();
  const int64_t all[kNumbers] = {s.liveBytes, s.liveBlocks, s.cachedBytes, pool.reserved(),
                                 s.peakReserved, pool.budget(), s.allocations, s.reuses};
  for (size_t i = 0; i < kNumbers; ++i) out[i] = double(all[i]);
}

Napi::Value defineProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!isArrayOf(info[0], napi_int32_array) || !isArrayOf(info[1], napi_float64_array)) {
    return typeError(env, "defineProgram: required an Int32Array and a Float64Array");
  }
  const auto code = info[0].As<Napi::Int32Array>();
  const auto constants = info[1].As<Napi::Float64Array>();
  auto& programs = instanceOf(info).context.owned->programs;
  try {
    std::string error;
    auto program = compileProgram(code.Data(), int64_t(code.ElementLength()), constants.Data(),
                                  int64_t(constants.ElementLength()), error);
    if (!program) return typeError(env, error);
    programs.push_back(std::move(program));
  } catch (const std::bad_alloc&) {
    Napi::Error::New(env, "defineProgram: out of memory").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return Napi::Number::New(env, double(programs.size() - 1));
}

Napi::Value addressOf(const Napi::CallbackInfo& info) {
  if (!info[0].IsArrayBuffer()) return typeError(info.Env(), "addressOf: required an ArrayBuffer");
  const void* data = info[0].As<Napi::ArrayBuffer>().Data();
  return Napi::Number::New(info.Env(), double(reinterpret_cast<uintptr_t>(data)));
}

// No finalizer: the engine keeps the storage alive.
Napi::Value arrayBufferAt(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int64_t address = integer(info[0]), bytes = integer(info[1]);
  if (address < 0 || bytes < 0) return typeError(env, "arrayBufferAt: required an address and a number of bytes");
  const auto buffer = Napi::ArrayBuffer::New(env, reinterpret_cast<void*>(address), size_t(bytes));
  if (env.IsExceptionPending()) {
    env.GetAndClearPendingException();
    Napi::Error::New(env, "arrayBufferAt: this runtime allows no external ArrayBuffer").ThrowAsJavaScriptException();
  }
  return buffer;
}

Napi::Value information(const Napi::CallbackInfo& info) {
#if defined(__clang__)
  static constexpr const char* compiler = "clang " __clang_version__;
#else
  static constexpr const char* compiler = "gcc " __VERSION__;
#endif
  auto result = Napi::Object::New(info.Env());
  result.Set("isa", families().isa);
  result.Set("threads", instanceOf(info).threads);
  result.Set("sleef", hasSleef());
  result.Set("compiler", compiler);
  return result;
}

void setThreads(const Napi::CallbackInfo& info) {
  const int64_t n = integer(info[0]);
  if (n < 1 || n > 1024) {
    typeError(info.Env(), "setThreads: required a number from 1 to 1024");
    return;
  }
  Instance& instance = instanceOf(info);
  instance.threads = int(n);
  instance.teamKnown = false;
}

Napi::Value getThreads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), instanceOf(info).threads);
}

Napi::Array primitives(Napi::Env env) {
  struct Row { const char* name; int arity; const char* kinds; };
  static constexpr const char *number = "number", *integer = "integer", *real = "float";
#define TS_ROW(name, arity, kind, weight) {#name, arity, kind},
  static constexpr Row kRows[] = {TORCHSTONE_PRIMITIVES(TS_ROW)};
#undef TS_ROW
  auto list = Napi::Array::New(env);
  uint32_t at = 0;
  for (const Row& row : kRows) {
    auto object = Napi::Object::New(env);
    object.Set("name", row.name);
    object.Set("arity", row.arity);
    object.Set("kinds", row.kinds);
    list.Set(at++, object);
  }
  return list;
}

// OMP_NUM_THREADS as PyTorch reads it; of a list, one number a level of nesting, the first.
int defaultThreads() {
  for (const char* name : {"TORCHSTONE_THREADS", "OMP_NUM_THREADS"}) {
    const char* wanted = std::getenv(name);
    const int n = wanted == nullptr ? 0 : std::atoi(wanted);
    if (n >= 1 && n <= 1024) return n;
  }
  return usableProcessors();
}

void exportRaw(Napi::Env env, Napi::Object exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) == napi_ok) {
    exports.Set(name, function);
  }
}

template <auto callback> void exportFunction(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<callback>(env, name));
}

void exportFunctions(Napi::Env env, Napi::Object exports) {
#define TS_EXPORT(name) exportRaw(env, exports, #name, callFamily<&FamilyTable::name>);
  TORCHSTONE_FAMILIES(TS_EXPORT)
  TORCHSTONE_SHARED_FAMILIES(TS_EXPORT)
#undef TS_EXPORT
  exportRaw(env, exports, "allocate", allocate);
  exportRaw(env, exports, "release", release);
  exportFunction<defineProgram>(env, exports, "defineProgram");
  exportFunction<collect>(env, exports, "collect");
  exportFunction<trim>(env, exports, "trim");
  exportFunction<memoryStats>(env, exports, "memoryStats");
  exportFunction<setBudget>(env, exports, "setBudget");
  exportFunction<addressOf>(env, exports, "addressOf");
  exportFunction<arrayBufferAt>(env, exports, "arrayBufferAt");
  exportFunction<information>(env, exports, "info");
  exportFunction<setThreads>(env, exports, "setThreads");
  exportFunction<getThreads>(env, exports, "getThreads");
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  std::unique_ptr<Instance> made(new (std::nothrow) Instance(env));
  auto block = Napi::Float64Array::New(env, kBlockLength);
  if (made == nullptr || made->context.numbers == nullptr || block.IsEmpty()) {
    if (!env.IsExceptionPending()) Napi::Error::New(env, "torchstone: out of memory").ThrowAsJavaScriptException();
    return exports;
  }
  Instance& instance = *made;
  env.SetInstanceData(made.release());  // deleted when the environment ends, a worker's too
  instance.threads = defaultThreads();
  instance.context.block = block.Data();
  instance.block = Napi::Persistent(block);
  exports.Set("block", block);
  exports.Set("primitives", primitives(env));
  exports.Set("cuda", cuda::exported(env, instance.context));
  exportFunctions(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(torchstone, init)

}  // namespace torchstone
