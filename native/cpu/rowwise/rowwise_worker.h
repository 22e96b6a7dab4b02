// The general walk of a rowwise command: a unit of rows at a time; operands that do not lie dense are gathered once; programs
// run on tile machines. rowwise_plan.h says which rows make a unit.
#pragma once
#include <new>

#include "cpu/isa.h"
#include "cpu/reduce/reduction.h"
#include "rowwise_fused.h"
#include "rowwise_plan.h"
#include "cpu/pointwise/tile.h"
#include "cpu/pointwise/transpose.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int kMaxPrograms = 2 * kMaxStages + 1;

// How programs read an operand within the unit at hand. `advance`: bytes from one position along the rows to the next.
struct View {
  const char* base;
  int64_t advance;
};

enum Access { kDirect, kPacked, kSpread };

// n x w elements of one dtype to a packed block, in which `inner` runs densest.
void pack(Dtype dtype, int64_t outer, int64_t inner, char* to, const char* from, int64_t fromOuter, int64_t fromInner) {
  const int64_t bytes = kItemSize[int(dtype)];
  if (fromOuter == 1 && fromInner > 1 && bytes == 4) {
    transposeBlock(outer, inner, reinterpret_cast<int32_t*>(to), inner, reinterpret_cast<const int32_t*>(from), fromInner);
  } else if (fromOuter == 1 && fromInner > 1 && bytes == 8) {
    transposeBlock(outer, inner, reinterpret_cast<int64_t*>(to), inner, reinterpret_cast<const int64_t*>(from), fromInner);
  } else {
    const Convert copy = convertFor(int(dtype), int(dtype));
    for (int64_t i = 0; i < outer; ++i) copy(inner, to + i * inner * bytes, 1, from + i * fromOuter * bytes, fromInner);
  }
}

// One thread's part: its buffers, and one tile machine a program.
class RowWorker {
 public:
  explicit RowWorker(const RowPlan& plan);
  ~RowWorker();
  RowWorker(const RowWorker&) = delete;
  RowWorker& operator=(const RowWorker&) = delete;
  Status run(int64_t begin, int64_t end);

 private:
  Access accessOf(const RowOperand& o) const;
  char* carve(char*& next, int64_t bytes) const;
  int64_t layOut(char* base);
  TileRunner* addRunner(const Program* program);
  void locate(int64_t unit);
  void setSteps();
  void loadInputs();
  void reduceStage(int k);
  void reduceRows(int k);
  const void* evaluate(int k, int64_t at, int64_t count);
  void sumFused(int k, int64_t at, int64_t count);
  void maximum(int k, const void* x, int64_t count);
  bool writeFused(int64_t at, int64_t count);
  const void* const* fusedInputs(const Fused& f, int64_t at);
  bool singleRows() const { return !p_.column && p_.width == 1; }
  void finishStage(int k);
  void writeOutputs();
  const char* const* inputsAt(int64_t at);
  void tileSize(int64_t count, int64_t* size) const;
  // What a program reads: inputs, the stages' scalars, the stages' kept values.
  int total() const { return p_.nin + 2 * p_.stages; }
  int scalarOf(int k) const { return p_.nin + k; }
  int keptOf(int k) const { return p_.nin + p_.stages + k; }
  bool usedLater(int k, int input) const;

  const RowPlan& p_;
  const int64_t item_;  // bytes of a compute element
  Access access_[kMaxOperands];
  char* buffer_[kMaxOperands];   // packed or spread inputs, spread scalars, kept values
  char* scalars_[kMaxStages];
  char* accumulator_;
  char* tile_;
  char* scratch_;
  alignas(TileRunner) char runnerMemory_[kMaxPrograms][sizeof(TileRunner)];
  TileRunner *prologue_[kMaxStages], *epilogue_[kMaxStages], *final_;
  int runners_ = 0;
  // The unit at hand.
  int64_t width_ = 0;
  const char* in_[kMaxOperands];
  char* out_[kMaxOperands];
  char* rowOut_[kMaxStages];
  View view_[kMaxOperands];
  const char* at_[kMaxOperands];
  BlockStep step_[kMaxOperands], outStep_[kMaxOperands];
  int64_t rowStride_[kMaxOperands], stride_[kMaxOperands];
  Fused fusedStage_[kMaxStages], fusedFinal_;
  const void* fusedAt_[kFusedOperands];
};

