// The fft kernel family: batched one-dimensional Fourier transforms of any length, complex or real at either end.
// A few rows lie side by side ([n][lanes], parts apart), so that every pass runs along contiguous memory.
#include <cstdlib>
#include <new>

#include "commands/fft.h"
#include "cpu/isa.h"
#include "cpu/parallel.h"
#include "fft_plan.h"
#include "common/program.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

using Command = FftCommand;

int64_t offsetOf(const Command& c, int64_t row, const int64_t* stride) {
  int64_t offset = 0;
  for (int32_t d = c.K - 1; d >= 0; --d) {
    offset += row % c.size[d] * stride[d];
    row /= c.size[d];
  }
  return offset;
}

// The memory's T and the transform's F differ where a length without small factors is transformed in double.
template <class T, class F> void load(const Command& c, int64_t row, int64_t lanes, F* re, F* im) {
  const int64_t known = c.inCount < c.n ? c.inCount : c.n;
  for (int64_t l = 0; l < lanes; ++l) {
    const T* x = reinterpret_cast<const T*>(c.in.address) + offsetOf(c, row + l, c.in.stride) * (c.inKind == kReal ? 1 : 2);
    const int64_t step = c.in.along * (c.inKind == kReal ? 1 : 2);
    for (int64_t i = 0; i < known; ++i) {
      re[i * lanes + l] = F(x[i * step]);
      im[i * lanes + l] = c.inKind == kReal ? F(0) : F(x[i * step + 1]);
    }
    for (int64_t i = known; i < c.n; ++i) re[i * lanes + l] = im[i * lanes + l] = F(0);
    if (c.inKind != kHermitian) continue;
    for (int64_t i = c.n / 2 + 1; i < c.n; ++i) {
      re[i * lanes + l] = re[(c.n - i) * lanes + l];
      im[i * lanes + l] = -im[(c.n - i) * lanes + l];
    }
  }
}

template <class T, class F> void store(const Command& c, int64_t row, int64_t lanes, const F* re, const F* im) {
  const F scale = F(c.scale);
  for (int64_t l = 0; l < lanes; ++l) {
    const int parts = c.outKind == kReal ? 1 : 2;
    T* y = reinterpret_cast<T*>(c.out.address) + offsetOf(c, row + l, c.out.stride) * parts;
    const int64_t step = c.out.along * parts;
    for (int64_t i = 0; i < c.outCount; ++i) {
      y[i * step] = T(re[i * lanes + l] * scale);
      if (parts == 2) y[i * step + 1] = T(im[i * lanes + l] * scale);
    }
  }
}

template <class T, class F> Status run(const Command& c, int threads) {
  constexpr int64_t kLanes = 2 * kVectorBytes / int64_t(sizeof(F)), kFit = 8192;
  const FftPlan<F>* plan = planFor<F>(c.n, c.inverse);
  if (plan == nullptr) return kOutOfMemory;
  int64_t lanes = kFit / c.n < 1 ? 1 : kFit / c.n < kLanes ? kFit / c.n : kLanes;
  if (lanes > c.rows) lanes = c.rows;
  const int64_t blocks = (c.rows + lanes - 1) / lanes;
  int64_t team = c.rows * c.n * 8 / (int64_t(1) << 16);
  team = team < 1 ? 1 : team > threads ? threads : team;
  if (team > blocks) team = blocks;
  // Each thread's memory is taken before.
  const int64_t each = plan->workLength(lanes) + 4 * c.n * lanes;
  F* work = static_cast<F*>(std::malloc(size_t(each * team) * sizeof(F)));
  if (work == nullptr) return kOutOfMemory;
  shareChunks(blocks, int(team), [&](Chunks& mine) {
    F *re = work + each * mine.member(), *im = re + c.n * lanes, *rest = re + 4 * c.n * lanes;
    for (int64_t b; (b = mine.next()) >= 0;) {
      const int64_t row = b * lanes, count = c.rows - row < lanes ? c.rows - row : lanes;
      load<T>(c, row, count, re, im);
      const bool moved = plan->transform(count, re, im, im + c.n * lanes, im + 2 * c.n * lanes, rest);
      store<T>(c, row, count, moved ? im + c.n * lanes : re, moved ? im + 2 * c.n * lanes : im);
    }
  });
  std::free(work);
  return kOk;
}

}  // namespace

void fft(Context& context, const FftCommand& c) {
  if (c.dtype != Dtype::Float32 && c.dtype != Dtype::Float64) return setStatus(context, kBadDtype, c.dtype);
  const bool single = c.dtype == Dtype::Float32;
  const Status status = !single                          ? run<double, double>(c, context.threads)
                        : FftPlan<float>::isSmooth(c.n) ? run<float, float>(c, context.threads)
                                                        : run<float, double>(c, context.threads);
  if (status == kOk) setStatus(context, kOk);
  else setStatus(context, status, double(c.n) * 64);
}

void fft(Context& context) {
  FftCommand c;
  if (decode(context, c)) fft(context, c);
}

}  // namespace torchstone::TORCHSTONE_ISA
