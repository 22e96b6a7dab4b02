// Fused row loops: the few programs along rows that have a loop of their own, one pass over memory each. Any other program
// runs on the tile machine; its results differ from a loop's by rounding only.
#pragma once
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include <cstddef>
#include <limits>
#include <utility>

#include "cpu/isa.h"
#include "common/program.h"
#include "cpu/reduce/wide_sum.h"

#include "ops/primitives.h"
#include "ops/real.h"

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
};

constexpr int64_t kFusedStep = 64;   // elements that the accumulators take at once
constexpr int64_t kCoarseSteps = 16;  // steps in float32 before float64 takes their sums, as in coarseSum

// Vectors of the same width for every instruction set, so that sums add up in the same order.
template <class T> struct WideOf { using type = WideFloats; };
template <> struct WideOf<double> { using type = WideDoubles; };

#if defined(__AVX512F__)
template <class T> using Wide = typename WideOf<T>::type;
#else
// The same as registers: GCC takes a vector that is wider than a register through memory, eight bytes at a time (softmax of
// 1024 columns took three times as long).
template <class T> struct Wide {
  typedef T Register __attribute__((vector_size(kVectorBytes)));
  static constexpr int kCount = 64 / kVectorBytes, kLanes = kVectorBytes / int(sizeof(T));
  Register r[kCount];
};
#define TS_WIDE(op)                                                                  \
  template <class T> TS_INLINE Wide<T> operator op(const Wide<T>& a, const Wide<T>& b) { \
    Wide<T> c;                                                                       \
    for (int k = 0; k < Wide<T>::kCount; ++k) c.r[k] = a.r[k] op b.r[k];             \
    return c;                                                                        \
  }
TS_WIDE(+)
TS_WIDE(-)
TS_WIDE(*)
#undef TS_WIDE
template <class T> TS_INLINE Wide<T>& operator+=(Wide<T>& a, const Wide<T>& b) { return a = a + b; }
#endif

template <class V, class T> TS_INLINE V loadVector(const T* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

#if defined(__AVX512F__)
template <class T> TS_INLINE Wide<T> loadWide(const T* p) { return loadVector<Wide<T>>(p); }
template <class T> TS_INLINE Wide<T> spreadWide(T x) { return x - Wide<T>{}; }  // not a sum: −0 stays −0
template <class T> TS_INLINE void storeWide(T* p, const Wide<T>& v) { __builtin_memcpy(p, &v, sizeof v); }
// `count` elements, fewer than a vector's; zeros fill it.
template <class T> TS_INLINE Wide<T> loadRest(const T* p, int64_t count) {
  const unsigned lanes = (1u << count) - 1;
  if constexpr (sizeof(T) == 4) return (Wide<T>)_mm512_maskz_loadu_ps(__mmask16(lanes), p);
  else return (Wide<T>)_mm512_maskz_loadu_pd(__mmask8(lanes), p);
}
template <class T> TS_INLINE void storeRest(T* p, const Wide<T>& v, int64_t count) {
  const unsigned lanes = (1u << count) - 1;
  if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, __mmask16(lanes), (__m512)v);
  else _mm512_mask_storeu_pd(p, __mmask8(lanes), (__m512d)v);
}
#else
template <class T> TS_INLINE Wide<T> loadWide(const T* p) {
  Wide<T> v;
  for (int k = 0; k < Wide<T>::kCount; ++k) v.r[k] = loadVector<typename Wide<T>::Register>(p + k * Wide<T>::kLanes);
  return v;
}
template <class T> TS_INLINE Wide<T> spreadWide(T x) {
  Wide<T> v;
  for (auto& r : v.r) r = x - typename Wide<T>::Register{};  // not a sum: −0 stays −0
  return v;
}
template <class T> TS_INLINE void storeWide(T* p, const Wide<T>& v) {
  for (int k = 0; k < Wide<T>::kCount; ++k) __builtin_memcpy(p + k * Wide<T>::kLanes, &v.r[k], sizeof v.r[k]);
}
template <class T> TS_INLINE Wide<T> loadRest(const T* p, int64_t count) {
  T all[64 / sizeof(T)] = {};
  __builtin_memcpy(all, p, size_t(count) * sizeof(T));
  return loadWide(all);
}
template <class T> TS_INLINE void storeRest(T* p, const Wide<T>& v, int64_t count) {
  T all[64 / sizeof(T)];
  storeWide(all, v);
  __builtin_memcpy(p, all, size_t(count) * sizeof(T));
}
#endif

// Through memory where registers are narrower, once for many steps.
template <class T> TS_INLINE WideDoubles widened(WideDoubles d, const Wide<T>& v) {
  typename WideOf<T>::type whole;
  __builtin_memcpy(&whole, &v, sizeof whole);
  if constexpr (sizeof(T) == 4) return widenAdd(d, whole);
  else return d + whole;
}

// A form's values from element i on; of the last `rest` ones only, where rest is not 0.
template <class Form, class T, unsigned scalars, size_t... k>
TS_INLINE Wide<T> fusedVector(const FusedInputs<T, scalars, Form::kCount>& in, int64_t i, int64_t rest, std::index_sequence<k...>) {
  auto operand = [&](auto at) __attribute__((always_inline)) -> Wide<T> {
    constexpr int which = decltype(at)::value;
    if constexpr ((scalars >> which & 1) != 0) return spreadWide<T>(in.one[which]);
    else return rest ? loadRest<T>(in.dense[which] + i, rest) : loadWide<T>(in.dense[which] + i);
  };
  return Form::at(operand(std::integral_constant<int, int(k)>())...);
}