RowWorker::RowWorker(const RowPlan& plan) : p_(plan), item_(kItemSize[int(plan.compute)]) {
  for (int i = 0; i < p_.nin; ++i) access_[i] = accessOf(p_.in[i]);
  scratch_ = acquireScratch(layOut(nullptr));
  layOut(scratch_);
  for (int k = 0; k < p_.stages; ++k) {
    prologue_[k] = addRunner(p_.stage[k].prologue);
    epilogue_[k] = p_.stage[k].epilogue ? addRunner(p_.stage[k].epilogue) : nullptr;
  }
  final_ = p_.final ? addRunner(p_.final) : nullptr;
}

RowWorker::~RowWorker() {
  while (runners_ > 0) reinterpret_cast<TileRunner*>(runnerMemory_[--runners_])->~TileRunner();
  releaseScratch(scratch_);
}

TileRunner* RowWorker::addRunner(const Program* program) {
  return new (runnerMemory_[runners_++]) TileRunner(*program, p_.params);
}

// Operands that a tile can use as they lie stay where they are; the others are gathered once a unit, as every program
// reads them again.
Access RowWorker::accessOf(const RowOperand& o) const {
  const int64_t across = p_.width > 1 ? o.stride[p_.lane] : 0;
  if (o.along == 0) return across == 0 ? kDirect : kSpread;
  if (p_.column) return across == 1 && o.along == p_.width ? kDirect : kPacked;
  return o.along == 1 && (p_.width == 1 || across == p_.length) ? kDirect : kPacked;
}

char* RowWorker::carve(char*& next, int64_t bytes) const {
  char* here = next;
  next += padded(bytes);
  return here;
}

// Places every buffer from `base` on; returns the bytes of all.
int64_t RowWorker::layOut(char* base) {
  const int64_t tile = p_.width * p_.run, whole = p_.width * p_.length;
  char* next = base;
  for (int i = 0; i < p_.nin; ++i) {
    const int64_t bytes = p_.in[i].itemSize();
    buffer_[i] = access_[i] == kDirect ? nullptr : carve(next, (access_[i] == kPacked ? whole : tile) * bytes);
  }
  for (int k = 0; k < p_.stages; ++k) {
    scalars_[k] = carve(next, p_.width * item_);
    buffer_[scalarOf(k)] = carve(next, tile * item_);
    buffer_[keptOf(k)] = p_.stage[k].kept ? carve(next, whole * item_) : nullptr;
  }
  accumulator_ = carve(next, p_.width * kMaxAccumulatorBytes);
  tile_ = carve(next, tile * item_);
  return next - base;
}

void RowWorker::locate(int64_t unit) {
  const int64_t first = unit % p_.blocks * p_.width;
  const int64_t width = smaller(p_.size[p_.lane] - first, p_.width);
  unit /= p_.blocks;
  for (int i = 0; i < p_.nin; ++i) in_[i] = p_.in[i].address;
  for (int i = 0; i < p_.nout; ++i) out_[i] = p_.out[i].address;
  for (int k = 0; k < p_.stages; ++k) rowOut_[k] = p_.stage[k].out;
  auto move = [this](int d, int64_t by) {
    for (int i = 0; i < p_.nin; ++i) in_[i] += by * p_.in[i].stride[d] * p_.in[i].itemSize();
    for (int i = 0; i < p_.nout; ++i) out_[i] += by * p_.out[i].stride[d] * p_.out[i].itemSize();
    for (int k = 0; k < p_.stages; ++k)
      if (rowOut_[k]) rowOut_[k] += by * p_.stage[k].stride[d] * item_;
  };
  move(p_.lane, first);
  for (int d = p_.ndim - 1; d >= 0 && unit > 0; --d) {
    if (d == p_.lane) continue;
    move(d, unit % p_.size[d]);
    unit /= p_.size[d];
  }
  if (width == width_) return;
  width_ = width;
  setSteps();
}

// Strides within a tile, which depend on the unit's width alone.
void RowWorker::setSteps() {
  const int64_t packedAcross = p_.column ? 1 : p_.length, packedAlong = p_.column ? width_ : 1;
  auto set = [this](int i, int64_t across, int64_t along) {
    rowStride_[i] = p_.column ? along : across;
    stride_[i] = p_.column ? across : along;
    step_[i] = {{0, rowStride_[i], stride_[i]}};
  };
  for (int i = 0; i < p_.nin; ++i) {
    if (access_[i] == kDirect) set(i, p_.in[i].stride[p_.lane], p_.in[i].along);
    else set(i, packedAcross, packedAlong);
  }
  for (int k = 0; k < p_.stages; ++k) {
    const bool one = width_ == 1;
    set(scalarOf(k), one ? 0 : packedAcross, one ? 0 : packedAlong);
    set(keptOf(k), packedAcross, packedAlong);
    view_[scalarOf(k)] = {one ? scalars_[k] : buffer_[scalarOf(k)], 0};
    view_[keptOf(k)] = {buffer_[keptOf(k)], packedAlong * item_};
  }
  for (int i = 0; i < p_.nout; ++i) {
    const RowOperand& o = p_.out[i];
    if (p_.column) outStep_[i] = {{0, o.along, o.stride[p_.lane]}};
    else outStep_[i] = {{0, o.stride[p_.lane], o.along}};
  }
  const TileLayout layout{rowStride_, stride_, p_.column ? width_ : p_.length, singleRows()};
  for (int k = 0; k < p_.stages; ++k) fusedStage_[k] = recognise(*p_.stage[k].prologue, layout);
  fusedFinal_ = p_.final ? recognise(*p_.final, layout) : Fused();
}

