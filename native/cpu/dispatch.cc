// The choice of an instruction set. Compiled once, for the baseline.
#include "dispatch.h"

#include <cstdlib>
#include <cstring>

namespace torchstone {

#define TS_DECLARE(name) void name(Context&);
#define TS_ROW(name) name,
TORCHSTONE_SHARED_FAMILIES(TS_DECLARE)
#define TS_SET(set)                                          \
  namespace set {                                            \
  TORCHSTONE_FAMILIES(TS_DECLARE)                            \
  void fft(Context&, const FftCommand&);                     \
  static const FamilyTable* table() {                        \
    static const FamilyTable t = {#set, TORCHSTONE_FAMILIES(TS_ROW) TORCHSTONE_SHARED_FAMILIES(TS_ROW) fft}; \
    return &t;                                               \
  }                                                          \
  }

TS_SET(baseline)
#if defined(__x86_64__)
TS_SET(avx2)
TS_SET(avx512)
#endif

namespace {

const FamilyTable* choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool has2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool has512 = has2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const char* wanted = std::getenv("TORCHSTONE_ISA");
  if (wanted != nullptr) {
    if (std::strcmp(wanted, "baseline") == 0) return baseline::table();
    if (std::strcmp(wanted, "avx2") == 0 && has2) return avx2::table();
  }
  if (has512) return avx512::table();
  if (has2) return avx2::table();
#endif
  return baseline::table();
}

}  // namespace

const FamilyTable& families() {
  static const FamilyTable* const chosen = choose();
  return *chosen;
}

bool hasSleef() {
#if __has_include(<sleef.h>) && defined(__x86_64__) && !defined(TORCHSTONE_NO_SLEEF)
  return true;
#else
  return false;
#endif
}

}  // namespace torchstone
