// The instruction set that a kernel file is being compiled for.
// Every kernel file is compiled once per set, with TORCHSTONE_ISA naming it: all it defines must sit in
// `namespace torchstone::TORCHSTONE_ISA`, and helpers must be `static`, TS_INLINE or members of that namespace.
// A std:: template that is not inlined is emitted as a shared COMDAT symbol, and the linker may keep the AVX-512 copy
// for everybody: scripts/check-isa-leaks.mjs looks for that.
#pragma once
#include <cstddef>
#include <cstdint>

#ifndef TORCHSTONE_ISA
#error "compile kernel files with -DTORCHSTONE_ISA=baseline|avx2|avx512"
#endif

#define TS_INLINE static inline __attribute__((always_inline))
#define TS_NOINLINE __attribute__((noinline))
// The loop has no dependence between iterations other than operands that coincide exactly (in-place).
#define TS_INDEPENDENT _Pragma("GCC ivdep")

namespace torchstone::TORCHSTONE_ISA {
#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif
}  // namespace torchstone::TORCHSTONE_ISA
