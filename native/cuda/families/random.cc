// The random kernel family on CUDA: which distribution and dtype, and how many counters a fill takes.
#include "codegen.h"
#include "commands/random.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;             // of kernels/random.cuh
constexpr int64_t kCountersAGroup = 16;

bool isFloat(Dtype d) { return d == Dtype::Float32 || d == Dtype::Float64; }
bool isSupported(RandomKind kind, Dtype dtype) {
  if (kind == RandomKind::Raw) return dtype == Dtype::Int64;
  if (kind == RandomKind::Integer || kind == RandomKind::Bernoulli) return isFloat(dtype) || dtype <= Dtype::Int64;
  return isFloat(dtype);
}

}  // namespace

void random(Context& context) {
  static constexpr const char* kNames[] = {"Uniform", "Normal", "Integer", "Bernoulli", "Exponential", "Raw"};
  RandomCommand c;
  if (!decode(context, c)) return;
  const auto [kind, dtype, out, n, seed, offset, p0, p1] = c;
  if (!isSupported(kind, dtype)) return setStatus(context, kBadDtype, dtype);
  // Which draws an element takes decides how many elements a group of counters gives.
  const bool wide = kind == RandomKind::Integer || kind == RandomKind::Raw || (kind != RandomKind::Bernoulli && dtype == Dtype::Float64);
  Words args;
  args.put(n);
  args.put(static_cast<const void*>(out));
  args.put(int64_t(seed));
  args.put(int64_t(offset));
  args.put(p0);
  args.put(p1);
  const double share = p0 < 0 ? 0 : p0 > 1 ? 1 : p0;
  args.put(kind == RandomKind::Integer ? int64_t(p0) : int64_t(0));
  args.put(kind == RandomKind::Integer ? int64_t(uint64_t(int64_t(p1)) - uint64_t(int64_t(p0)))
                            : kind == RandomKind::Bernoulli ? int64_t(uint64_t(share * 0x1p32 + 0.5)) : int64_t(0));
  launch(current(context), Key('r').add(int(kind)).add(int(dtype)), [&](bool indirect) {
    return KernelText{"random", programHeaders({}, {"random.cuh"}),
                      "using namespace torchstone::device;\n" +
                          kernelBody("RandomArgs", kThreads, instance(wide ? "fill64" : "fill32", kNames[int(kind)], storageName(dtype)), indirect)};
  }, Grid{blocksFor(n, kThreads)}, kThreads, args);
  setStatus(context, kOk, double((n + (wide ? 31 : 63)) / (wide ? 32 : 64) * kCountersAGroup));
}

}  // namespace torchstone::cuda