void RowWorker::loadInputs() {
  for (int i = 0; i < p_.nin; ++i) {
    const RowOperand& o = p_.in[i];
    if (access_[i] == kDirect) {
      view_[i] = {in_[i], o.along * o.itemSize()};
      continue;
    }
    const int64_t n = access_[i] == kPacked ? p_.length : p_.run, across = o.stride[p_.lane];
    view_[i] = {buffer_[i], access_[i] == kPacked ? (p_.column ? width_ : 1) * o.itemSize() : 0};
    if (p_.column) pack(o.dtype, n, width_, buffer_[i], in_[i], o.along, across);
    else pack(o.dtype, width_, n, buffer_[i], in_[i], across, o.along);
  }
}

const char* const* RowWorker::inputsAt(int64_t at) {
  for (int i = 0; i < total(); ++i) at_[i] = view_[i].base + at * view_[i].advance;
  return at_;
}

void RowWorker::tileSize(int64_t count, int64_t* size) const {
  size[0] = 1;
  size[1] = p_.column ? count : width_;
  size[2] = p_.column ? width_ : count;
}

const void* const* RowWorker::fusedInputs(const Fused& f, int64_t at) {
  for (int i = 0; i < f.operands; ++i) fusedAt_[i] = view_[f.input[i]].base + at * view_[f.input[i]].advance;
  return fusedAt_;
}

// The prologue's values at `count` positions from `at` on, as a dense tile.
const void* RowWorker::evaluate(int k, int64_t at, int64_t count) {
  int64_t size[3];
  tileSize(count, size);
  const Fused& f = fusedStage_[k];
  if (f.loops && p_.stage[k].prologue->ninstr > 0) {
    char* to = p_.stage[k].kept ? buffer_[keptOf(k)] + at * view_[keptOf(k)].advance : tile_;
    const FusedMap map = singleRows() ? f.loops->map : f.loops->mapAll;
    map(count * width_, fusedInputs(f, at), to);
    return to;
  }
  const char* const* in = inputsAt(at);
  if (!p_.stage[k].kept) return prologue_[k]->eval2d(size[1], size[2], in, rowStride_, stride_);
  char* to = buffer_[keptOf(k)] + at * view_[keptOf(k)].advance;
  prologue_[k]->runBlock(size, &to, &step_[keptOf(k)], in, step_);
  return to;
}

// Rows one after the other in a single tile: each has an accumulator of its own.
void RowWorker::reduceRows(int k) {
  const Reduction& r = *p_.kernel[k].reduction;
  const char* tile = static_cast<const char*>(evaluate(k, 0, p_.length));
  for (int64_t i = 0; i < width_; ++i) {
    r.init(accumulator_, 1);
    r.row(accumulator_, tile + i * p_.length * item_, p_.length, 0);
    r.store(accumulator_, 1, p_.compute, scalars_[k] + i * item_, item_, nullptr, 0);
  }
}

// The sum of a prologue that has a loop of its own, over part of a single row.
void RowWorker::sumFused(int k, int64_t at, int64_t count) {
  const Fused& f = fusedStage_[k];
  const bool kept = p_.stage[k].kept;
  char* to = kept ? buffer_[keptOf(k)] + at * item_ : nullptr;
  const double sum = f.loops->sum(count, fusedInputs(f, at), to, kept);
  double* acc = reinterpret_cast<double*>(accumulator_);  // a float64 sum has its error beside it
  if (p_.compute == Dtype::Float32) acc[0] += sum;
  else addCompensated(acc[0], acc[1], sum);
}

