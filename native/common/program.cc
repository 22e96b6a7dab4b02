// Pointwise programs: decoding, checks and planning (liveness, tile slots), once per program; and each thread's scratch
// memory. On the path of a call are programAt and the scratch alone.
#include "compile_program.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "ops/primitives.h"
#include "owned.h"

namespace torchstone {

// Lists of no dims take a number that no block has, and spare ones: one or two a list.
Context::Context() : owned(new (std::nothrow) Owned()) {
  if (owned == nullptr) return;
  owned->numbers.reset(new (std::nothrow) int64_t[kBlockLength + 4 * (kMaxOperands + kMaxDims)]);
  numbers = owned->numbers.get();
}
Context::~Context() { delete owned; }

namespace {

enum Kind { number, integer, real };
struct Primitive {
  int arity;
  Kind kind;
  int weight;
};
#define TS_ROW(name, arity, kind, weight) {arity, kind, weight},
constexpr Primitive kPrimitives[] = {TORCHSTONE_PRIMITIVES(TS_ROW)};
#undef TS_ROW
constexpr int kPrimitiveCount = sizeof(kPrimitives) / sizeof(kPrimitives[0]);

bool isDtype(int32_t d) { return d >= 0 && d <= 11; }
bool isReal(Dtype d) { return d >= Dtype::Float16 && d <= Dtype::Float64; }
// The 16-bit floats are loaded and stored, not computed in; complex programs arrive as programs on their parts.
bool isStored(Dtype d) { return d <= Dtype::Float64; }
bool isComputed(Dtype d) { return isStored(d) && d != Dtype::Float16 && d != Dtype::BFloat16; }
bool allows(Kind kind, Dtype d) {
  if (kind == number || d >= Dtype::Complex64) return true;
  return kind == (isReal(d) ? real : integer);
}

// Reads the code from left to right, and remembers the first thing wrong with it.
struct Reader {
  const int32_t* code;
  int64_t length, at = 0;
  std::string& error;
  int32_t next() {
    if (at >= length) fail("the code is too short");
    return at < length ? code[at++] : 0;
  }
  int32_t below(int32_t limit, const char* what) {
    const int32_t v = next();
    if (v < 0 || v >= limit) fail(std::string(what) + " out of range: " + std::to_string(v));
    return v;
  }
  Dtype dtype(Program& p, bool (*supported)(Dtype)) {
    const int32_t d = next();
    if (!isDtype(d)) fail("unknown dtype " + std::to_string(d));
    else if (!supported(Dtype(d)) && p.unsupported < 0) p.unsupported = d;
    return isDtype(d) ? Dtype(d) : Dtype::Float32;
  }
  void fail(const std::string& why) {
    if (error.empty()) error = "defineProgram: " + why;
  }
};

void readInstruction(Reader& r, Program& p, int32_t i) {
  Instruction& t = p.instr[i];
  t.op = r.below(kPrimitiveCount, "opcode");
  if (!r.error.empty()) return;
  const Primitive& primitive = kPrimitives[t.op];
  t.arity = primitive.arity;
  t.result = p.nreg - p.ninstr + i;
  for (int k = 0; k < 3; ++k) t.operand[k] = k < t.arity ? r.below(t.result, "operand") : (r.next(), 0);
  if (!allows(primitive.kind, p.compute)) {
    r.fail("opcode " + std::to_string(t.op) + " has no kernel for compute dtype " + std::to_string(int(p.compute)));
  }
  p.weight += primitive.weight;
}

void decode(Reader& r, Program& p, const double* constants, int64_t nconst) {
  constexpr int32_t kMost = 1 << 16;
  p.compute = r.dtype(p, isComputed);
  p.nout = r.below(kMost, "number of outputs");
  p.nin = r.below(kMost, "number of inputs");
  p.nparams = r.below(kMost, "number of params");
  p.ninstr = r.below(kMost, "number of instructions");
  p.nconst = int32_t(nconst);
  if (p.nout == 0) r.fail("a program needs an output");
  if (p.nout + p.nin > kMaxOperands) r.fail("too many inputs and outputs");
  if (p.nparams > kMaxParams) r.fail("too many params");
  if (nconst > kMost) r.fail("too many constants");
  if (!r.error.empty()) return;
  p.nreg = p.nin + p.nparams + p.nconst + p.ninstr;
  p.outDtype.make(p.nout);
  p.inDtype.make(p.nin);
  p.outReg.make(p.nout);
  p.instr.make(p.ninstr);
  p.constants.make(nconst);
  std::copy_n(constants, nconst, p.constants.get());
  for (int32_t i = 0; i < p.nout; ++i) p.outDtype[i] = r.dtype(p, isStored);
  for (int32_t i = 0; i < p.nin; ++i) p.inDtype[i] = r.dtype(p, isStored);
  for (int32_t i = 0; i < p.ninstr && r.error.empty(); ++i) readInstruction(r, p, i);
  for (int32_t i = 0; i < p.nout; ++i) p.outReg[i] = r.below(p.nreg, "output register");
  if (r.at != r.length) r.fail("the code is too long");
}

// Hands out tile slots; the lowest free one first, so that the working set stays small.
struct Slots {
  std::unique_ptr<bool[]> busy;
  int32_t count = 0;
  explicit Slots(int32_t most) : busy(new bool[most]()) {}
  int32_t take() {
    int32_t s = 0;
    while (busy[s]) ++s;
    busy[s] = true;
    count = std::max(count, s + 1);
    return s;
  }
  void give(int32_t s) {
    if (s >= 0) busy[s] = false;
  }
};

// A register lives until its last use; outputs live to the end. An input is loaded before its first use.
void plan(Program& p) {
  const int32_t end = p.ninstr, first = p.nreg - p.ninstr;
  std::unique_ptr<int32_t[]> last(new int32_t[p.nreg]), slot(new int32_t[p.nreg]);
  std::fill_n(last.get(), p.nreg, -1);
  std::fill_n(slot.get(), p.nreg, -1);
  std::fill_n(p.loadBefore.get(), p.nin, end);
  int32_t lastInputUse = -1;
  for (int32_t i = 0; i < p.ninstr; ++i) {
    for (int k = 0; k < p.instr[i].arity; ++k) {
      const int32_t reg = p.instr[i].operand[k];
      last[reg] = i;
      if (reg >= p.nin) continue;
      p.loadBefore[reg] = std::min(p.loadBefore[reg], i);
      lastInputUse = i;
    }
  }
  for (int32_t o = 0; o < p.nout; ++o) {
    last[p.outReg[o]] = end;
    if (p.outReg[o] < p.nin) p.mustLoad[p.outReg[o]] = p.nout > 1;
  }
  for (int32_t r = 0; r < p.nin; ++r)
    if (last[r] < 0) p.loadBefore[r] = -1;  // never used, never loaded
  Slots slots(p.nreg + 1);
  for (int32_t i = 0; i <= end; ++i) {
    for (int32_t r = 0; r < p.nin; ++r)
      if (p.loadBefore[r] == i) slot[r] = slots.take();
    if (i == end) break;
    Instruction& t = p.instr[i];
    for (int k = 0; k < t.arity; ++k)
      if (last[t.operand[k]] == i) slots.give(slot[t.operand[k]]);
    t.slot = slot[first + i] = slots.take();
    if (last[first + i] < 0) slots.give(t.slot);
    t.output = -1;
    // Writing an output while later instructions still read inputs in place could overwrite them.
    if (i < lastInputUse) continue;
    for (int32_t o = 0; o < p.nout && t.output < 0; ++o)
      if (p.outReg[o] == first + i && p.outDtype[o] == p.compute) t.output = o;
  }
  for (int32_t r = 0; r < p.nin; ++r) p.inSlot[r] = slot[r];
  p.nslots = slots.count;
}

void classify(Program& p) {
  bool same = true;
  for (int32_t i = 0; i < p.nin; ++i) same = same && p.inDtype[i] == p.compute;
  const bool single = same && p.nout == 1 && p.ninstr == 1 && p.outReg[0] == p.nreg - 1;
  p.direct = single && p.outDtype[0] == p.compute;
  p.truth = single && !p.direct && p.outDtype[0] == Dtype::Bool;
  p.copy = p.nout == 1 && p.ninstr == 0 && p.nin == 1 && p.outReg[0] == 0 &&
           (p.inDtype[0] == p.compute || p.outDtype[0] == p.compute || p.inDtype[0] == p.outDtype[0]);
  p.weight = std::max(p.weight, 1);
}

}  // namespace

std::unique_ptr<Program> compileProgram(const int32_t* code, int64_t length, const double* constants,
                                        int64_t nconst, std::string& error) {
  static std::atomic<int64_t> serials{0};
  std::unique_ptr<Program> p(new Program());
  p->serial = serials++;
  p->unsupported = -1;
  Reader reader{code, length, 0, error};
  decode(reader, *p, constants, nconst);
  if (!error.empty()) return nullptr;
  p->inSlot.make(p->nin);
  p->loadBefore.make(p->nin);
  p->mustLoad.make(p->nin);
  plan(*p);
  classify(*p);
  return p;
}

const Program* programAt(const Context& context, int64_t id) {
  const auto& programs = context.owned->programs;
  return id >= 0 && id < int64_t(programs.size()) ? programs[size_t(id)].get() : nullptr;
}

namespace {
// One growing buffer a thread, lent to one runner at a time; a second runner gets memory of its own.
struct Scratch {
  char* base = nullptr;
  int64_t bytes = 0;
  bool lent = false;
  ~Scratch() { std::free(base); }
};
thread_local Scratch scratch;
char* aligned(int64_t bytes) {
  void* p = std::aligned_alloc(64, size_t((bytes + 63) / 64 * 64));
  if (p == nullptr) throw std::bad_alloc();  // status 3; a worker passes it on to the caller
  return static_cast<char*>(p);
}
}  // namespace

char* acquireScratch(int64_t bytes) {
  if (scratch.lent) return aligned(bytes);
  if (scratch.bytes < bytes) {
    std::free(scratch.base);
    scratch.base = nullptr;
    scratch.bytes = 0;
    scratch.base = aligned(bytes);
    scratch.bytes = bytes;
  }
  scratch.lent = true;
  return scratch.base;
}

void releaseScratch(char* address) {
  if (address == scratch.base) scratch.lent = false;
  else std::free(address);
}

}  // namespace torchstone
