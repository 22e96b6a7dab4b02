// Owns the addon's entry: one instance per environment (block, context, pool), and the exported functions.
// Nothing but Node-API and plain calls: no kernel, no policy. No C++ exception leaves a callback.
#include <node_api.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "cpu/dispatch.h"
#include "cpu/program.h"
#include "memory/pool.h"
#include "ops/primitives.h"

namespace torchstone {
namespace {

struct Instance {
  Context context;
  Pool pool;
  napi_ref block = nullptr;
};

Instance& instanceOf(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Instance*>(data);
}

napi_value number(napi_env env, double value) {
  napi_value v = nullptr;
  napi_create_double(env, value, &v);
  return v;
}

napi_value typeError(napi_env env, const char* message) {
  napi_throw_type_error(env, nullptr, message);
  return nullptr;
}

// Reads up to N arguments; the missing ones are undefined.
template <size_t N> struct Arguments {
  napi_value value[N];
  Arguments(napi_env env, napi_callback_info info) {
    size_t count = N;
    napi_get_cb_info(env, info, &count, value, nullptr, nullptr);
  }
};

double toDouble(napi_env env, napi_value v) {
  double x = 0;
  return napi_get_value_double(env, v, &x) == napi_ok ? x : -1;
}

// The measured path: nothing is read, nothing is returned.
template <Family FamilyTable::*family> napi_value callFamily(napi_env env, napi_callback_info) {
  Context& context = instanceOf(env).context;
  try {
    (families().*family)(context);
  } catch (const std::bad_alloc&) {
    context.block[0] = kOutOfMemory;
    context.block[1] = 0;
  }
  return nullptr;
}

// The address and length of a typed array of the wanted type.
void* typedArray(napi_env env, napi_value v, napi_typedarray_type wanted, size_t& length) {
  bool is = false;
  if (napi_is_typedarray(env, v, &is) != napi_ok || !is) return nullptr;
  napi_typedarray_type type;
  void* data = nullptr;
  napi_get_typedarray_info(env, v, &type, &length, &data, nullptr, nullptr);
  static double empty;
  return type != wanted ? nullptr : data == nullptr ? &empty : data;
}

napi_value defineProgram(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  size_t length = 0, count = 0;
  const void* code = typedArray(env, args.value[0], napi_int32_array, length);
  const void* constants = typedArray(env, args.value[1], napi_float64_array, count);
  if (code == nullptr || constants == nullptr) {
    return typeError(env, "defineProgram: required an Int32Array and a Float64Array");
  }
  Context& context = instanceOf(env).context;
  std::string error;
  try {
    auto program = compileProgram(static_cast<const int32_t*>(code), int64_t(length),
                                  static_cast<const double*>(constants), int64_t(count), error);
    if (!program) return typeError(env, error.c_str());
    context.programs.push_back(std::move(program));
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, nullptr, "defineProgram: out of memory");
    return nullptr;
  }
  return number(env, double(context.programs.size() - 1));
}

napi_value allocate(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  bool force = false;
  napi_get_value_bool(env, args.value[2], &force);
  try {
    return number(env, double(instanceOf(env).pool.allocate(env, args.value[0], int64_t(toDouble(env, args.value[1])), force)));
  } catch (const std::bad_alloc&) {
    return number(env, -1);
  }
}

napi_value collect(napi_env env, napi_callback_info) {
  try {
    return number(env, double(instanceOf(env).pool.collect(env)));
  } catch (const std::bad_alloc&) {
    return number(env, 0);
  }
}

napi_value release(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  instanceOf(env).pool.release(env, int64_t(toDouble(env, args.value[0])));
  return nullptr;
}

napi_value trim(napi_env env, napi_callback_info) {
  instanceOf(env).pool.trim();
  return nullptr;
}

napi_value memoryStats(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  size_t length = 0;
  auto* out = static_cast<double*>(typedArray(env, args.value[0], napi_float64_array, length));
  if (out == nullptr || length < 8) return typeError(env, "memoryStats: required a Float64Array of 8 numbers");
  const Pool& pool = instanceOf(env).pool;
  const MemoryStats& s = pool.stats();
  const int64_t all[] = {s.liveBytes, s.liveBlocks, s.cachedBytes, pool.reserved(),
                         s.peakReserved, pool.budget(), s.allocations, s.reuses};
  for (int i = 0; i < 8; ++i) out[i] = double(all[i]);
  return nullptr;
}

napi_value setBudget(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  instanceOf(env).pool.setBudget(int64_t(toDouble(env, args.value[0])));
  return nullptr;
}

napi_value addressOf(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  void* data = nullptr;
  size_t bytes = 0;
  if (napi_get_arraybuffer_info(env, args.value[0], &data, &bytes) != napi_ok) {
    return typeError(env, "addressOf: required an ArrayBuffer");
  }
  return number(env, double(reinterpret_cast<uintptr_t>(data)));
}

napi_value arrayBufferAt(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  void* data = reinterpret_cast<void*>(uintptr_t(toDouble(env, args.value[0])));
  napi_value buffer = nullptr;
  const napi_finalize keep = [](napi_env, void*, void*) {};  // the engine keeps the storage alive
  if (napi_create_external_arraybuffer(env, data, size_t(toDouble(env, args.value[1])), keep, nullptr, &buffer) != napi_ok) {
    napi_throw_error(env, nullptr, "arrayBufferAt: this runtime allows no external ArrayBuffer");
  }
  return buffer;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

napi_value string(napi_env env, const char* text) {
  napi_value v = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &v);
  return v;
}

napi_value information(napi_env env, napi_callback_info) {
  napi_value result = nullptr, sleef = nullptr;
  napi_create_object(env, &result);
  napi_get_boolean(env, hasSleef(), &sleef);
  set(env, result, "isa", string(env, families().isa));
  set(env, result, "threads", number(env, instanceOf(env).context.threads));
  set(env, result, "sleef", sleef);
#if defined(__clang__)
  set(env, result, "compiler", string(env, "clang " __clang_version__));
#else
  set(env, result, "compiler", string(env, "gcc " __VERSION__));
#endif
  return result;
}

napi_value setThreads(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const double n = toDouble(env, args.value[0]);
  if (!(n >= 1 && n <= 1024)) return typeError(env, "setThreads: required a number from 1 to 1024");
  instanceOf(env).context.threads = int(n);
  return nullptr;
}

napi_value getThreads(napi_env env, napi_callback_info) { return number(env, instanceOf(env).context.threads); }

napi_value primitives(napi_env env) {
  struct Row { const char* name; int arity; const char* kinds; };
  static constexpr const char *number = "number", *integer = "integer", *real = "float";
#define TS_ROW(name, arity, kind, weight) {#name, arity, kind},
  static constexpr Row kRows[] = {TORCHSTONE_PRIMITIVES(TS_ROW)};
#undef TS_ROW
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t at = 0;
  for (const Row& row : kRows) {
    napi_value object = nullptr, arity = nullptr;
    napi_create_object(env, &object);
    napi_create_int32(env, row.arity, &arity);
    set(env, object, "name", string(env, row.name));
    set(env, object, "arity", arity);
    set(env, object, "kinds", string(env, row.kinds));
    napi_set_element(env, list, at++, object);
  }
  return list;
}

int defaultThreads() {
  const char* wanted = std::getenv("TORCHSTONE_THREADS");
  const int n = wanted == nullptr ? 0 : std::atoi(wanted);
  return n >= 1 && n <= 1024 ? n : hardwareThreads();
}

void exportFunction(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  set(env, exports, name, function);
}

// The block is pinned by a strong reference for as long as the environment lives.
void exportBlock(napi_env env, napi_value exports, Instance& instance) {
  napi_value buffer = nullptr, block = nullptr;
  void* data = nullptr;
  napi_create_arraybuffer(env, kBlockLength * sizeof(double), &data, &buffer);
  napi_create_typedarray(env, napi_float64_array, kBlockLength, buffer, 0, &block);
  napi_create_reference(env, block, 1, &instance.block);
  instance.context.block = static_cast<double*>(data);
  set(env, exports, "block", block);
}

napi_value init(napi_env env, napi_value exports) {
  auto* instance = new (std::nothrow) Instance();
  if (instance == nullptr) return exports;
  instance->context.threads = defaultThreads();
  // Runs when the environment ends, a worker's too.
  const napi_finalize destroy = [](napi_env, void* data, void*) { delete static_cast<Instance*>(data); };
  napi_set_instance_data(env, instance, destroy, nullptr);
  exportBlock(env, exports, *instance);
  set(env, exports, "primitives", primitives(env));
#define TS_EXPORT(name) exportFunction(env, exports, #name, callFamily<&FamilyTable::name>);
  TORCHSTONE_FAMILIES(TS_EXPORT)
#undef TS_EXPORT
  struct { const char* name; napi_callback callback; } const functions[] = {
      {"defineProgram", defineProgram}, {"allocate", allocate}, {"collect", collect}, {"release", release},
      {"trim", trim}, {"memoryStats", memoryStats}, {"setBudget", setBudget}, {"addressOf", addressOf},
      {"arrayBufferAt", arrayBufferAt}, {"info", information}, {"setThreads", setThreads}, {"getThreads", getThreads},
  };
  for (const auto& f : functions) exportFunction(env, exports, f.name, f.callback);
  return exports;
}

}  // namespace
}  // namespace torchstone

NAPI_MODULE_INIT() { return torchstone::init(env, exports); }
