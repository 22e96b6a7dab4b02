// Owns the families arange and search on CUDA.
#include "codegen.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;  // of kernels/sequence.cuh

// The type of an integer or a float that comparisons and sequences work on; null for dtypes without kernels.
const char* typeOf(Dtype dtype) {
  const bool none = dtype == Dtype::Float16 || dtype == Dtype::BFloat16 || dtype >= Dtype::Complex64;
  return none ? nullptr : storageName(dtype);
}

bool refuse(Context& context, Dtype dtype) {
  context.block[0] = kOk;
  if (typeOf(dtype) != nullptr) return false;
  context.block[0] = kBadDtype;
  context.block[1] = double(dtype);
  return true;
}

void run(Context& context, const char* family, const Key& key, const char* args, const std::string& body, int64_t n, const Words& words) {
  launch(current(context), key, [&](bool indirect) {
    return KernelText{family, programHeaders({}, {"sequence.cuh"}),
                      "using namespace torchstone::device;\n" + kernelBody(args, kThreads, body, indirect)};
  }, Grid{blocksFor(n, kThreads)}, kThreads, words);
}

}  // namespace

void arange(Context& context) {
  Cursor c(context.block);
  const auto dtype = Dtype(c.integer());
  const char* out = c.address();
  const int64_t n = c.integer();
  const double start = c.number(), step = c.number();
  if (refuse(context, dtype)) return;
  Words args;
  args.put(n);
  args.put(static_cast<const void*>(out));
  args.put(start);
  args.put(step);
  const bool real = dtype == Dtype::Float32 || dtype == Dtype::Float64;
  run(context, "arange", Key('a').add(int(dtype)), "RangeArgs",
      instance("rangeElements", typeOf(dtype), real ? "double" : "uint64_t"), n, args);
}

void search(Context& context) {
  Cursor c(context.block);
  const auto dtype = Dtype(c.integer());
  const int64_t rows = c.integer(), n = c.integer(), m = c.integer();
  const int64_t right = c.integer(), shared = c.integer();
  if (refuse(context, dtype)) return;
  Words args;
  for (int64_t v : {rows * m, n, m, right, shared}) args.put(v);
  for (int i = 0; i < 4; ++i) args.put(static_cast<const void*>(c.address()));
  const char* type = dtype == Dtype::Bool ? "uint8_t" : typeOf(dtype);
  run(context, "search", Key('f').add(int(dtype)), "SearchArgs", instance("searchElements", type), rows * m, args);
}

}  // namespace torchstone::cuda
