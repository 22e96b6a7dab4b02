// The fast walk of a rowwise command: every stage has a loop of its own, rows stay as they lie, several at a time, so that
// epilogues and a stage's overhead are paid once for all of them. RowWorker does what this does not take.
#pragma once
#include "cpu/isa.h"
#include "rowwise_fused.h"
#include "rowwise_plan.h"
#include "cpu/pointwise/tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kGroupBytes = 1 << 15;  // of kept values: with the rows themselves they fit L2, and mostly L1
constexpr int64_t kMostGroup = 64;

class RowLoops {
 public:
  explicit RowLoops(const RowPlan& plan) : p_(plan), item_(kItemSize[int(plan.compute)]) { fits_ = prepare(); }
  bool fits() const { return fits_; }
  Status run(int64_t begin, int64_t end);

 private:
  bool prepare();
  bool recogniseStage(int k, const TileLayout& layout);
  int64_t bytes() const;
  void layOut(char* base);
  void stage(int k, int64_t first, int64_t count);
  void finish(int k, int64_t first, int64_t count);
  void write(int64_t first, int64_t count);
  void seek(const Fused& f, int64_t first);
  void advance(const Fused& f) {
    for (int i = 0; i < f.operands; ++i) at_[i] += step_[i];
  }
  const void* const* operands() const { return reinterpret_cast<const void* const*>(at_); }
  template <class T> void reduceInto(int k, int64_t first, int64_t count);
  int scalarOf(int k) const { return p_.nin + k; }
  int keptOf(int k) const { return p_.nin + p_.stages + k; }
  int total() const { return p_.nin + 2 * p_.stages; }

  const RowPlan& p_;
  const int64_t item_;
  bool fits_;
  int64_t group_;
  Fused stage_[kMaxStages], final_;
  char* scalars_[kMaxStages];
  char* kept_[kMaxStages];
  const char* at_[kFusedOperands];  // a program's operands at the row at hand
  int64_t step_[kFusedOperands];    // bytes to the next row
};

bool RowLoops::recogniseStage(int k, const TileLayout& layout) {
  const RowStage& s = p_.stage[k];
  stage_[k] = recognise(*s.prologue, layout);
  if (!stage_[k].loops) return false;
  return p_.kernel[k].sums || (p_.kernel[k].tops && s.prologue->ninstr == 0 && !s.kept);
}

// One kept dim, operands dense along the row or one value for it.
bool RowLoops::prepare() {
  const bool real = p_.compute == Dtype::Float32 || p_.compute == Dtype::Float64;
  if (!real || p_.column || p_.ndim != 1 || p_.width != 1 || p_.stages == 0 || p_.nout > 1) return false;
  int64_t rowStride[kMaxOperands], stride[kMaxOperands];
  for (int i = 0; i < p_.nin; ++i) {
    if (p_.in[i].along > 1 || p_.in[i].along < 0) return false;
    rowStride[i] = 0, stride[i] = p_.in[i].along;
  }
  int64_t keeps = 0;
  for (int k = 0; k < p_.stages; ++k) {
    rowStride[scalarOf(k)] = rowStride[keptOf(k)] = 0;
    stride[scalarOf(k)] = 0, stride[keptOf(k)] = 1;
    keeps += p_.stage[k].kept;
  }
  const TileLayout layout{rowStride, stride, p_.length, true};
  for (int k = 0; k < p_.stages; ++k)
    if (!recogniseStage(k, layout)) return false;
  if (p_.final) {
    final_ = recognise(*p_.final, layout);
    if (!final_.loops || p_.nout != 1 || p_.out[0].along != 1) return false;
  }
  group_ = kGroupBytes / (p_.length * item_ * (keeps + 1));
  group_ = group_ < 1 ? 1 : smaller(group_, kMostGroup);
  return true;
}

int64_t RowLoops::bytes() const {
  int64_t all = 0;
  for (int k = 0; k < p_.stages; ++k) all += padded(group_ * item_) + (p_.stage[k].kept ? padded(group_ * p_.length * item_) : 0);
  return all;
}

void RowLoops::layOut(char* base) {
  for (int k = 0; k < p_.stages; ++k) {
    scalars_[k] = base;
    base += padded(group_ * item_);
    kept_[k] = base;
    if (p_.stage[k].kept) base += padded(group_ * p_.length * item_);
  }
}

// To a program's operands in the first row of the group that begins at `first`.
void RowLoops::seek(const Fused& f, int64_t first) {
  for (int i = 0; i < f.operands; ++i) {
    const int input = f.input[i];
    if (input < p_.nin) step_[i] = p_.in[input].stride[0] * p_.in[input].itemSize(), at_[i] = p_.in[input].address + first * step_[i];
    else if (input < keptOf(0)) step_[i] = item_, at_[i] = scalars_[input - p_.nin];
    else step_[i] = p_.length * item_, at_[i] = kept_[input - keptOf(0)];
  }
}

template <class T> void RowLoops::reduceInto(int k, int64_t first, int64_t count) {
  const RowStage& s = p_.stage[k];
  const Fused& f = stage_[k];
  T* to = reinterpret_cast<T*>(scalars_[k]);
  char* kept = kept_[k];
  seek(f, first);
  for (int64_t r = 0; r < count; ++r, advance(f), kept += s.kept ? p_.length * item_ : 0) {
    if (p_.kernel[k].tops) to[r] = greatest(p_.length, reinterpret_cast<const T*>(at_[0]));
    else to[r] = static_cast<T>(f.loops->sum(p_.length, operands(), kept, s.kept));
  }
}

void RowLoops::stage(int k, int64_t first, int64_t count) {
  if (p_.compute == Dtype::Float32) reduceInto<float>(k, first, count);
  else reduceInto<double>(k, first, count);
}

// The epilogue of all rows of the group at once, and the scalars' own output.
void RowLoops::finish(int k, int64_t first, int64_t count) {
  const RowStage& s = p_.stage[k];
  if (s.epilogue) {
    TileRunner runner(*s.epilogue, p_.params);
    const int64_t one = 1;
    const char* in[kMaxOperands];
    int64_t step[kMaxOperands];
    for (int i = 0; i < total(); ++i) in[i] = scalars_[0], step[i] = 1;
    for (int j = 0; j <= k; ++j) in[scalarOf(j)] = scalars_[j];
    runner.run(count, &scalars_[k], &one, in, step);
  }
  if (!s.out) return;
  const Convert copy = convertFor(int(p_.compute), int(p_.compute));
  copy(count, s.out + first * s.stride[0] * item_, s.stride[0], scalars_[k], 1);
}

void RowLoops::write(int64_t first, int64_t count) {
  const RowOperand& o = p_.out[0];
  const int64_t step = o.stride[0] * item_;
  char* to = o.address + first * step;
  seek(final_, first);
  for (int64_t r = 0; r < count; ++r, advance(final_), to += step) final_.loops->map(p_.length, operands(), to);
}

Status RowLoops::run(int64_t begin, int64_t end) {
  char* scratch = acquireScratch(bytes());
  layOut(scratch);
  for (int64_t first = begin; first < end; first += group_) {
    const int64_t count = smaller(end - first, group_);
    for (int k = 0; k < p_.stages; ++k) {
      stage(k, first, count);
      finish(k, first, count);
    }
    if (p_.final) write(first, count);
  }
  releaseScratch(scratch);
  return kOk;
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
