// The two calls that take kernels as text: one for tests, one for compiling without a device.
#pragma once
#include <napi.h>

#include "block.h"

namespace torchstone::cuda {

// `launchText(headers, body, grid, threads, words: Float64Array)` runs a kernel; `compileText(folders, headers, body, architecture)` compiles
// one unit with the NVRTC found, and returns {nvrtc, bytes, error}.
void exportTextCalls(Napi::Env env, Napi::Object exports, Context& context);

}  // namespace torchstone::cuda
