// The mapping of row-major products of any strides to cuBLAS's column-major ones, its handle and its workspaces.
#include "blas.h"

#include <dlfcn.h>

#include <algorithm>
#include <optional>

#include "card.h"

namespace torchstone::cuda {

namespace {

void check(int status, const char* call) {
  if (status != kBlasSuccess) throw Failure{FailureKind::Library, std::string(call) + " gave cublasStatus_t " + std::to_string(status)};
}

// A matrix as cuBLAS takes it: stored in columns of `leading` elements, to be transposed or not.
struct Stored {
  int transposed;  // kBlasPlain, kBlasTransposed
  int64_t leading;
};

// Columns of `rows` elements, `stride` apart: none where they overlap or run backwards.
std::optional<int64_t> leadingOf(int64_t rows, int64_t columns, int64_t stride) {
  const int64_t leading = columns == 1 ? rows : stride;
  if (leading < rows) return std::nullopt;
  return std::max<int64_t>(leading, 1);
}

// An operand of rows × columns, its elements `down` and `across` apart.
std::optional<Stored> storedOf(int64_t rows, int64_t columns, int64_t down, int64_t across) {
  if (down == 1 || rows == 1) {
    if (const auto leading = leadingOf(rows, columns, across)) return Stored{kBlasPlain, *leading};
  }
  if (across == 1 || columns == 1) {
    if (const auto leading = leadingOf(columns, rows, down)) return Stored{kBlasTransposed, *leading};
  }
  return std::nullopt;
}

// The factors alpha and beta are of the type that is computed in.
struct Types {
  int data, compute;
  bool doubles;
};

std::optional<Types> typesOf(Dtype dtype) {
  switch (dtype) {
    case Dtype::Float16: return Types{kBlasHalf, kBlasSums32, false};
    case Dtype::BFloat16: return Types{kBlasBrain, kBlasSums32, false};
    case Dtype::Float32: return Types{kBlasFloat, kBlasSums32, false};
    case Dtype::Float64: return Types{kBlasDouble, kBlasSums64, true};
    case Dtype::Complex64: return Types{kBlasComplex64, kBlasSums32, false};
    case Dtype::Complex128: return Types{kBlasComplex128, kBlasSums64, true};
    default: return std::nullopt;
  }
}

// Hopper's kernels want 32 MiB, others do with 8 (cuBLAS documentation, cublasSetWorkspace).
int64_t workspaceBytes(const Properties& p) { return int64_t(p.major >= 9 ? 32 : 8) << 20; }

}  // namespace

Blas::Blas(Card& card, void* library) : card_(card) {
  std::string missing;
#define TS_RESOLVE(name, parameters)                                       \
  name = reinterpret_cast<decltype(name)>(dlsym(library, #name));          \
  if (name == nullptr) missing += missing.empty() ? #name : ", " #name;
  TORCHSTONE_CUBLAS(TS_RESOLVE)
#undef TS_RESOLVE
  if (!missing.empty()) throw Failure{FailureKind::Library, "this cuBLAS lacks " + missing};
  check(cublasCreate_v2(&handle_), "cublasCreate");
  allowTf32(false);
}

Blas::~Blas() { cublasDestroy_v2(handle_); }

void Blas::allowTf32(bool on) {
  check(cublasSetMathMode(handle_, (on ? kBlasTf32Math : kBlasDefaultMath) | kBlasWholeParts), "cublasSetMathMode");
}

// A workspace of ours for each stream: cuBLAS's own would be shared between streams, and could not be captured in graphs. A
// graph has one of its own, since it may be replayed on any stream. Setting the stream takes the workspace away, so it is set each time.
void Blas::useStream() {
  const CUstream stream = card_.stream();
  char*& workspace = card_.capturing() ? captured_[stream] : workspaces_[stream];
  const int64_t bytes = workspaceBytes(card_.properties());
  if (workspace == nullptr) workspace = card_.acquire(bytes);
  check(cublasSetStream_v2(handle_, stream), "cublasSetStream");
  check(cublasSetWorkspace_v2(handle_, workspace, size_t(bytes)), "cublasSetWorkspace");
}

void Blas::endCapture() {
  for (const auto& [stream, workspace] : captured_) card_.give(workspace);
  captured_.clear();
}

void Blas::forget(CUstream stream) {
  const auto found = workspaces_.find(stream);
  if (found == workspaces_.end()) return;
  card_.give(found->second);
  workspaces_.erase(found);
}

bool Blas::product(const Product& p) {
  const auto types = typesOf(p.dtype);
  if (!types || p.K < 1) return false;
  // Where C's rows are contiguous, its transpose is what cuBLAS writes: Cᵀ = Bᵀ·Aᵀ.
  const bool rows = p.c.column == 1 || p.N == 1;
  const Product::Matrix &left = rows ? p.b : p.a, &right = rows ? p.a : p.b;
  const int64_t m = rows ? p.N : p.M, n = rows ? p.M : p.N;
  const auto c = rows ? storedOf(m, n, p.c.column, p.c.row) : storedOf(m, n, p.c.row, p.c.column);
  const auto l = rows ? storedOf(m, p.K, left.column, left.row) : storedOf(m, p.K, left.row, left.column);
  const auto r = rows ? storedOf(p.K, n, right.column, right.row) : storedOf(p.K, n, right.row, right.column);
  if (!c || c->transposed != kBlasPlain || !l || !r || left.batch < 0 || right.batch < 0 || (p.count > 1 && p.c.batch <= 0)) return false;
  useStream();
  const double wide[2][2] = {{1, 0}, {p.accumulate ? 1.0 : 0.0, 0}};
  const float narrow[2][2] = {{1, 0}, {p.accumulate ? 1.0f : 0.0f, 0}};
  const void *alpha = types->doubles ? static_cast<const void*>(wide[0]) : narrow[0], *beta = types->doubles ? static_cast<const void*>(wide[1]) : narrow[1];
  check(cublasGemmStridedBatchedEx_64(handle_, l->transposed, r->transposed, m, n, p.K, alpha, left.address, types->data, l->leading, left.batch,
                                   right.address, types->data, r->leading, right.batch, beta, p.c.address, types->data, c->leading, p.c.batch, p.count,
                                   types->compute, kBlasAlgorithm), "cublasGemmStridedBatchedEx");
  return true;
}

bool product(Device& device, const Product& p) {
  return static_cast<Card&>(device).product(p);
}

}  // namespace torchstone::cuda
