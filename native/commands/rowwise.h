// Rowwise command: stages of reductions over rows of n elements, then a program, while a row is in cache.
//   block = [K, nin, nout, ndim, P, param × P, size × ndim (kept), n,
//            (reducer, prologue, epilogue, kept, rowOut: address, stride × ndim) × K,
//            program, out: (address, stride × ndim, strideN) × nout, in: the same × nin]
// A stage reduces (sum, prod, max, min) its prologue over the row to one scalar; its epilogue (a program, or -1) maps the
// scalar; the scalar is stored at rowOut too (address 0: not wanted), in the compute dtype. Every program has nin + 2K
// inputs: the inputs, the K scalars, the K prologues' values (those of a stage with kept = 1 are held until the row's end).
// Each may read what earlier stages made, an epilogue only the scalars, its own included. All compute in one dtype, which is
// also the dtype of scalars, values and the outputs of prologues and epilogues; they share the params. `program` may be -1
// (nout = 0). At most 8 stages. A row's buffers take n × (itemsize of what is kept or gathered) bytes a thread, for at least
// 16 rows at once where rows are not dense: the caller takes other kernel families for rows that would not fit L2.
#pragma once
#include "cursor.h"
#include "reduce.h"

namespace torchstone {

inline constexpr int kMaxStages = 8;

struct RowStage {
  int reducer;
  const Program* prologue;
  const Program* epilogue;  // null: the reduction itself
  bool kept;                // the prologue's values are wanted by later programs
  char* out;                // where the scalars go as well, or null
  int64_t* stride;
};

// An input or output: strides in elements over the kept dims, then along the row.
struct RowOperand {
  char* address;
  Dtype dtype;
  int64_t* stride;
  int64_t along;
  TS_READ int64_t itemSize() const { return kItemSize[int(dtype)]; }
};

struct RowwiseCommand {
  int stages, nin, nout, ndim;  // at least one kept dim
  Dtype compute;
  const double* params;
  const Program* final;  // null where there is no output
  const Program* any;    // one of the programs: they share params and the inputs' dtypes
  int64_t* size;
  int64_t length;
  RowStage stage[kMaxStages];
  RowOperand out[kMaxOperands], in[kMaxOperands];
};
static_assert(7 + kMaxParams + kMaxDims + kMaxStages * (4 + operandLength(kMaxDims)) +
              kMaxOperands * (1 + operandLength(kMaxDims)) <= kBlockLength);

// Whether a program of a rowwise command has the inputs and params that all of them share.
static inline bool fits(const RowwiseCommand& c, const Program& p, int nparams, int nout) {
  return p.nin == c.nin + 2 * c.stages && p.nparams == nparams && p.nout == nout && p.compute == c.any->compute;
}

static inline bool decode(Context& context, RowwiseCommand& c) {
  Cursor in(context);
  c.stages = in.count(kMaxStages), c.nin = in.count(kMaxOperands), c.nout = in.count(kMaxOperands - c.nin);
  const int ndim = in.count(kMaxDims), nparams = in.count(kMaxParams);
  c.params = in.numbers(nparams);
  c.size = in.sizesOfSome(ndim);
  c.length = in.positive();
  c.any = nullptr;
  bool fitting = true, supported = true;
  const auto check = [&](const Program& p, int nout) {
    if (c.any == nullptr) c.any = &p;
    fitting = fitting && fits(c, p, nparams, nout);
    supported = supported && isSupported(context, p);
  };
  for (int k = 0; k < c.stages; ++k) {
    RowStage& s = c.stage[k];
    s.reducer = in.count(kMin);
    s.prologue = in.program();
    s.epilogue = in.program(true);
    s.kept = in.flag();
    s.out = in.address();
    s.stride = in.stridesOfSome(ndim);
    if (in.malformed()) return in.finish();
    check(*s.prologue, 1);
    if (s.epilogue) check(*s.epilogue, 1);
  }
  c.final = in.program(true);
  if (c.final) check(*c.final, c.nout);
  in.require(fitting && c.any != nullptr && (c.final || c.nout == 0));
  if (in.malformed()) return in.finish();
  if (!supported) return false;
  c.compute = c.any->compute;
  const auto operand = [&](RowOperand& o, Dtype dtype) {
    o.address = in.address();
    o.dtype = dtype;
    o.stride = in.stridesOfSome(ndim);
    o.along = in.integer();
  };
  for (int i = 0; i < c.nout; ++i) operand(c.out[i], c.final->outDtype[i]);
  for (int i = 0; i < c.nin; ++i) operand(c.in[i], c.any->inDtype[i]);
  c.ndim = ndim > 0 ? ndim : 1;
  return in.finish();
}

}  // namespace torchstone
