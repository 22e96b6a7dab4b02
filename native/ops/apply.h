// How a kernel applies a functor: an integer divisor of 0 is noticed and replaced, a result of bools is 0 or 1.
#pragma once
#include "number.h"

namespace torchstone::TORCHSTONE_ISA {

template <class Op, class = void> inline constexpr bool kDividing = false;
template <class Op> inline constexpr bool kDividing<Op, decltype(void(Op::kDivides))> = true;

template <class Op, class T> TS_INLINE T divide(T a, T b, int32_t& bad) {
  if constexpr (!ops::kReal<T> && kDividing<Op>) {
    bad |= int32_t(b == 0);
    b = b == 0 ? T(1) : b;
  }
  return Op::apply(a, b);
}

// A bool program computes in uint8 and every result is made 0 or 1 again; the complement of 1 must be 0.
template <class Op> struct BoolOp : Op {
  template <class... T> TS_OP uint8_t apply(T... x) { return uint8_t(Op::apply(x...) != 0); }
};
template <> struct BoolOp<ops::bitwiseNot> : ops::logicalNot {};

}  // namespace torchstone::TORCHSTONE_ISA
