// The entry of the addon's CUDA half.
#pragma once
#include <napi.h>

#include "block.h"

namespace torchstone::cuda {

// The functions of `addon.cuda`; the context lives as long as the environment.
Napi::Object exported(Napi::Env env, Context& context);

}  // namespace torchstone::cuda
