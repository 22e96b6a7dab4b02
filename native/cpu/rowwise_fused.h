// Owns the few programs along rows that are worth a loop of their own: what they look like, and one pass over memory each.
// A program that is not here runs on the tile machine; its results differ from a loop's by rounding only.
#pragma once
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include <cstddef>
#include <limits>
#include <utility>

#include "../block.h"
#include "isa.h"
#include "program.h"
#include "reduce_kernels.h"

#include "../ops/primitives.h"
#include "../ops/real.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int kFusedOperands = 8;

// n elements of a program's value; operands are dense, or one value where the form says so.
using FusedMap = void (*)(int64_t n, const void* const* in, void* out);
// Their sum, accumulated in double; `kept` is the place for the values where they are kept, else scratch for a block.
using FusedSum = double (*)(int64_t n, const void* const* in, void* kept, bool keep);

struct FusedLoops {
  FusedSum sum;     // the last operands of the form one value each
  FusedMap map;     // the same
  FusedMap mapAll;  // every operand dense
};

template <class T, unsigned scalars, int count>
struct FusedInputs {
  const T* dense[count];
  T one[count];
  TS_INLINE FusedInputs of(const void* const* in) {
    FusedInputs f;
    for (int k = 0; k < count; ++k) f.dense[k] = static_cast<const T*>(in[k]), f.one[k] = *f.dense[k];
    return f;
  }
  template <int k> inline __attribute__((always_inline)) T at(int64_t i) const {
    if constexpr ((scalars >> k & 1) != 0) return one[k];
    else return dense[k][i];
  }
};

template <class Form, class In, size_t... k>
TS_INLINE auto fusedValue(const In& in, int64_t i, std::index_sequence<k...>) {
  return Form::at(in.template at<int(k)>(i)...);
}

template <class Form, class T, unsigned scalars>
void fusedMap(int64_t n, const void* const* from, void* to) {
  const auto in = FusedInputs<T, scalars, Form::kCount>::of(from);
  T* out = static_cast<T*>(to);
  TS_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = fusedValue<Form>(in, i, std::make_index_sequence<Form::kCount>());
}

constexpr int64_t kFusedStep = 64;   // elements that the accumulators take at once
constexpr int64_t kCoarseSteps = 16;  // steps in float32 before float64 takes their sums, as in coarseSum

// Vectors of the same width for every instruction set.
template <class T> struct WideOf { using type = WideFloats; };
template <> struct WideOf<double> { using type = WideDoubles; };