template <class Form, class T, unsigned scalars>
void fusedMap(int64_t n, const void* const* from, void* to) {
  using V = Wide<T>;
  constexpr auto all = std::make_index_sequence<Form::kCount>();
  constexpr int64_t kWide = sizeof(V) / sizeof(T);
  const auto in = FusedInputs<T, scalars, Form::kCount>::of(from);
  T* out = static_cast<T*>(to);
  int64_t i = 0;
  for (; i + kWide <= n; i += kWide) {
    storeWide<T>(out + i, fusedVector<Form>(in, i, 0, all));
  }
  if (i < n) storeRest<T>(out + i, fusedVector<Form>(in, i, n - i, all), n - i);
}

// Whole registers of accumulators, then the rest by one.
template <class Form, class T, bool keep>
TS_INLINE double fusedLaneSum(int64_t n, const void* const* from, T* kept) {
  using V = Wide<T>;
  constexpr auto all = std::make_index_sequence<Form::kCount>();
  constexpr int64_t kWide = sizeof(V) / sizeof(T), kParts = kFusedStep / kWide;
  const auto in = FusedInputs<T, Form::kScalars, Form::kCount>::of(from);
  auto valueAt = [&](int64_t i) __attribute__((always_inline)) {
    const V v = fusedVector<Form>(in, i, 0, all);
    if constexpr (keep) storeWide<T>(kept + i, v);
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
    sum = widened<T>(sum, part[0]);
  }
  V last = {};  // of what is shorter than a step
  for (; i + kWide <= n; i += kWide) last += valueAt(i);
  if (i < n) {
    const V v = fusedVector<Form>(in, i, n - i, all);
    if constexpr (keep) storeRest<T>(kept + i, v, n - i);
    T rest[kWide] = {};
    storeRest<T>(rest, v, n - i);
    last += loadWide<T>(rest);
  }
  return laneSum(widened<T>(sum, last));
}

// The greater of each two elements, the first where they are equal or the second is a NaN.
template <class T> TS_INLINE Wide<T> greater(const Wide<T>& a, const Wide<T>& b) {
#if defined(__AVX512F__)
  return b > a ? b : a;
#else
  Wide<T> c;
  for (int k = 0; k < Wide<T>::kCount; ++k) c.r[k] = b.r[k] > a.r[k] ? b.r[k] : a.r[k];
  return c;
#endif
}

// Where elements are NaNs: lanes of all ones, gathered over many steps.
template <class T> struct OddLanes {
#if defined(__AVX512F__)
  decltype(Wide<T>{} != Wide<T>{}) lanes = {};
  inline __attribute__((always_inline)) void note(const Wide<T>& a, const Wide<T>& b) { lanes |= ~((a <= b) | (a > b)); }
  bool any() const {
    int64_t seen = 0;
    for (size_t k = 0; k < 64 / sizeof(T); ++k) seen |= lanes[k];
    return seen != 0;
  }
#else
  using Register = typename Wide<T>::Register;
  decltype(Register{} != Register{}) lanes[Wide<T>::kCount] = {};
  inline __attribute__((always_inline)) void note(const Wide<T>& a, const Wide<T>& b) {
    for (int k = 0; k < Wide<T>::kCount; ++k) lanes[k] |= ~((a.r[k] <= b.r[k]) | (a.r[k] > b.r[k]));
  }
  bool any() const {
    int64_t seen = 0;
    for (const auto& part : lanes)
      for (int k = 0; k < Wide<T>::kLanes; ++k) seen |= part[k];
    return seen != 0;
  }
#endif
};

// The greatest of n elements; NaN where there is one.
template <class T> T greatest(int64_t n, const T* x) {
  constexpr int64_t W = 64 / sizeof(T), kParts = 4;
  Wide<T> top[kParts];
  for (auto& t : top) t = spreadWide<T>(-std::numeric_limits<T>::infinity());
  OddLanes<T> odd;
  int64_t i = 0;
  for (; i + kParts * W <= n; i += kParts * W) {
#pragma GCC unroll 4
    for (int j = 0; j < kParts; j += 2) {
      const Wide<T> a = loadWide<T>(x + i + j * W), b = loadWide<T>(x + i + (j + 1) * W);
      top[j] = greater<T>(top[j], a);
      top[j + 1] = greater<T>(top[j + 1], b);
      odd.note(a, b);
    }
  }
  for (; i + W <= n; i += W) {
    const Wide<T> v = loadWide<T>(x + i);
    top[0] = greater<T>(top[0], v);
    odd.note(v, v);
  }
  // By halves: one lane after the other would cost more than the row.
  T lane[W];
  storeWide<T>(lane, greater<T>(greater<T>(top[0], top[1]), greater<T>(top[2], top[3])));
  for (int64_t w = W / 2; w > 0; w /= 2)
    for (int64_t k = 0; k < w; ++k) lane[k] = lane[k + w] > lane[k] ? lane[k + w] : lane[k];
  T best = lane[0];
  bool nan = odd.any();
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
// exp(x - top)
struct ExpDistance {
  static constexpr int kCount = 2;
  static constexpr unsigned kScalars = 2;
  template <class V> TS_INLINE V at(V x, V top) {
    V d = x - top;
#if defined(__AVX512F__)
    return (V)vectorExp((typename VectorOf<std::remove_cvref_t<decltype(d[0])>>::type)d);
#else
    for (auto& r : d.r) r = vectorExp((typename VectorOf<std::remove_cvref_t<decltype(r[0])>>::type)r);
    return d;
#endif
  }
};
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
    TS_ENTRY(2, ExpDistance, {kSub, 0, 1}, {Opcode::exp, ~0, 0}),
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
