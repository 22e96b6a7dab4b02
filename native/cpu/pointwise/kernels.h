// The loops that apply one primitive to contiguous operands of one dtype, and the table of them by opcode.
// Included by the tile_<dtype>.cc files only.
#pragma once
#include "cpu/vector_math.h"

#include "block.h"
#include "ops/apply.h"
#include "ops/primitives.h"
#include "ops/real.h"
#include "ops/special.h"
#include "kernel_table.h"

namespace torchstone::TORCHSTONE_ISA {

enum Kind { number, integer, real };

// Elements handled by one step of a loop: two registers, so that a scalar operand is read from a buffer of that length
// without a loop of its own.
template <class T> inline constexpr int64_t kStep = 2 * kVectorBytes / int64_t(sizeof(T));

// An operand as a pointer that advances by `step` a block; a single value is spread over one block first.
template <class T> struct Operand {
  const T* p;
  int64_t step;
  alignas(64) T spread[kStep<T>];
  inline __attribute__((always_inline)) Operand(const void* from, bool scalar) : p(static_cast<const T*>(from)), step(kStep<T>) {
    if (!scalar) return;
    const T value = *p;
    for (int64_t j = 0; j < kStep<T>; ++j) spread[j] = value;
    p = spread;
    step = 0;
  }
};

template <class Op, class T> static int32_t unary(int64_t n, void* out, const void* const* in, unsigned) {
  const T* a = static_cast<const T*>(in[0]);
  T* o = static_cast<T*>(out);
  TS_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) o[i] = Op::apply(a[i]);
  return kOk;
}

template <class Op, class T> static int32_t binary(int64_t n, void* out, const void* const* in, unsigned scalars) {
  constexpr int64_t S = kStep<T>;
  Operand<T> a(in[0], scalars & 1), b(in[1], scalars & 2);
  const T *pa = a.p, *pb = b.p;
  T* o = static_cast<T*>(out);
  int32_t bad = 0;
  for (; n >= S; n -= S, o += S, pa += a.step, pb += b.step) {
    TS_INDEPENDENT
    for (int64_t j = 0; j < S; ++j) o[j] = divide<Op, T>(pa[j], pb[j], bad);
  }
  TS_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) o[j] = divide<Op, T>(pa[j], pb[j], bad);
  return bad ? kDivisionByZero : kOk;
}

// A comparison straight to bools.
template <class Op, class T> static int32_t binaryTruth(int64_t n, void* out, const void* const* in, unsigned scalars) {
  constexpr int64_t S = kStep<T>;
  Operand<T> a(in[0], scalars & 1), b(in[1], scalars & 2);
  const T *pa = a.p, *pb = b.p;
  uint8_t* o = static_cast<uint8_t*>(out);
  for (; n >= S; n -= S, o += S, pa += a.step, pb += b.step) {
    TS_INDEPENDENT
    for (int64_t j = 0; j < S; ++j) o[j] = uint8_t(Op::apply(pa[j], pb[j]) != 0);
  }
  for (int64_t j = 0; j < n; ++j) o[j] = uint8_t(Op::apply(pa[j], pb[j]) != 0);
  return kOk;
}

template <class Op, class T> static int32_t ternary(int64_t n, void* out, const void* const* in, unsigned scalars) {
  constexpr int64_t S = kStep<T>;
  Operand<T> a(in[0], scalars & 1), b(in[1], scalars & 2), c(in[2], scalars & 4);
  const T *pa = a.p, *pb = b.p, *pc = c.p;
  T* o = static_cast<T*>(out);
  for (; n >= S; n -= S, o += S, pa += a.step, pb += b.step, pc += c.step) {
    TS_INDEPENDENT
    for (int64_t j = 0; j < S; ++j) o[j] = Op::apply(pa[j], pb[j], pc[j]);
  }
  TS_INDEPENDENT
  for (int64_t j = 0; j < n; ++j) o[j] = Op::apply(pa[j], pb[j], pc[j]);
  return kOk;
}

#ifdef TORCHSTONE_VECTOR_MATH
// One register through Op::vector. A periodic function gets lanes of one class at a time, the others filled from it.
template <class Op, class T, class V> TS_KERNEL V oneRegister(V x) {
  if constexpr (!requires { Op::kPeriodic; }) return Op::vector(x);
  else {
    if (allBelow(magnitude(x), Op::kFirst(T(0)))) return Op::vector(x);
    constexpr int W = sizeof(V) / sizeof(T);
    alignas(64) T lanes[W], result[W] = {};
    __builtin_memcpy(lanes, &x, sizeof x);
    int seen = 0;
    for (int j = 0; j < W; ++j) seen |= 1 << Op::laneClass(lanes[j]);
    if ((seen & (seen - 1)) == 0) return Op::vector(x);
    for (int k = 0; k < 3; ++k) {
      if (!(seen >> k & 1)) continue;
      alignas(64) T alone[W];
      T member = 0;
      for (int j = 0; j < W; ++j) member = Op::laneClass(lanes[j]) == k ? lanes[j] : member;
      for (int j = 0; j < W; ++j) alone[j] = Op::laneClass(lanes[j]) == k ? lanes[j] : member;
      V y;
      __builtin_memcpy(&y, alone, sizeof y);
      y = Op::vector(y);
      __builtin_memcpy(alone, &y, sizeof y);
      for (int j = 0; j < W; ++j) result[j] = Op::laneClass(lanes[j]) == k ? alone[j] : result[j];
    }
    V y;
    __builtin_memcpy(&y, result, sizeof y);
    return y;
  }
}

