// The tile machine's evaluation. Scalars stay scalars: an instruction whose operands are all one value for the
// whole tile is computed once. The instructions themselves are in the kernel tables.
#include "tile.h"

#include "kernel_table.h"
#include "transpose.h"

namespace torchstone::TORCHSTONE_ISA {

namespace {

constexpr int64_t up64(int64_t n) { return (n + 63) & ~int64_t(63); }
int64_t countOf(const int64_t* size) { return size[0] * size[1] * size[2]; }

// A copy from one block to another: the dimensions that remain once those that run on in both are merged.
struct Walk {
  int32_t ndim = 0;
  int64_t size[3], to[3], from[3];
  Walk(const int64_t* sizes, const int64_t* toStep, const int64_t* fromStep) {
    for (int d = 0; d < 3; ++d) {
      if (sizes[d] == 1) continue;
      const int32_t last = ndim - 1;
      const bool runsOn = last >= 0 && to[last] == toStep[d] * sizes[d] && from[last] == fromStep[d] * sizes[d];
      if (!runsOn) size[ndim++] = 1;
      size[ndim - 1] *= sizes[d];
      to[ndim - 1] = toStep[d];
      from[ndim - 1] = fromStep[d];
    }
    if (ndim > 0) return;
    ndim = 1;
    size[0] = to[0] = from[0] = 1;
  }
  bool dense() const { return ndim == 1 && to[0] == 1 && from[0] == 1; }
};

// Bytes that only change places, dense along one dimension here and along the other there.
bool copyTransposed(const Walk& w, char* to, const char* from, int64_t bytes) {
  if (w.ndim != 2 || (bytes != 4 && bytes != 8)) return false;
  const bool down = w.to[1] == 1 && w.from[0] == 1, across = w.to[0] == 1 && w.from[1] == 1;
  if (!down && !across) return false;
  const int r = down ? 0 : 1, c = 1 - r;  // r is dense in `from`, c in `to`
  if (bytes == 4) {
    transposeBlock(w.size[r], w.size[c], reinterpret_cast<int32_t*>(to), w.to[r],
                   reinterpret_cast<const int32_t*>(from), w.from[c]);
  } else {
    transposeBlock(w.size[r], w.size[c], reinterpret_cast<int64_t*>(to), w.to[r],
                   reinterpret_cast<const int64_t*>(from), w.from[c]);
  }
  return true;
}

// The inner loop is the last dimension, unless that is short.
void copyRows(const Walk& w, Convert convert, char* to, int64_t toBytes, const char* from, int64_t fromBytes) {
  constexpr int64_t kShort = 16;
  int32_t inner = w.ndim - 1;
  if (w.size[inner] < kShort)
    for (int32_t d = 0; d < w.ndim; ++d) inner = w.size[d] > w.size[inner] ? d : inner;
  int32_t other[2], n = 0;
  for (int32_t d = 0; d < w.ndim; ++d)
    if (d != inner) other[n++] = d;
  const int64_t outerSize = n > 1 ? w.size[other[0]] : 1, middleSize = n > 0 ? w.size[other[n - 1]] : 1;
  const int64_t outerTo = n > 1 ? w.to[other[0]] * toBytes : 0, outerFrom = n > 1 ? w.from[other[0]] * fromBytes : 0;
  const int64_t middleTo = n > 0 ? w.to[other[n - 1]] * toBytes : 0;
  const int64_t middleFrom = n > 0 ? w.from[other[n - 1]] * fromBytes : 0;
  for (int64_t i = 0; i < outerSize; ++i)
    for (int64_t j = 0; j < middleSize; ++j)
      convert(w.size[inner], to + i * outerTo + j * middleTo, w.to[inner], from + i * outerFrom + j * middleFrom,
              w.from[inner]);
}

void copy(const Walk& w, int32_t fromDtype, int32_t toDtype, char* to, const char* from) {
  const bool asIs = fromDtype == toDtype;
  if (asIs && copyTransposed(w, to, from, kItemSize[toDtype])) return;
  copyRows(w, convertFor(fromDtype, toDtype), to, kItemSize[toDtype], from, kItemSize[fromDtype]);
}

}  // namespace

TileRunner::TileRunner(const Program& program, const double* params) : program_(program) {
  const Program& p = program;
  slotBytes_ = kTile * kItemSize[int(p.compute)];
  const int64_t values = up64(int64_t(p.nreg) * int64_t(sizeof(Value))), cells = up64(int64_t(p.nreg) * 8);
  scratch_ = acquireScratch(values + cells + (p.nslots + 1) * slotBytes_);
  value_ = reinterpret_cast<Value*>(scratch_);
  cells_ = scratch_ + values;
  slots_ = cells_ + cells;
  const Convert fromDouble = convertFor(int(Dtype::Float64), int(p.compute));
  for (int32_t i = 0; i < p.nparams + p.nconst; ++i) {
    const double* v = i < p.nparams ? params + i : &p.constants[i - p.nparams];
    fromDouble(1, scalarCell(p.nin + i), 1, v, 1);
    value_[p.nin + i] = {scalarCell(p.nin + i), true};
  }
}

TileRunner::~TileRunner() { releaseScratch(scratch_); }

void TileRunner::load(int32_t input, const int64_t* size, const char* from, const BlockStep& step) {
  const Program& p = program_;
  const int32_t dtype = int32_t(p.inDtype[input]), compute = int32_t(p.compute);
  const bool asIs = dtype == compute && !p.mustLoad[input];
  bool scalar = true;
  for (int d = 0; d < 3; ++d) scalar = scalar && (size[d] == 1 || step.at[d] == 0);
  if (scalar) {
    if (!asIs) convertFor(dtype, compute)(1, scalarCell(input), 1, from, 1);
    value_[input] = {asIs ? from : scalarCell(input), true};
    return;
  }
  const int64_t packed[3] = {size[1] * size[2], size[2], 1};
  const Walk walk(size, packed, step.at);
  if (asIs && walk.dense()) {
    value_[input] = {from, false};
    return;
  }
  char* to = slots_ + p.inSlot[input] * slotBytes_;
  copy(walk, dtype, compute, to, from);
  value_[input] = {to, false};
}

void TileRunner::execute(const Instruction& t, int64_t count, char* const* direct) {
  const void* operands[3];
  unsigned scalars = 0;
  for (int32_t k = 0; k < t.arity; ++k) {
    const Value& v = value_[t.operand[k]];
    operands[k] = v.address;
    scalars |= unsigned(v.scalar) << k;
  }
  const Kernel kernel = kernelFor(int32_t(program_.compute), t.op);
  const bool all = scalars == (1u << t.arity) - 1;
  char* to = all ? scalarCell(t.result)
                 : direct && t.output >= 0 && direct[t.output] ? direct[t.output] : slots_ + t.slot * slotBytes_;
  const int32_t status = kernel(all ? 1 : count, to, operands, all ? 0 : scalars);
  if (status != kOk) status_ = Status(status);
  value_[t.result] = {to, all};
}

void TileRunner::evaluate(const int64_t* size, char* const* direct, const char* const* in, const BlockStep* inStep) {
  const Program& p = program_;
  const int64_t count = countOf(size);
  for (int32_t i = 0; i <= p.ninstr; ++i) {
    for (int32_t k = 0; k < p.nin; ++k)
      if (p.loadBefore[k] == i) load(k, size, in[k], inStep[k]);
    if (i < p.ninstr) execute(p.instr[i], count, direct);
  }
}

void TileRunner::store(int32_t output, const int64_t* size, char* to, const BlockStep& step) {
  const Program& p = program_;
  const int32_t dtype = int32_t(p.outDtype[output]), compute = int32_t(p.compute);
  const Value& v = value_[p.outReg[output]];
  if (v.address == to && dtype == compute && !v.scalar) return;  // written in place
  const int64_t unit = v.scalar ? 0 : 1;
  const int64_t packed[3] = {size[1] * size[2] * unit, size[2] * unit, unit};
  copy(Walk(size, step.at, packed), compute, dtype, to, v.address);
}

void TileRunner::runBlock(const int64_t* size, char* const* out, const BlockStep* outStep, const char* const* in,
                          const BlockStep* inStep) {
  const Program& p = program_;
  if (p.copy) {  // one conversion, straight from the input to the output
    copy(Walk(size, outStep[0].at, inStep[0].at), int32_t(p.inDtype[0]), int32_t(p.outDtype[0]), out[0], in[0]);
    return;
  }
  const int64_t packed[3] = {size[1] * size[2], size[2], 1};
  char* direct[kMaxOperands];
  for (int32_t o = 0; o < p.nout; ++o) direct[o] = Walk(size, outStep[o].at, packed).dense() ? out[o] : nullptr;
  evaluate(size, direct, in, inStep);
  for (int32_t o = 0; o < p.nout; ++o) store(o, size, out[o], outStep[o]);
}

void TileRunner::run(int64_t n, char* const* out, const int64_t* outStride, const char* const* in,
                     const int64_t* inStride) {
  const int64_t size[3] = {1, 1, n};
  BlockStep outStep[kMaxOperands], inStep[kMaxOperands];
  for (int32_t i = 0; i < program_.nout; ++i) outStep[i] = {{0, 0, outStride[i]}};
  for (int32_t i = 0; i < program_.nin; ++i) inStep[i] = {{0, 0, inStride[i]}};
  runBlock(size, out, outStep, in, inStep);
}

// The one output as a full tile: a value that is one scalar is spread.
const void* TileRunner::result(int64_t count) {
  const Program& p = program_;
  const Value& v = value_[p.outReg[0]];
  if (!v.scalar || count == 1) return v.address;
  char* tile = slots_ + p.nslots * slotBytes_;
  convertFor(int32_t(p.compute), int32_t(p.compute))(count, tile, 1, v.address, 0);
  return tile;
}

const void* TileRunner::eval2d(int64_t rows, int64_t n, const char* const* in, const int64_t* inRowStride,
                               const int64_t* inStride) {
  const int64_t size[3] = {1, rows, n};
  BlockStep inStep[kMaxOperands];
  for (int32_t i = 0; i < program_.nin; ++i) inStep[i] = {{0, inRowStride[i], inStride[i]}};
  evaluate(size, nullptr, in, inStep);
  return result(rows * n);
}

const void* TileRunner::eval(int64_t n, const char* const* in, const int64_t* inStride) {
  return eval2d(1, n, in, inStride, inStride);
}

}  // namespace torchstone::TORCHSTONE_ISA