template <class V, class T> TS_INLINE V loadVector(const T* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

TS_INLINE WideDoubles widened(WideDoubles d, WideFloats v) { return widenAdd(d, v); }
TS_INLINE WideDoubles widened(WideDoubles d, WideDoubles v) { return d + v; }

template <class Form, class V, class T, unsigned scalars, size_t... k>
TS_INLINE V fusedVector(const FusedInputs<T, scalars, Form::kCount>& in, int64_t i, std::index_sequence<k...>) {
  return Form::at(((scalars >> k & 1) != 0 ? V{} + in.one[k] : loadVector<V>(in.dense[k] + ((scalars >> k & 1) != 0 ? 0 : i)))...);
}

// Whole registers of accumulators, then the rest one by one.
template <class Form, class T, bool keep>
TS_INLINE double fusedLaneSum(int64_t n, const void* const* from, T* kept) {
  using V = typename WideOf<T>::type;
  constexpr auto all = std::make_index_sequence<Form::kCount>();
  constexpr int64_t kWide = sizeof(V) / sizeof(T), kParts = kFusedStep / kWide;
  const auto in = FusedInputs<T, Form::kScalars, Form::kCount>::of(from);
  auto valueAt = [&](int64_t i) __attribute__((always_inline)) {
    const V v = fusedVector<Form, V, T, Form::kScalars>(in, i, all);
    if constexpr (keep) __builtin_memcpy(kept + i, &v, sizeof v);
    return v;
  };
  WideDoubles sum = {};
  int64_t i = 0;
  while (i + kFusedStep <= n) {
    const int64_t left = (n - i) / kFusedStep, steps = left < kCoarseSteps ? left : kCoarseSteps;
    V part[kParts];
#pragma GCC unroll 8
    for (int j = 0; j < kParts; ++j) part[j] = valueAt(i + j * kWide);
    i += kFusedStep;
    for (int64_t s = 1; s < steps; ++s, i += kFusedStep) {
#pragma GCC unroll 8
      for (int j = 0; j < kParts; ++j) part[j] += valueAt(i + j * kWide);
    }
#pragma GCC unroll 4
    for (int w = kParts / 2; w > 0; w /= 2) {
#pragma GCC unroll 8
      for (int j = 0; j < w; ++j) part[j] += part[j + w];
    }
    sum = widened(sum, part[0]);
  }
  for (; i + kWide <= n; i += kWide) sum = widened(sum, valueAt(i));
  double rest = 0;
  for (; i < n; ++i) {
    const T v = fusedValue<Form>(in, i, all);
    if constexpr (keep) kept[i] = v;
    rest += static_cast<double>(v);
  }
  return laneSum(sum) + rest;
}

// The greatest of n elements; NaN where there is one.
template <class T> T greatest(int64_t n, const T* x) {
  using V = typename WideOf<T>::type;
  constexpr int64_t W = sizeof(V) / sizeof(T), kParts = 4;
  constexpr T least = -std::numeric_limits<T>::infinity();
  V top[kParts];
  decltype(top[0] != top[0]) odd{};
  for (V& t : top) t = V{} + least;
  auto take = [&](V& t, const T* p) __attribute__((always_inline)) {
    const V v = loadVector<V>(p);
    t = v > t ? v : t;
    odd |= v != v;
  };
  int64_t i = 0;
  for (; i + kParts * W <= n; i += kParts * W) {
#pragma GCC unroll 4
    for (int j = 0; j < kParts; ++j) take(top[j], x + i + j * W);
  }
  for (; i + W <= n; i += W) take(top[0], x + i);
  top[0] = top[1] > top[0] ? top[1] : top[0];
  top[2] = top[3] > top[2] ? top[3] : top[2];
  top[0] = top[2] > top[0] ? top[2] : top[0];
  // By halves: one lane after the other would cost more than the row.
  T lane[W];
  __builtin_memcpy(lane, &top[0], sizeof lane);
  for (int64_t w = W / 2; w > 0; w /= 2)
    for (int64_t k = 0; k < w; ++k) lane[k] = lane[k + w] > lane[k] ? lane[k + w] : lane[k];
  T best = lane[0];
  int64_t seen = 0;
  for (int64_t k = 0; k < W; ++k) seen |= odd[k];
  bool nan = seen != 0;
  for (; i < n; ++i) best = x[i] > best ? x[i] : best, nan |= x[i] != x[i];
  return nan ? std::numeric_limits<T>::quiet_NaN() : best;
}

template <class Form, class T>
double fusedSum(int64_t n, const void* const* from, void* kept, bool keep) {
  T* to = static_cast<T*>(kept);
  return keep ? fusedLaneSum<Form, T, true>(n, from, to) : fusedLaneSum<Form, T, false>(n, from, to);
}

struct Value {
  static constexpr int kCount = 1;
  static constexpr unsigned kScalars = 0;
  template <class T> TS_INLINE T at(T a) { return a; }
};

#ifdef TORCHSTONE_VECTOR_MATH
// exp(x - top), and its sum a block at a time while the block is in L1.
template <class T, bool dense>
TS_INLINE void expDistance(int64_t n, const T* x, const T* top, T* out) {
  using V = typename VectorOf<T>::type;
  constexpr int64_t W = sizeof(V) / sizeof(T);
  const V one = V{} + *top;
  int64_t i = 0;
  for (; i + W <= n; i += W) {
    const V e = ops::exp::vector(loadVector<V>(x + i) - (dense ? loadVector<V>(top + i) : one));
    __builtin_memcpy(out + i, &e, sizeof e);
  }
  if (i == n) return;
  alignas(64) T apart[W] = {};
  for (int64_t j = 0; i + j < n; ++j) apart[j] = x[i + j] - (dense ? top[i + j] : *top);
  const V e = ops::exp::vector(loadVector<V>(apart));
  __builtin_memcpy(apart, &e, sizeof e);
  for (int64_t j = 0; i + j < n; ++j) out[i + j] = apart[j];
}

template <class T>
void expDistanceMap(int64_t n, const void* const* in, void* out) {
  expDistance<T, false>(n, static_cast<const T*>(in[0]), static_cast<const T*>(in[1]), static_cast<T*>(out));
}
template <class T>
void expDistanceMapAll(int64_t n, const void* const* in, void* out) {
  expDistance<T, true>(n, static_cast<const T*>(in[0]), static_cast<const T*>(in[1]), static_cast<T*>(out));
}

template <class T>
double expDistanceSum(int64_t n, const void* const* in, void* kept, bool keep) {
  const T *x = static_cast<const T*>(in[0]), *top = static_cast<const T*>(in[1]);
  constexpr int64_t kBlock = kFusedStep * kCoarseSteps / 2;
  alignas(64) T block[kBlock];
  double total = 0;
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t count = n - i < kBlock ? n - i : kBlock;
    T* e = keep ? static_cast<T*>(kept) + i : block;
    expDistance<T, false>(count, x + i, top, e);
    const void* const values[] = {e};
    total += fusedLaneSum<Value, T, false>(count, values, nullptr);
  }
  return total;
}
#endif

