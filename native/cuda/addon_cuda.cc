// What the addon exports as `cuda`: kernel families, finding the libraries, memory, copies, streams, events, graphs.
#include "addon_cuda.h"

#include "common/owned.h"
#include "cuda/runtime/call.h"
#include "cuda/families/declarations.h"
#include "cuda/driver/text_calls.h"

namespace torchstone::cuda {

// Families that no file here implements are null.
#define TS_WEAK(name) __attribute__((weak)) void name(Context& context);
TORCHSTONE_FAMILIES(TS_WEAK)
TORCHSTONE_SHARED_FAMILIES(TS_WEAK)
#undef TS_WEAK

namespace {

// Without a wrapper's arguments: the measured path.
template <Family family> napi_value callFamily(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  Context& context = *static_cast<Context*>(data);
  guarded(context, [&] {
    activeCard(context);
    family(context);
  });
  return nullptr;
}

napi_value notImplemented(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  setStatus(*call.context, kBadDtype, -1.0);
  return nullptr;
}

std::vector<std::string> strings(const Napi::Value& value) {
  std::vector<std::string> list;
  if (!value.IsArray()) return list;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    if (item.IsString()) list.push_back(item.As<Napi::String>().Utf8Value());
  }
  return list;
}

Napi::Value textOrNull(Napi::Env env, const std::string& text) {
  return text.empty() ? env.Null() : Napi::Value(Napi::String::New(env, text));
}

Napi::Array devicesOf(Napi::Env env, const Libraries& found, std::string& reason) {
  auto list = Napi::Array::New(env);
  for (int i = 0; reason.empty() && i < found.devices; ++i) {
    try {
      const Properties p = propertiesOf(found.driver, i);
      auto device = Napi::Object::New(env);
      device.Set("name", p.name);
      device.Set("major", p.major);
      device.Set("minor", p.minor);
      device.Set("memory", double(p.memory));
      device.Set("multiprocessors", p.multiprocessors);
      list.Set(uint32_t(i), device);
    } catch (const Failure& failure) {
      reason = failure.message;
    }
  }
  return list;
}

Napi::Value find(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Libraries& found = findLibraries(strings(info[0]));
  std::string reason = found.reason;
  auto result = Napi::Object::New(env);
  result.Set("devices", devicesOf(env, found, reason));
  result.Set("available", reason.empty());
  result.Set("reason", reason);
  result.Set("driver", textOrNull(env, found.driverVersion));
  result.Set("nvrtc", textOrNull(env, found.nvrtcVersion));
  result.Set("cublas", textOrNull(env, found.cublasVersion));
  auto looked = Napi::Array::New(env);
  uint32_t at = 0;
  for (const Attempt& attempt : found.looked) {
    auto row = Napi::Object::New(env);
    row.Set("library", attempt.library);
    row.Set("path", attempt.path);
    row.Set("result", attempt.result);
    looked.Set(at++, row);
  }
  result.Set("looked", looked);
  return result;
}

void setDevice(const Call& call) {
  const Libraries& found = libraries();
  Runtime& runtime = call.runtime();
  const int64_t index = call.integer(0);
  if (index < 0 || index >= found.devices) {
    throw Failure{FailureKind::Library, "required one of " + std::to_string(found.devices) + " CUDA devices, got number " + std::to_string(index)};
  }
  runtime.cards.resize(size_t(found.devices));
  auto& card = runtime.cards[size_t(index)];
  if (card == nullptr) {
    card = std::make_unique<Card>(call.env, found, int(index));
    card->setBlocking(runtime.blocking);
    card->allowTf32(runtime.tf32);
  }
  runtime.current = card.get();
  card->activate();
}

int64_t allocate(const Call& call) {
  return call.card().memory().allocate(Napi::Object(call.env, call.value[0]), call.integer(1), call.boolean(2));
}
void release(const Call& call) { call.card().memory().release(call.integer(0)); }
int64_t collect(const Call& call) { return call.card().memory().collect(); }
void trim(const Call& call) { call.card().memory().trim(); }
void memoryStats(const Call& call) { call.card().memory().stats(call.numbers(0, 8)); }
void memoryInfo(const Call& call) { call.card().memoryInfo(call.numbers(0, 2)); }

void* pointer(int64_t address) { return reinterpret_cast<void*>(address); }

void copyIn(const Call& call) { call.card().copyFromHost(pointer(call.integer(0)), call.range(1, 2, 3), call.integer(3)); }
void copyOut(const Call& call) { call.card().copyToHost(call.range(1, 2, 3), pointer(call.integer(0)), call.integer(3)); }
void copyWithin(const Call& call) { call.card().copyWithin(pointer(call.integer(0)), pointer(call.integer(1)), call.integer(2)); }
void fill(const Call& call) { call.card().fill(pointer(call.integer(0)), int(call.integer(1)), call.integer(2)); }

// (to, toDevice, from, fromDevice, bytes); both devices have been set before, since they have memory.
void copyAcross(const Call& call) {
  Runtime& runtime = call.runtime();
  const auto card = [&](int64_t index) -> Card& {
    if (index < 0 || index >= int64_t(runtime.cards.size()) || runtime.cards[size_t(index)] == nullptr) {
      throw Failure{FailureKind::Library, "required a device that is in use, got number " + std::to_string(index)};
    }
    return *runtime.cards[size_t(index)];
  };
  card(call.integer(1)).copyFrom(card(call.integer(3)), call.integer(0), call.integer(2), call.integer(4));
  runtime.current->activate();
}

void synchronize(const Call& call) { call.card().synchronizeAll(); }
void setBlocking(const Call& call) {
  Runtime& runtime = call.runtime();
  runtime.blocking = call.boolean(0);
  for (const auto& card : runtime.cards)
    if (card != nullptr) card->setBlocking(runtime.blocking);
}

void allowTf32(const Call& call) {
  Runtime& runtime = call.runtime();
  runtime.tf32 = call.boolean(0);
  for (const auto& card : runtime.cards)
    if (card != nullptr) card->allowTf32(runtime.tf32);
}

int64_t streamCreate(const Call& call) { return call.card().streamCreate(call.object(0)); }
void streamUse(const Call& call) { call.card().streamUse(call.integer(0)); }
void streamSynchronize(const Call& call) { call.card().streamSynchronize(call.integer(0)); }
bool streamQuery(const Call& call) { return call.card().streamQuery(call.integer(0)); }
void streamDestroy(const Call& call) { call.card().streamDestroy(call.integer(0)); }
void streamWaitEvent(const Call& call) { call.card().streamWaitEvent(call.integer(0), call.integer(1)); }
int64_t eventCreate(const Call& call) { return call.card().eventCreate(call.object(0)); }
void eventRecord(const Call& call) { call.card().eventRecord(call.integer(0), call.integer(1)); }
void eventSynchronize(const Call& call) { call.card().eventSynchronize(call.integer(0)); }
bool eventQuery(const Call& call) { return call.card().eventQuery(call.integer(0)); }
double eventElapsed(const Call& call) { return call.card().eventElapsed(call.integer(0), call.integer(1)); }
void eventDestroy(const Call& call) { call.card().eventDestroy(call.integer(0)); }
void graphBegin(const Call& call) { call.card().graphBegin(); }
int64_t graphEnd(const Call& call) { return call.card().graphEnd(call.object(0)); }
void graphLaunch(const Call& call) { call.card().graphLaunch(call.integer(0)); }
void graphDestroy(const Call& call) { call.card().graphDestroy(call.integer(0)); }

Napi::Value failure(const Napi::CallbackInfo& info) {
  static constexpr const char* kKinds[] = {"none", "memory", "compile", "launch", "lost", "library"};
  const Failure& last = runtimeOf(*static_cast<Context*>(info.Data()))->last;
  auto result = Napi::Object::New(info.Env());
  result.Set("kind", kKinds[int(last.kind)]);
  result.Set("message", last.message);
  return result;
}

void exportRaw(Napi::Env env, Napi::Object exports, const char* name, napi_callback function, Context& context) {
  napi_value made = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, &context, &made) == napi_ok) exports.Set(name, made);
}

}  // namespace

