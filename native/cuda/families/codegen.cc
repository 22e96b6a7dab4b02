// Kernel source of a pointwise program: one line an instruction, calls of the functors of native/ops.
#include "codegen.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "ops/primitives.h"

namespace torchstone::cuda {
namespace {

#define TS_NAME(name, arity, kind, weight) #name,
constexpr const char* kPrimitiveNames[] = {TORCHSTONE_PRIMITIVES(TS_NAME)};
#undef TS_NAME
#define TS_ONE(name, arity, kind, weight) +1
constexpr int kSpecialCount = 0 TORCHSTONE_SPECIAL_PRIMITIVES(TS_ONE);
#undef TS_ONE
constexpr int kPrimitiveCount = sizeof(kPrimitiveNames) / sizeof(kPrimitiveNames[0]);
// The special functions end the list.
bool isSpecial(int op) { return op >= kPrimitiveCount - kSpecialCount; }
bool isFloat(Dtype d) { return d == Dtype::Float32 || d == Dtype::Float64; }

std::string number(int64_t n) { return std::to_string(n); }

// A double, exactly.
std::string literal(double v) {
  if (v != v) return "ops::kNaN<double>";
  if (std::isinf(v)) return v > 0 ? "ops::kInfinity<double>" : "-ops::kInfinity<double>";
  char text[40];
  std::snprintf(text, sizeof text, "%a", v);
  return text;
}

const char* rawName(int bytes) { return bytes == 1 ? "uint8_t" : bytes == 2 ? "int16_t" : bytes == 4 ? "int32_t" : "int64_t"; }

using Reads = std::function<bool(int32_t input)>;

// How one program is written. A copy that converts nothing may move bytes as they are.
struct Writer {
  const Program& p;
  std::string text;
  const bool raw;

  Writer(const Program& program, bool moves)
      : p(program), raw(moves && program.copy && program.inDtype[0] == program.outDtype[0]) {}

  // A copy converts from its input's dtype to its output's at most once.
  std::string name(Dtype d) const { return raw ? rawName(kItemSize[int(p.inDtype[0])]) : storageName(d); }
  std::string compute() const { return name(p.compute); }

  std::string registerName(int32_t r) const {
    if (r < p.nin) return "x[" + number(r) + "]";
    r -= p.nin;
    if (r < p.nparams) return "p[" + number(r) + "]";
    r -= p.nparams;
    if (r < p.nconst) return "loadAs<C, double>(" + literal(p.constants[r]) + ")";
    return "r" + number(r - p.nconst);
  }

  void loads(const Reads& reads, int count) {
    const std::string kIn = number(count > 0 ? count : 1);
    const char* const unused = "[[maybe_unused]] ";
    text += std::string("  template <class I> TS_INLINE void load(") + unused + "V* x, " + unused + "const char* const* in, " + unused + "const I* at) {\n";
    for (int32_t i = 0; i < count; ++i) {
      if (!reads(i)) continue;
      const std::string n = number(i);
      text += "    x[" + n + "] = loadAt<C, " + name(p.inDtype[i]) + ">(in[" + n + "], at[" + n + "]);\n";
    }
    text += std::string("  }\n  template <int W, uint64_t ones, class I> TS_INLINE void loadRuns(") + unused + "V (*x)[" + kIn + "], " + unused +
            "const char* const* in, " + unused + "const I* at) {\n";
    for (int32_t i = 0; i < count; ++i) {
      if (!reads(i)) continue;
      const std::string n = number(i);
      text += "    loadRun<C, " + name(p.inDtype[i]) + ", W, " + kIn + ", (ones >> " + n + " & 1) != 0>(&x[0][" + n + "], in[" + n +
              "], at[" + n + "]);\n";
    }
    text += "  }\n";
  }

  void evaluation() {
    text += "  TS_INLINE void eval([[maybe_unused]] const V* x, [[maybe_unused]] const V* p, V* y, [[maybe_unused]] int32_t& bad) {\n";
    for (int32_t i = 0; i < p.ninstr; ++i) {
      const Instruction& t = p.instr[i];
      text += "    [[maybe_unused]] const V r" + number(i) + " = call<ops::" + kPrimitiveNames[t.op] + ", C>(bad";
      for (int32_t k = 0; k < t.arity; ++k) text += ", " + registerName(t.operand[k]);
      text += ");\n";
    }
    for (int32_t o = 0; o < p.nout; ++o) text += "    y[" + number(o) + "] = " + registerName(p.outReg[o]) + ";\n";
    text += "  }\n";
  }

  void stores() {
    text += "  template <class I> TS_INLINE void store(const V* y, char* const* out, const I* at) {\n";
    for (int32_t o = 0; o < p.nout; ++o) {
      const std::string n = number(o);
      text += "    storeAt<C, " + name(p.outDtype[o]) + ">(out[" + n + "], at[" + n + "], y[" + n + "]);\n";
    }
    text += "  }\n  template <int W, class I> TS_INLINE void storeRuns(const V (*y)[" + number(p.nout) +
            "], char* const* out, const I* at) {\n";
    for (int32_t o = 0; o < p.nout; ++o) {
      const std::string n = number(o);
      text += "    storeRun<C, " + name(p.outDtype[o]) + ", W, " + number(p.nout) + ">(out[" + n + "], at[" + n + "], &y[0][" + n + "]);\n";
    }
    text += "  }\n";
  }