template <class T, class V> TS_KERNEL V loadAll(const T* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
// n < W elements, the rest of the register filled with the first: no lane ever holds a value that is not asked for.
template <class T, class V> TS_KERNEL V loadSome(const T* p, int64_t n) {
  constexpr int64_t W = sizeof(V) / sizeof(T);
  alignas(64) T lanes[W];
  for (int64_t j = 0; j < W; ++j) lanes[j] = p[j < n ? j : 0];
  return loadAll<T, V>(lanes);
}
template <class T, class V> TS_KERNEL void storeSome(T* p, V v, int64_t n) {
  alignas(64) T lanes[sizeof(V) / sizeof(T)];
  __builtin_memcpy(lanes, &v, sizeof v);
  for (int64_t j = 0; j < n; ++j) p[j] = lanes[j];
}

template <class Op, class T> static int32_t unaryVector(int64_t n, void* out, const void* const* in, unsigned) {
  using V = typename VectorOf<T>::type;
  constexpr int64_t W = sizeof(V) / sizeof(T);
  const T* a = static_cast<const T*>(in[0]);
  T* o = static_cast<T*>(out);
  for (; n >= W; n -= W, a += W, o += W) {
    const V y = oneRegister<Op, T, V>(loadAll<T, V>(a));
    __builtin_memcpy(o, &y, sizeof y);
  }
  if (n > 0) storeSome<T, V>(o, oneRegister<Op, T, V>(loadSome<T, V>(a, n)), n);
  return kOk;
}

template <class Op, class T> static int32_t binaryVector(int64_t n, void* out, const void* const* in, unsigned scalars) {
  using V = typename VectorOf<T>::type;
  constexpr int64_t W = sizeof(V) / sizeof(T);
  Operand<T> a(in[0], scalars & 1), b(in[1], scalars & 2);
  const int64_t sa = a.step ? W : 0, sb = b.step ? W : 0;
  const T *pa = a.p, *pb = b.p;
  T* o = static_cast<T*>(out);
  for (; n >= W; n -= W, pa += sa, pb += sb, o += W) {
    const V y = Op::vector(loadAll<T, V>(pa), loadAll<T, V>(pb));
    __builtin_memcpy(o, &y, sizeof y);
  }
  if (n > 0) storeSome<T, V>(o, Op::vector(loadSome<T, V>(pa, n), loadSome<T, V>(pb, n)), n);
  return kOk;
}
#endif

// The kernel of one primitive for one dtype, or null where the primitive has none.
template <class Op, class T, int arity, Kind kind> constexpr Kernel pick() {
  constexpr bool isReal = ops::kReal<T>;
  if constexpr ((kind == real && !isReal) || (kind == integer && isReal)) return nullptr;
  else {
#ifdef TORCHSTONE_VECTOR_MATH
    if constexpr (isReal) {
      using V = typename VectorOf<T>::type;
      if constexpr (arity == 1 && requires(V v) { Op::vector(v); }) return unaryVector<Op, T>;
      else if constexpr (arity == 2 && requires(V v) { Op::vector(v, v); }) return binaryVector<Op, T>;
    }
#endif
    if constexpr (arity == 1) return unary<Op, T>;
    else if constexpr (arity == 2) return binary<Op, T>;
    else return ternary<Op, T>;
  }
}

template <class Op, class T> constexpr Kernel pickTruth() {
  if constexpr (requires { Op::kTruth; } && sizeof(T) > 1) return binaryTruth<Op, T>;
  else return nullptr;
}

#define TS_BOOL_ENTRY(name, arity, kind, weight) pick<BoolOp<ops::name>, uint8_t, arity, kind>(),
#define TS_TABLE_ENTRY(name, arity, kind, weight) pick<ops::name, Element, arity, kind>(),
#define TS_TRUTH_ENTRY(name, arity, kind, weight) pickTruth<ops::name, Element>(),
#define TS_DEFINE_TABLE(table, T)                            \
  namespace table##Detail {                                  \
  using Element = T;                                         \
  static constexpr Kernel kRows[] = {TORCHSTONE_PRIMITIVES(TS_TABLE_ENTRY)}; \
  static constexpr Kernel kTruths[] = {TORCHSTONE_PRIMITIVES(TS_TRUTH_ENTRY)}; \
  }                                                          \
  const Kernel* table() { return table##Detail::kRows; }     \
  const Kernel* table##Truth() { return table##Detail::kTruths; }

}  // namespace torchstone::TORCHSTONE_ISA