// A form: its operands, which of them are one value a row, and an element. Named by what it is for.
#define TS_FORM(name, count, scalars, parameters, value)            \
  struct name {                                                     \
    static constexpr int kCount = count;                            \
    static constexpr unsigned kScalars = scalars;                   \
    template <class T> TS_INLINE T at parameters { return value; }  \
  };
TS_FORM(Product, 2, 0, (T a, T b), a * b)
TS_FORM(Scaled, 2, 2, (T a, T s), a * s)
TS_FORM(SquaredDistance, 2, 2, (T a, T m), (a - m) * (a - m))
TS_FORM(TwiceShifted, 3, 6, (T a, T m, T s), (a - m) - s)
TS_FORM(SoftmaxGradient, 3, 4, (T y, T g, T s), y * (g - s))
TS_FORM(Normal, 3, 6, (T a, T m, T r), (a - m) * r)
TS_FORM(NormalScaled, 4, 6, (T a, T m, T r, T w), (a - m) * r * w)
TS_FORM(NormalAffine, 5, 6, (T a, T m, T r, T w, T b), (a - m) * r * w + b)
TS_FORM(NormalSlope, 4, 12, (T g, T a, T m, T r), g * ((a - m) * r))
TS_FORM(NormalScaledSlope, 5, 24, (T g, T w, T a, T m, T r), (g * w) * ((a - m) * r))
TS_FORM(NormalGradient, 6, 58, (T g, T p, T a, T m, T r, T q), ((g - p) - (a - m) * r * q) * r)
TS_FORM(NormalScaledGradient, 7, 116, (T g, T w, T p, T a, T m, T r, T q), ((g * w - p) - (a - m) * r * q) * r)
#undef TS_FORM

// One instruction of a form's program; a result of instruction k is ~k, operands count from 0 in order of appearance.
struct FormStep {
  Opcode op;
  int a, b;
};
constexpr int kFormSteps = 8;

struct FusedForm {
  int count, operands;
  unsigned scalars;
  FormStep step[kFormSteps];
  FusedLoops float32, float64;
};

template <class Form, class T> constexpr FusedLoops loopsOf() {
  return {fusedSum<Form, T>, fusedMap<Form, T, Form::kScalars>, fusedMap<Form, T, 0>};
}
#define TS_ENTRY(count, form, ...) \
  {count, form::kCount, form::kScalars, {__VA_ARGS__}, loopsOf<form, float>(), loopsOf<form, double>()}