  void sizes() {
    text += "  static constexpr int bytes([[maybe_unused]] int input) {\n";
    for (int32_t i = 0; i < p.nin; ++i)
      text += "    if (input == " + number(i) + ") return " + number(kItemSize[int(p.inDtype[i])]) + ";\n";
    text += "    return 1;\n  }\n";
  }

  std::string write(const char* structName) {
    auto count = [](const char* what, int32_t n) { return std::string(what) + " = " + number(n > 0 ? n : 1); };
    text = std::string("struct ") + structName + " {\n  using C = " + compute() + ";\n  using V = Value<C>;\n  using O = " + name(p.outDtype[0]) + ";\n  static constexpr int " +
           count("kIn", p.nin) + count(", kOut", p.nout) + count(", kParams", p.nparams) + ";\n";
    sizes();
    loads([this](int32_t i) { return p.loadBefore[i] >= 0; }, p.nin);
    evaluation();
    stores();
    return text + "};\n";
  }
};

int64_t distance(int64_t x) { return x < 0 ? -x : x; }

}  // namespace

const char* storageName(Dtype dtype) {
  switch (dtype) {
    case Dtype::Bool: return "Bool";
    case Dtype::UInt8: return "uint8_t";
    case Dtype::Int8: return "int8_t";
    case Dtype::Int16: return "int16_t";
    case Dtype::Int32: return "int32_t";
    case Dtype::Int64: return "int64_t";
    case Dtype::Float16: return "Half";
    case Dtype::BFloat16: return "Brain";
    case Dtype::Float32: return "float";
    case Dtype::Float64: return "double";
    case Dtype::Complex64:
    case Dtype::Complex128: break;  // programs have their parts
  }
  throw Failure{FailureKind::Library, "a complex dtype has no kernels: programs work on its parts"};
}

std::string programText(const char* name, const Program& program, bool moves) { return Writer(program, moves).write(name); }

std::string loadText(const Program& program, int count, const std::function<bool(int32_t)>& reads) {
  Writer writer(program, false);
  writer.loads(reads, count);
  return writer.text;
}

std::vector<std::string> programHeaders(const std::vector<const Program*>& programs, const std::vector<std::string>& family) {
  bool reals = false, specials = false;
  for (const Program* p : programs) {
    for (int32_t i = 0; i < p->ninstr; ++i) {
      reals = reals || isFloat(p->compute);
      specials = specials || isSpecial(p->instr[i].op);
    }
  }
  std::vector<std::string> headers = {"program.cuh"};
  if (reals) headers.push_back("ops/real.h");
  if (specials) {
    for (const char* h : {"ops/special.h", "special/bessel.cc", "special/gamma.cc", "special/normal.cc", "special/polynomials.cc"})
      headers.push_back(h);
  }
  headers.insert(headers.end(), family.begin(), family.end());
  return headers;
}

bool Dims::wide(int64_t length, const int64_t* along) const {
  if (elements() * length >= kNarrow) return true;
  for (int i = 0; i < count; ++i) {
    int64_t reach = along == nullptr ? 0 : (length - 1) * distance(along[i]);
    for (int d = 0; d < ndim && stride[i] != nullptr; ++d) reach += (size[d] - 1) * distance(stride[i][d]);
    if (reach >= kNarrow) return true;
  }
  return false;
}

int64_t Dims::elements() const {
  int64_t n = 1;
  for (int d = 0; d < ndim; ++d) n *= size[d];
  return n;
}

void Dims::moveToLast(int d) {
  auto rotate = [&](int64_t* a) { std::rotate(a + d, a + d + 1, a + ndim); };
  rotate(size);
  for (int i = 0; i < count; ++i)
    if (stride[i] != nullptr) rotate(stride[i]);
}

void Dims::put(Words& args) const {
  args.put(size, ndim);
  for (int d = 0; d < ndim; ++d) args.put(magicOf(size[d]));
  for (int i = 0; i < count; ++i) {
    if (stride[i] == nullptr) putZeros(args, ndim);
    else args.put(stride[i], ndim);
  }
}

void putZeros(Words& args, int n) {
  for (int i = 0; i < n; ++i) args.put(0);
}

void putParams(Words& args, const Program& program, const double* params) {
  args.put(params, program.nparams);
  if (program.nparams == 0) args.put(0.0);
}

std::string kernelBody(const std::string& argsType, int threads, const std::string& body, bool indirect) {
  std::string text = "using Args = " + argsType + ";\n";
  if (!indirect) return text + "TS_KERNEL(@, Args, " + number(threads) + ") { " + body + "(a); }\n";
  return text + "struct Indirect { const Args* at; };\nTS_KERNEL(@, Indirect, " + number(threads) + ") { " + body + "(*a.at); }\n";
}

void launch(Device& device, const Key& key, const std::function<KernelText(bool indirect)>& text, Grid grid, int threads, const Words& args) {
  const bool indirect = args.bytes() > kMostArguments;
  Kernel& kernel = device.kernel(key.text(), [&] { return text(indirect); });
  if (!indirect) return device.launch(kernel, grid, threads, args);
  const Scratch memory(device, args.bytes());
  device.copyFromHost(memory.address(), args.data(), args.bytes());
  Words address;
  address.put(static_cast<const void*>(memory.address()));
  device.launch(kernel, grid, threads, address);
}

}  // namespace torchstone::cuda
