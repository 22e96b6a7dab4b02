// The two calls that take kernels as text.
#include "text_calls.h"

#include "cuda/runtime/call.h"
#include "compiler.h"

namespace torchstone::cuda {

namespace {

std::vector<std::string> strings(const Napi::Value& value) {
  std::vector<std::string> list;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) list.push_back(array.Get(i).ToString().Utf8Value());
  return list;
}

// A word is an int64 as a number; `errorCell` stands for -1.
Napi::Value launchText(const Napi::CallbackInfo& info) {
  Context& context = *static_cast<Context*>(info.Data());
  setStatus(context, kOk);
  guarded(context, [&] {
    Device& device = activeCard(context);
    const std::string body = info[1].ToString().Utf8Value();
    Kernel& kernel = device.kernel("text:" + body, [&] { return KernelText{"text", strings(info[0]), body}; });
    const auto words = info[4].As<Napi::Float64Array>();
    Words args;
    for (size_t i = 0; i < words.ElementLength(); ++i) {
      if (words[i] == -1) args.put(static_cast<const void*>(device.errorCell()));
      else args.put(int64_t(words[i]));
    }
    device.launch(kernel, {info[2].ToNumber().Int64Value()}, info[3].ToNumber().Int32Value(), args);
  });
  return info.Env().Undefined();
}

Napi::Value compileText(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto result = Napi::Object::New(env);
  const Libraries& found = findCompiler(strings(info[0]));
  result.Set("nvrtc", found.nvrtcVersion);
  result.Set("error", found.reason);
  result.Set("bytes", 0);
  if (!found.hasNvrtc) return result;
  try {
    const std::string unit = unitOf(strings(info[1]), info[2].ToString().Utf8Value());
    result.Set("bytes", double(compile(found.nvrtc, "unit", unit, info[3].ToNumber().Int32Value()).size()));
  } catch (const Failure& failure) {
    result.Set("error", failure.message);
  }
  return result;
}

}  // namespace

void exportTextCalls(Napi::Env env, Napi::Object exports, Context& context) {
  exports.Set("launchText", Napi::Function::New<launchText>(env, "launchText", &context));
  exports.Set("compileText", Napi::Function::New<compileText>(env, "compileText", &context));
}

}  // namespace torchstone::cuda
