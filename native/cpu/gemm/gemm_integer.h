// The product of integer matrices: wrapping, any strides.
#pragma once
#include "cpu/parallel.h"
#include "gemm_simd.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

// Rows of C in strips that stay in L1; U is unsigned, so that overflow wraps.
template <class U> struct IntegerProduct {
  using Wide = std::conditional_t<sizeof(U) == 8, uint64_t, uint32_t>;  // uint16 alone would multiply as int, and overflow
  static constexpr int64_t kStrip = 512;
  int64_t M, N, K;
  const U *a, *b;
  U* c;
  int64_t as[2], bs[2], cs[2];
  bool add;

  void strip(int64_t i, int64_t j0) const {
    const int64_t n = least(kStrip, N - j0);
    U sums[kStrip];
    for (int64_t j = 0; j < n; ++j) sums[j] = add ? c[i * cs[0] + (j0 + j) * cs[1]] : U{0};
    for (int64_t k = 0; k < K; ++k) {
      const Wide av = a[i * as[0] + k * as[1]];
      const U* bp = b + k * bs[0] + j0 * bs[1];
      if (bs[1] == 1)
        for (int64_t j = 0; j < n; ++j) sums[j] = static_cast<U>(sums[j] + av * static_cast<Wide>(bp[j]));
      else
        for (int64_t j = 0; j < n; ++j) sums[j] = static_cast<U>(sums[j] + av * static_cast<Wide>(bp[j * bs[1]]));
    }
    for (int64_t j = 0; j < n; ++j) c[i * cs[0] + (j0 + j) * cs[1]] = sums[j];
  }
  void run(int threads) const {
    const int64_t strips = ceilDiv(N, kStrip), jobs = M * strips;
    const int64_t work = M * N * K;
    forEachStretch(jobs, chunkLength(jobs, double(work)), work >= (1 << 18) ? threads : 1, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) strip(j / strips, j % strips * kStrip);
    });
  }
};

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
