// Calls from JavaScript: arguments, results, and what failures turn into. Every call sets
// block[0] to 0 or a status. Raw callbacks: these run once an operation (see addon.cc).
#pragma once
#include <node_api.h>

#include <new>
#include <string>
#include <type_traits>

#include "block.h"
#include "cuda/driver/card.h"

namespace torchstone::cuda {

class Call {
 public:
  static constexpr size_t kMost = 6;
  Call(napi_env e, napi_callback_info info) : env(e) {
    size_t count = kMost;
    void* data = nullptr;
    napi_get_cb_info(e, info, &count, value, nullptr, &data);
    context = static_cast<Context*>(data);
  }
  Runtime& runtime() const { return *runtimeOf(*context); }
  Card& card() const { return activeCard(*context); }
  int64_t integer(size_t i) const {
    double x = -1;
    napi_get_value_double(env, value[i], &x);
    return x >= -0x1p62 && x <= 0x1p62 ? int64_t(x) : -1;
  }
  bool boolean(size_t i) const {
    bool b = false;
    napi_get_value_bool(env, value[i], &b);
    return b;
  }
  // Null where it is none.
  napi_value object(size_t i) const {
    napi_valuetype type{};
    return napi_typeof(env, value[i], &type) == napi_ok && type == napi_object ? value[i] : nullptr;
  }
  // A range of an ArrayBuffer: the buffer, where it begins and its length. @throws Failure where it does not fit
  char* range(size_t buffer, size_t offset, size_t bytes) const {
    void* data = nullptr;
    size_t length = 0;
    const int64_t from = integer(offset), n = integer(bytes);
    if (napi_get_arraybuffer_info(env, value[buffer], &data, &length) != napi_ok || from < 0 || n < 0 || from > int64_t(length) - n) {
      throw Failure{FailureKind::Library, "required a range of an ArrayBuffer, got one that does not fit"};
    }
    return static_cast<char*>(data) + from;
  }
  double* numbers(size_t i, size_t atLeast) const {
    napi_typedarray_type type{};
    size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(env, value[i], &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_float64_array || length < atLeast) {
      throw Failure{FailureKind::Library, "required a Float64Array of " + std::to_string(atLeast) + " numbers"};
    }
    return static_cast<double*>(data);
  }

  const napi_env env;
  napi_value value[kMost];
  Context* context = nullptr;
};

// Runs f and turns what it throws into a status; whether it came through.
template <class F> bool guarded(Context& context, F&& f) {
  try {
    f();
    return true;
  } catch (const KernelFault& fault) {
    setStatus(context, fault.status, fault.x, fault.y, fault.z);
  } catch (const Failure& failure) {
    setStatus(context, kDeviceFailed);
    runtimeOf(context)->last = failure;
  } catch (const std::bad_alloc&) {
    setStatus(context, kOutOfMemory, 0.0);
  }
  return false;
}

inline napi_value valueOf(napi_env env, double x) {
  napi_value result = nullptr;
  napi_create_double(env, x, &result);
  return result;
}
inline napi_value valueOf(napi_env env, int64_t x) { return valueOf(env, double(x)); }
inline napi_value valueOf(napi_env env, bool x) {
  napi_value result = nullptr;
  napi_get_boolean(env, x, &result);
  return result;
}

// A callback of a function `R f(const Call&)`; after a failure it returns -1 or false.
template <auto f> napi_value callback(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  using R = decltype(f(call));
  setStatus(*call.context, kOk);
  if constexpr (std::is_void_v<R>) {
    guarded(*call.context, [&] { f(call); });
    return nullptr;
  } else {
    R result = std::is_same_v<R, bool> ? R(false) : R(-1);
    guarded(*call.context, [&] { result = f(call); });
    return valueOf(env, result);
  }
}

}  // namespace torchstone::cuda
