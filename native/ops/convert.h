// The conversion of one element from a dtype of memory to another, for every backend.
// Float to integer truncates as x86 does; out of range and NaN give what that hardware gives, never a trap.
#pragma once
#include "types.h"

#ifdef TORCHSTONE_DEVICE
#include "half.h"
#else
#include "../cpu/half.h"
#endif

namespace torchstone::TORCHSTONE_ISA {
namespace {

struct Bool { uint8_t v; };  // stored as 0 or 1, loaded as its byte

template <class T> inline constexpr bool kShort = false;
template <> inline constexpr bool kShort<Half> = true;
template <> inline constexpr bool kShort<Brain> = true;

// The 16-bit floats are read as float32, and rounded from it: PyTorch takes a float64 and an integer through float32 too.
template <class T> TS_INLINE auto number(T x) {
  if constexpr (kShort<T>) return widen(x);
  else return x;
}

template <class To, class From> TS_INLINE To one(From x) {
  if constexpr (ops::kReal<From> && !ops::kReal<To>) {
    // ATen goes through int64 for uint8 and leaves the rest to cvttss2si/cvttsd2si.
    if constexpr (!ops::kSigned<To> || sizeof(To) == 8) return To(ops::whole<int64_t>(x));
    else return To(ops::whole<int32_t>(x));
  } else return To(x);
}

template <class To, class From> TS_INLINE void put(To* to, From x) { *to = one<To, From>(x); }
template <class From> TS_INLINE void put(Bool* to, From x) { to->v = uint8_t(x != From(0)); }
template <class From> TS_INLINE void put(Half* to, From x) { to->v = halfBits(float(x)); }
template <class From> TS_INLINE void put(Brain* to, From x) { to->v = brainBits(float(x)); }

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
