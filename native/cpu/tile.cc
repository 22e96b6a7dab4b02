// Owns the tile machine's evaluation. Scalars stay scalars: an instruction whose operands are all one value for the
// whole tile is computed once. The instructions themselves are in the kernel tables.
#include "tile.h"

#include "kernel_table.h"

namespace torchstone::TORCHSTONE_ISA {

namespace {
constexpr int64_t up64(int64_t n) { return (n + 63) & ~int64_t(63); }
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

void TileRunner::load(int32_t input, int64_t rows, int64_t n, const char* from, int64_t rowStride, int64_t stride) {
  const Program& p = program_;
  const int32_t dtype = int32_t(p.inDtype[input]), compute = int32_t(p.compute);
  if (n == 1) stride = 0;
  if (rows == 1) rowStride = 0;
  const bool asIs = dtype == compute && !p.mustLoad[input];
  if (stride == 0 && rowStride == 0) {
    if (!asIs) convertFor(dtype, compute)(1, scalarCell(input), 1, from, 1);
    value_[input] = {asIs ? from : scalarCell(input), true};
    return;
  }
  const bool dense = rows == 1 || (n == 1 ? rowStride == 1 : stride == 1 && rowStride == n);
  if (asIs && dense && (stride == 1 || n == 1)) {
    value_[input] = {from, false};
    return;
  }
  char* to = slots_ + p.inSlot[input] * slotBytes_;
  loadBlock(convertFor(dtype, compute), kItemSize[dtype], kItemSize[compute], rows, n, to, from, rowStride, stride);
  value_[input] = {to, false};
}

// The inner loop runs along the smaller stride; a dense block is one row.
void TileRunner::loadBlock(Convert convert, int64_t fromBytes, int64_t toBytes, int64_t rows, int64_t n, char* to,
                           const char* from, int64_t rowStride, int64_t stride) {
  if (rows == 1) return convert(n, to, 1, from, stride);
  if (n == 1) return convert(rows, to, 1, from, rowStride);
  if (rowStride == stride * n) return convert(rows * n, to, 1, from, stride);
  for (int64_t r = 0; r < rows; ++r) convert(n, to + r * n * toBytes, 1, from + r * rowStride * fromBytes, stride);
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

void TileRunner::evaluate(int64_t rows, int64_t n, char* const* direct, const char* const* in,
                          const int64_t* inRowStride, const int64_t* inStride) {
  const Program& p = program_;
  for (int32_t i = 0; i <= p.ninstr; ++i) {
    for (int32_t k = 0; k < p.nin; ++k)
      if (p.loadBefore[k] == i) load(k, rows, n, in[k], inRowStride[k], inStride[k]);
    if (i < p.ninstr) execute(p.instr[i], rows * n, direct);
  }
}

void TileRunner::store(int32_t output, int64_t rows, int64_t n, char* to, int64_t rowStride, int64_t stride) {
  const Program& p = program_;
  const int32_t dtype = int32_t(p.outDtype[output]), compute = int32_t(p.compute);
  const Value& v = value_[p.outReg[output]];
  if (v.address == to && dtype == compute && !v.scalar) return;  // written in place
  const Convert convert = convertFor(compute, dtype);
  const int64_t step = v.scalar ? 0 : 1, bytes = kItemSize[dtype];
  if (rows == 1 || rowStride == stride * n) return convert(rows * n, to, stride, v.address, step);
  if (n == 1) return convert(rows, to, rowStride, v.address, step);
  for (int64_t r = 0; r < rows; ++r)
    convert(n, to + r * rowStride * bytes, stride, v.address + r * n * step * kItemSize[compute], step);
}

void TileRunner::run2d(int64_t rows, int64_t n, char* const* out, const int64_t* outRowStride,
                       const int64_t* outStride, const char* const* in, const int64_t* inRowStride,
                       const int64_t* inStride) {
  const Program& p = program_;
  char* direct[kMaxDirect];
  for (int32_t o = 0; o < p.nout && o < kMaxDirect; ++o) {
    const bool dense = outStride[o] == 1 && (rows == 1 || outRowStride[o] == n);
    direct[o] = dense ? out[o] : nullptr;
  }
  evaluate(rows, n, p.nout <= kMaxDirect ? direct : nullptr, in, inRowStride, inStride);
  for (int32_t o = 0; o < p.nout; ++o) store(o, rows, n, out[o], outRowStride[o], outStride[o]);
}

void TileRunner::run(int64_t n, char* const* out, const int64_t* outStride, const char* const* in,
                     const int64_t* inStride) {
  run2d(1, n, out, outStride, outStride, in, inStride, inStride);
}

const void* TileRunner::eval2d(int64_t rows, int64_t n, const char* const* in, const int64_t* inRowStride,
                               const int64_t* inStride) {
  evaluate(rows, n, nullptr, in, inRowStride, inStride);
  const Program& p = program_;
  const Value& v = value_[p.outReg[0]];
  if (!v.scalar) return v.address;
  char* tile = slots_ + p.nslots * slotBytes_;
  convertFor(int32_t(p.compute), int32_t(p.compute))(rows * n, tile, 1, v.address, 0);
  return tile;
}

const void* TileRunner::eval(int64_t n, const char* const* in, const int64_t* inStride) {
  return eval2d(1, n, in, inStride, inStride);
}

}  // namespace torchstone::TORCHSTONE_ISA