constexpr Opcode kAdd = Opcode::add, kSub = Opcode::sub, kMul = Opcode::mul;
constexpr FusedForm kForms[] = {
#ifdef TORCHSTONE_VECTOR_MATH
    {2, 2, 2, {{kSub, 0, 1}, {Opcode::exp, ~0, 0}},
     {expDistanceSum<float>, expDistanceMap<float>, expDistanceMapAll<float>},
     {expDistanceSum<double>, expDistanceMap<double>, expDistanceMapAll<double>}},
#endif
    TS_ENTRY(0, Value, ),
    TS_ENTRY(1, Scaled, {kMul, 0, 1}),
    TS_ENTRY(1, Product, {kMul, 0, 1}),
    TS_ENTRY(2, SquaredDistance, {kSub, 0, 1}, {kMul, ~0, ~0}),
    TS_ENTRY(2, TwiceShifted, {kSub, 0, 1}, {kSub, ~0, 2}),
    TS_ENTRY(2, SoftmaxGradient, {kSub, 1, 2}, {kMul, 0, ~0}),
    TS_ENTRY(2, Normal, {kSub, 0, 1}, {kMul, ~0, 2}),
    TS_ENTRY(3, NormalScaled, {kSub, 0, 1}, {kMul, ~0, 2}, {kMul, ~1, 3}),
    TS_ENTRY(4, NormalAffine, {kSub, 0, 1}, {kMul, ~0, 2}, {kMul, ~1, 3}, {kAdd, ~2, 4}),
    TS_ENTRY(3, NormalSlope, {kSub, 1, 2}, {kMul, ~0, 3}, {kMul, 0, ~1}),
    TS_ENTRY(4, NormalScaledSlope, {kMul, 0, 1}, {kSub, 2, 3}, {kMul, ~1, 4}, {kMul, ~0, ~2}),
    TS_ENTRY(6, NormalGradient, {kSub, 0, 1}, {kSub, 2, 3}, {kMul, ~1, 4}, {kMul, ~2, 5}, {kSub, ~0, ~3}, {kMul, ~4, 4}),
    TS_ENTRY(7, NormalScaledGradient, {kMul, 0, 1}, {kSub, ~0, 2}, {kSub, 3, 4}, {kMul, ~2, 5}, {kMul, ~3, 6},
             {kSub, ~1, ~4}, {kMul, ~5, 5}),
};
#undef TS_ENTRY

// A program recognised: its loops, and which of its inputs the form's operands are.
struct Fused {
  const FusedLoops* loops = nullptr;
  int operands = 0;
  int input[kFusedOperands];
};

// Whether operand `reg` of a program is what the form has at that place; binds an operand met for the first time.
bool bindOperand(const Program& p, Fused& f, int* bound, int reg, int wanted) {
  const int first = p.nin + p.nparams + p.nconst;
  if (wanted < 0) return reg == first + ~wanted;
  if (reg >= p.nin || p.inDtype[reg] != p.compute) return false;
  if (bound[wanted] < 0) bound[wanted] = reg, f.input[wanted] = reg;
  return bound[wanted] == reg;
}

bool matches(const Program& p, const FusedForm& form, Fused& f) {
  if (p.ninstr != form.count) return false;
  int bound[kFusedOperands];
  for (int& b : bound) b = -1;
  if (form.count == 0) return bindOperand(p, f, bound, p.outReg[0], 0);
  for (int i = 0; i < form.count; ++i) {
    const Instruction& t = p.instr[i];
    const FormStep& s = form.step[i];
    if (t.op != int(s.op) || !bindOperand(p, f, bound, t.operand[0], s.a)) return false;
    if (t.arity > 1 && !bindOperand(p, f, bound, t.operand[1], s.b)) return false;
  }
  return p.outReg[0] == p.nin + p.nparams + p.nconst + form.count - 1;
}

// How operands lie in a tile: in single rows, dense or one value a row, as a form says; else dense throughout.
struct TileLayout {
  const int64_t *rowStride, *stride;
  int64_t inner;  // elements of a tile's run
  bool singleRows;
  bool fits(int input, bool one) const {
    if (singleRows) return stride[input] == (one ? 0 : 1);
    return stride[input] == 1 && rowStride[input] == inner;
  }
};

// The loops for a program over operands that lie like this; none where there is no such form.
Fused recognise(const Program& p, const TileLayout& layout) {
  const bool real = p.compute == Dtype::Float32 || p.compute == Dtype::Float64;
  if (!real || p.nout != 1 || p.outDtype[0] != p.compute) return {};
  for (const FusedForm& form : kForms) {
    Fused f;
    bool fits = matches(p, form, f);
    for (int k = 0; fits && k < form.operands; ++k) fits = layout.fits(f.input[k], (form.scalars >> k & 1) != 0);
    if (!fits) continue;
    f.loops = p.compute == Dtype::Float32 ? &form.float32 : &form.float64;
    f.operands = form.operands;
    return f;
  }
  return {};
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
