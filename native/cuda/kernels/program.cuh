// The parts that the source of a pointwise program (codegen.cc) is made of: typed loads and stores, calls of the functors,
// and positions in strided operands.
#pragma once
#include "prelude.cuh"
#include "../../ops/types.h"
#include "../../ops/half.h"
#include "../../ops/convert.h"
#include "../../ops/number.h"
#include "../../ops/apply.h"

namespace torchstone::device {

template <class A, class B> constexpr bool kSame = false;
template <class A> constexpr bool kSame<A, A> = true;

// A value as programs compute with it: a bool is a uint8, of 0 or 1.
template <class C> struct ValueOf { using type = C; };
template <> struct ValueOf<Bool> { using type = uint8_t; };
template <class C> using Value = typename ValueOf<C>::type;

TS_INLINE uint8_t plain(Bool x) { return x.v; }
template <class T> TS_INLINE T plain(T x) { return x; }
template <class C> TS_INLINE C tagged(Value<C> x) {
  if constexpr (kSame<C, Bool>) return Bool{x};
  else return x;
}

// The same dtype: the bytes as they are.
template <class To, class From> TS_INLINE To converted(From x) {
  if constexpr (kSame<To, From>) return x;
  else {
    To y;
    put(&y, number(plain(x)));
    return y;
  }
}

// C the dtype that is computed in, S that of memory; positions count elements.
template <class C, class S> TS_INLINE Value<C> loadAs(S x) { return plain(converted<C, S>(x)); }
template <class C, class S> TS_INLINE S storeAs(Value<C> x) { return converted<S, C>(tagged<C>(x)); }
template <class C, class S> TS_INLINE Value<C> loadAt(const char* base, int64_t at) {
  return loadAs<C, S>(reinterpret_cast<const S*>(base)[at]);
}
template <class C, class S> TS_INLINE void storeAt(char* base, int64_t at, Value<C> x) {
  reinterpret_cast<S*>(base)[at] = storeAs<C, S>(x);
}

// W elements in a row, which the compiler moves at once: 16 bytes at most, as they are aligned.
template <class S, int W> struct alignas(sizeof(S) * W < 16 ? sizeof(S) * W : 16) Run { S at[W]; };
// One column of x[W][N].
template <class C, class S, int W, int N, bool one> TS_INLINE void loadRun(Value<C>* x, const char* base, int64_t at) {
  if constexpr (one) {
    const Value<C> v = loadAt<C, S>(base, at);
    for (int k = 0; k < W; ++k) x[k * N] = v;
  } else {
    const Run<S, W> run = *reinterpret_cast<const Run<S, W>*>(reinterpret_cast<const S*>(base) + at);
    for (int k = 0; k < W; ++k) x[k * N] = loadAs<C, S>(run.at[k]);
  }
}
template <class C, class S, int W, int N> TS_INLINE void storeRun(char* base, int64_t at, const Value<C>* y) {
  Run<S, W> run;
  for (int k = 0; k < W; ++k) run.at[k] = storeAs<C, S>(y[k * N]);
  *reinterpret_cast<Run<S, W>*>(reinterpret_cast<S*>(base) + at) = run;
}

template <class Op, class C> TS_INLINE Value<C> call(int32_t&, Value<C> a) {
  if constexpr (kSame<C, Bool>) return BoolOp<Op>::apply(a);
  else return Op::apply(a);
}
template <class Op, class C> TS_INLINE Value<C> call(int32_t& bad, Value<C> a, Value<C> b) {
  if constexpr (kSame<C, Bool>) return divide<BoolOp<Op>, uint8_t>(a, b, bad);
  else return divide<Op, C>(a, b, bad);
}
template <class Op, class C> TS_INLINE Value<C> call(int32_t&, Value<C> a, Value<C> b, Value<C> c) {
  if constexpr (kSame<C, Bool>) return BoolOp<Op>::apply(a, b, c);
  else return Op::apply(a, b, c);
}

TS_INLINE void report(void* error, int32_t bad) {
  if (bad) tsFail(error, 2, 0, 0, 0);
}

// n / size and what is left. For 32 bits by a multiplication (Granlund and Montgomery): `divisor` holds the size in its low half,
// in `magic` the multiplier below and the shift above; n is below 2^31.
TS_INLINE int32_t split(int32_t n, int64_t size, int64_t magic, int32_t& rest) {
  const uint32_t high = uint32_t(uint64_t(uint32_t(n)) * uint32_t(magic) >> 32);
  const int32_t q = int32_t((high + uint32_t(n)) >> (magic >> 32));
  rest = n - q * int32_t(size);
  return q;
}
TS_INLINE int64_t split(int64_t n, int64_t size, int64_t, int64_t& rest) {
  const int64_t q = n / size;
  rest = n - q * size;
  return q;
}

// A space of D dims, outermost first, and strides of `count` operands in elements.
template <int D, int count> struct Space {
  int64_t size[D], magic[D];
  int64_t stride[count][D];
  // Adds the position of element `index` to at[0..count).
  template <class I> TS_INLINE void locate(const Space& s, I index, I* at) {
#pragma unroll
    for (int d = D - 1; d >= 0; --d) {
      I coordinate = index;
      if (d > 0) index = split(index, s.size[d], s.magic[d], coordinate);
#pragma unroll
      for (int i = 0; i < count; ++i) at[i] += coordinate * I(s.stride[i][d]);
    }
  }
};

}  // namespace torchstone::device
