// The gemm kernel family on CUDA: cuBLAS, or tiles of kernels/product.cuh, which take any strides and dtype.
#include "cuda/driver/blas.h"
#include "codegen.h"
#include "commands/gemm.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256, kTile = 64;      // of kernels/product.cuh
constexpr int64_t kMostPlanes = 65535;         // of a grid, in y and in z

struct Command : GemmCommand {
  int64_t count;  // matrices
};

// What holds an element, and what is summed in (kernels/product.cuh).
struct Names { const char *stored, *summed; };
Names namesOf(Dtype dtype) {
  switch (dtype) {
    case Dtype::Bool: return {"uint8_t", "uint8_t"};
    case Dtype::Float16: return {"Half", "float"};
    case Dtype::BFloat16: return {"Brain", "float"};
    case Dtype::Complex64: return {"Complex<float>", "Complex<float>"};
    case Dtype::Complex128: return {"Complex<double>", "Complex<double>"};
    default: return {storageName(dtype), storageName(dtype)};
  }
}

// Whether cuBLAS did it: batches of one stride.
bool byLibrary(Device& device, const Command& g) {
  if (g.batches > 1) return false;
  const auto matrix = [](const MatrixBatch& x) { return Product::Matrix{x.address, x.batch[0], x.row, x.column}; };
  return product(device, {g.dtype, g.M, g.N, g.K, g.count, g.accumulate, matrix(g.a), matrix(g.b), matrix(g.c)});
}

int64_t distance(int64_t x) { return x < 0 ? -x : x; }

}  // namespace

void gemm(Context& context) {
  Command g;
  if (!decode(context, g)) return;
  g.count = 1;
  for (int d = 0; d < g.batches; ++d) g.count *= g.size[d];
  const Names type = namesOf(g.dtype);
  Device& device = current(context);
  setStatus(context, kOk);
  if (byLibrary(device, g)) return;
  const int64_t rows = blocksFor(g.M, kTile), columns = blocksFor(g.N, kTile);
  const int64_t planes = g.count < kMostPlanes ? g.count : kMostPlanes;
  Words args;
  for (int64_t v : {g.M, g.N, g.K, int64_t(g.accumulate), columns}) args.put(v);
  for (const MatrixBatch* x : {&g.a, &g.b, &g.c}) args.put(static_cast<const void*>(x->address));
  for (const MatrixBatch* x : {&g.a, &g.b, &g.c}) args.put(x->row), args.put(x->column);
  args.put(g.size, g.batches);
  for (const MatrixBatch* x : {&g.a, &g.b, &g.c}) args.put(x->batch, g.batches);
  const bool aAlongK = distance(g.a.column) < distance(g.a.row), bAlongK = distance(g.b.row) < distance(g.b.column);
  launch(device, Key('g').add(int(g.dtype)).add(aAlongK).add(bAlongK).add(g.batches), [&](bool indirect) {
    return KernelText{"gemm", programHeaders({}, {"product.cuh"}),
                      "using namespace torchstone::device;\n" +
                          kernelBody(instance("GemmArgs", g.batches), kThreads, instance("gemm", type.stored, type.summed, aAlongK, bAlongK), indirect)};
  }, Grid{rows * columns, planes, blocksFor(g.count, planes)}, kThreads, args);
}

}  // namespace torchstone::cuda