// The maximum of part of a single row as it lies.
void RowWorker::maximum(int k, const void* x, int64_t count) {
  const Reduction& r = *p_.kernel[k].reduction;
  if (p_.compute == Dtype::Float32) {
    const float top = greatest(count, static_cast<const float*>(x));
    r.row(accumulator_, &top, 1, 0);
  } else {
    const double top = greatest(count, static_cast<const double*>(x));
    r.row(accumulator_, &top, 1, 0);
  }
}

void RowWorker::reduceStage(int k) {
  if (!p_.column && p_.width > 1) return reduceRows(k);
  const Reduction& r = *p_.kernel[k].reduction;
  r.init(accumulator_, width_);
  const bool fused = fusedStage_[k].loops && singleRows() && p_.kernel[k].sums;
  for (int64_t at = 0; at < p_.length; at += p_.run) {
    const int64_t count = smaller(p_.length - at, p_.run);
    if (fused) {
      sumFused(k, at, count);
      continue;
    }
    const void* tile = evaluate(k, at, count);
    if (p_.column) r.column(accumulator_, tile, width_, count, width_, at);
    else if (p_.kernel[k].tops) maximum(k, tile, count);
    else r.row(accumulator_, tile, count, at);
  }
  r.store(accumulator_, width_, p_.compute, scalars_[k], item_, nullptr, 0);
}

bool RowWorker::usedLater(int k, int input) const {
  if (p_.final && p_.final->loadBefore[input] >= 0) return true;
  for (int j = k + 1; j < p_.stages; ++j)
    if (p_.stage[j].prologue->loadBefore[input] >= 0) return true;
  return false;
}

// Epilogue, the scalars' own output, and one value an element of a tile for the programs to come.
void RowWorker::finishStage(int k) {
  if (epilogue_[k]) {
    const int64_t size[3] = {1, 1, width_};
    BlockStep step[kMaxOperands];
    const char* in[kMaxOperands] = {};
    for (int i = 0; i < total(); ++i) step[i] = {{0, 0, 1}};
    for (int j = 0; j <= k; ++j) in[scalarOf(j)] = scalars_[j];
    epilogue_[k]->runBlock(size, &scalars_[k], step, in, step);
  }
  const Convert copy = convertFor(int(p_.compute), int(p_.compute));
  if (rowOut_[k]) copy(width_, rowOut_[k], p_.stage[k].stride[p_.lane], scalars_[k], 1);
  if (width_ == 1 || !usedLater(k, scalarOf(k))) return;
  char* to = buffer_[scalarOf(k)];
  if (p_.column) pack(p_.compute, p_.run, width_, to, scalars_[k], 0, 1);
  else pack(p_.compute, width_, p_.length, to, scalars_[k], 1, 0);
}

// One tile of the output by a loop of its own; false where the program or the output is not made for that.
bool RowWorker::writeFused(int64_t at, int64_t count) {
  const Fused& f = fusedFinal_;
  if (!f.loops) return false;
  const RowOperand& o = p_.out[0];
  char* to = out_[0] + at * o.along * item_;
  const int64_t across = o.stride[p_.lane];
  if (p_.column ? across != 1 : o.along != 1 || (width_ > 1 && across != p_.length)) return false;
  const void* const* in = fusedInputs(f, at);
  if (!p_.column) {
    (singleRows() ? f.loops->map : f.loops->mapAll)(count * width_, in, to);
    return true;
  }
  for (int64_t r = 0; r < count; ++r) {
    f.loops->mapAll(width_, in, to + r * o.along * item_);
    for (int i = 0; i < f.operands; ++i) fusedAt_[i] = static_cast<const char*>(fusedAt_[i]) + width_ * item_;
  }
  return true;
}

void RowWorker::writeOutputs() {
  for (int64_t at = 0; at < p_.length; at += p_.run) {
    int64_t size[3];
    const int64_t count = smaller(p_.length - at, p_.run);
    if (writeFused(at, count)) continue;
    tileSize(count, size);
    char* out[kMaxOperands];
    for (int i = 0; i < p_.nout; ++i) out[i] = out_[i] + at * p_.out[i].along * p_.out[i].itemSize();
    final_->runBlock(size, out, outStep_, inputsAt(at), step_);
  }
}

Status RowWorker::run(int64_t begin, int64_t end) {
  for (int64_t unit = begin; unit < end; ++unit) {
    locate(unit);
    loadInputs();
    for (int k = 0; k < p_.stages; ++k) {
      reduceStage(k);
      finishStage(k);
    }
    if (final_) writeOutputs();
  }
  int worst = kOk;
  for (int i = 0; i < runners_; ++i) {
    const int one = reinterpret_cast<TileRunner*>(runnerMemory_[i])->status();
    worst = one > worst ? one : worst;
  }
  return Status(worst);
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
