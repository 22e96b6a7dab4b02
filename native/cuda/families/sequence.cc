// The arange and search kernel families on CUDA.
#include "codegen.h"
#include "commands/arange.h"
#include "commands/search.h"
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
  const bool refused = typeOf(dtype) == nullptr;
  if (refused) setStatus(context, kBadDtype, dtype);
  else setStatus(context, kOk);
  return refused;
}

void run(Context& context, const char* family, const Key& key, const char* args, const std::string& body, int64_t n, const Words& words) {
  launch(current(context), key, [&](bool indirect) {
    return KernelText{family, programHeaders({}, {"sequence.cuh"}),
                      "using namespace torchstone::device;\n" + kernelBody(args, kThreads, body, indirect)};
  }, Grid{blocksFor(n, kThreads)}, kThreads, words);
}

}  // namespace

void arange(Context& context) {
  ArangeCommand c;
  if (!decode(context, c) || refuse(context, c.dtype)) return;
  Words args;
  args.put(c.n);
  args.put(static_cast<const void*>(c.out));
  args.put(c.start);
  args.put(c.step);
  const bool real = c.dtype == Dtype::Float32 || c.dtype == Dtype::Float64;
  run(context, "arange", Key('a').add(int(c.dtype)), "RangeArgs",
      instance("rangeElements", typeOf(c.dtype), real ? "double" : "uint64_t"), c.n, args);
}

void search(Context& context) {
  SearchCommand c;
  if (!decode(context, c) || refuse(context, c.dtype)) return;
  Words args;
  for (int64_t v : {c.rows * c.m, c.n, c.m, int64_t(c.right), int64_t(c.shared)}) args.put(v);
  for (const char* address : {c.sequence, c.sorter, c.values, c.out}) args.put(static_cast<const void*>(address));
  const char* type = c.dtype == Dtype::Bool ? "uint8_t" : typeOf(c.dtype);
  run(context, "search", Key('f').add(int(c.dtype)), "SearchArgs", instance("searchElements", type), c.rows * c.m, args);
}

}  // namespace torchstone::cuda
