// Owns the random family on CUDA: which distribution and dtype, and how many counters a fill takes.
#include "codegen.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256;             // of kernels/random.cuh
constexpr int64_t kCountersAGroup = 16;

enum Kind { kUniform, kNormal, kInteger, kBernoulli, kExponential, kRaw };

bool isFloat(Dtype d) { return d == Dtype::Float32 || d == Dtype::Float64; }
bool isSupported(Kind kind, Dtype dtype) {
  if (kind == kRaw) return dtype == Dtype::Int64;
  if (kind == kInteger || kind == kBernoulli) return isFloat(dtype) || dtype <= Dtype::Int64;
  return isFloat(dtype);
}

int64_t join(double low, double high) { return int64_t(uint64_t(low) | uint64_t(high) << 32); }

}  // namespace

void random(Context& context) {
  static constexpr const char* kNames[] = {"Uniform", "Normal", "Integer", "Bernoulli", "Exponential", "Raw"};
  double* b = context.block;
  const auto kind = Kind(int(b[0]));
  const auto dtype = Dtype(int(b[1]));
  const auto n = int64_t(b[3]);
  if (!isSupported(kind, dtype)) {
    b[0] = kBadDtype;
    b[1] = double(dtype);
    return;
  }
  // Which draws an element takes decides how many elements a group of counters gives.
  const bool wide = kind == kInteger || kind == kRaw || (kind != kBernoulli && dtype == Dtype::Float64);
  Words args;
  args.put(n);
  args.put(reinterpret_cast<const void*>(uintptr_t(b[2])));
  args.put(join(b[4], b[5]));
  args.put(join(b[6], b[7]));
  const double p0 = b[8], p1 = b[9];
  args.put(p0);
  args.put(p1);
  const double share = p0 < 0 ? 0 : p0 > 1 ? 1 : p0;
  args.put(kind == kInteger ? int64_t(p0) : int64_t(0));
  args.put(kind == kInteger ? int64_t(uint64_t(int64_t(p1)) - uint64_t(int64_t(p0)))
                            : kind == kBernoulli ? int64_t(uint64_t(share * 0x1p32 + 0.5)) : int64_t(0));
  launch(current(context), Key('r').add(kind).add(int(dtype)), [&](bool indirect) {
    return KernelText{"random", programHeaders({}, {"random.cuh"}),
                      "using namespace torchstone::device;\n" +
                          kernelBody("RandomArgs", kThreads, instance(wide ? "fill64" : "fill32", kNames[kind], storageName(dtype)), indirect)};
  }, Grid{blocksFor(n, kThreads)}, kThreads, args);
  b[0] = kOk;
  b[1] = double((n + (wide ? 31 : 63)) / (wide ? 32 : 64) * kCountersAGroup);
}

}  // namespace torchstone::cuda