Napi::Object exported(Napi::Env env, Context& context) {
  context.owned->cuda = std::make_shared<Runtime>();
  auto exports = Napi::Object::New(env);
#define TS_FAMILY(name) exportRaw(env, exports, #name, name == nullptr ? notImplemented : callFamily<name>, context);
  TORCHSTONE_FAMILIES(TS_FAMILY)
  TORCHSTONE_SHARED_FAMILIES(TS_FAMILY)
#undef TS_FAMILY
#define TS_CALL(name) exportRaw(env, exports, #name, callback<name>, context);
#define TS_CALLS(X)                                                                                                  \
  X(setDevice) X(allocate) X(release) X(collect) X(trim) X(memoryStats) X(memoryInfo) X(copyIn) X(copyOut) X(copyWithin) \
  X(fill) X(copyAcross) X(synchronize) X(setBlocking) X(allowTf32) X(streamCreate) X(streamUse) X(streamSynchronize) X(streamQuery) \
  X(streamDestroy) X(streamWaitEvent) X(eventCreate) X(eventRecord) X(eventSynchronize) X(eventQuery) X(eventElapsed) \
  X(eventDestroy) X(graphBegin) X(graphEnd) X(graphLaunch) X(graphDestroy)
  TS_CALLS(TS_CALL)
#undef TS_CALLS
#undef TS_CALL
  exports.Set("init", Napi::Function::New<find>(env, "init"));
  exports.Set("failure", Napi::Function::New<failure>(env, "failure", &context));
  exportTextCalls(env, exports, context);
  return exports;
}

}  // namespace torchstone::cuda
