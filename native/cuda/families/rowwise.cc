// The rowwise kernel family on CUDA: writes a command's programs as one source, chooses threads for a row, and launches.
#include <algorithm>

#include "codegen.h"
#include "commands/rowwise.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kLeastThreads = 256, kMostThreads = 1024;
constexpr int kColumns = 32;      // rows side by side in a block where neighbours in memory are in different rows
constexpr int kRegisters = 32;    // values a thread holds of its row
constexpr int kMostHeld = 8;      // elements of its row

struct Command : RowwiseCommand {
  int64_t rows;
  // Scalars, outputs, inputs. Each group has one at least, which is null where there is none.
  char* address[Dims::kMost];
  int64_t along[Dims::kMost];
  Dims outer;
  int firstOut() const { return std::max(stages, 1); }
  int firstIn() const { return firstOut() + std::max(nout, 1); }
  int total() const { return nin + 2 * stages; }
};
static_assert(kMaxOperands + kMaxStages + 2 <= Dims::kMost);

struct Plan {
  bool column = false, cached = false, wide = false;
  int rows = 1, across = 1, held = 1;  // rows a block, threads a row, elements a thread
};

void collect(Command& c) {
  c.outer.ndim = c.ndim;
  c.outer.size = c.size;
  c.outer.count = c.firstIn() + std::max(c.nin, 1);
  const auto set = [&](int i, char* address, int64_t* stride, int64_t along) {
    c.address[i] = address, c.outer.stride[i] = stride, c.along[i] = along;
  };
  for (int i = 0; i < c.outer.count; ++i) set(i, nullptr, nullptr, 0);
  for (int k = 0; k < c.stages; ++k) set(k, c.stage[k].out, c.stage[k].stride, 0);
  for (int i = 0; i < c.nout; ++i) set(c.firstOut() + i, c.out[i].address, c.out[i].stride, c.out[i].along);
  for (int i = 0; i < c.nin; ++i) set(c.firstIn() + i, c.in[i].address, c.in[i].stride, c.in[i].along);
  c.rows = c.outer.elements();
}

std::vector<const Program*> programsOf(const Command& c) {
  std::vector<const Program*> all;
  for (int k = 0; k < c.stages; ++k) {
    all.push_back(c.stage[k].prologue);
    if (c.stage[k].epilogue) all.push_back(c.stage[k].epilogue);
  }
  if (c.final) all.push_back(c.final);
  return all;
}

bool isRead(const Command& c, int input) {
  for (const Program* p : programsOf(c))
    if (p->loadBefore[input] >= 0) return true;
  return false;
}

int64_t powerAbove(int64_t n) {
  int64_t p = 1;
  while (p < n) p *= 2;
  return p;
}

int64_t distance(int64_t x) { return x < 0 ? -x : x; }

// Neighbouring threads take neighbouring rows where more operands lie densely across the rows than along them.
bool walksColumns(Command& c) {
  const int last = c.outer.ndim - 1;
  int across = 0, along = 0;
  for (int i = c.firstOut(); i < c.outer.count; ++i) {
    if (c.address[i] == nullptr) continue;
    if (c.along[i] == 0 || distance(c.along[i]) <= distance(c.outer.stride[i][last])) ++along;
    else ++across;
  }
  return c.outer.size[last] >= kColumns / 2 && across > along;
}

Plan choose(Command& c) {
  Plan p;
  int values = 1;
  for (int i = 0; i < c.nin; ++i) values += isRead(c, i);
  for (int k = 0; k < c.stages; ++k) values += c.stage[k].kept;
  const int most = int(std::clamp<int64_t>(powerAbove(kRegisters / values), 1, kMostHeld));
  p.column = walksColumns(c);
  if (p.column) {
    p.rows = kColumns;
    p.across = kLeastThreads / kColumns;
  } else {
    p.across = 8;
    for (const int wider : {32, 128, 256, 512, kMostThreads})
      if (c.length > int64_t(p.across) * (wider == 32 ? std::min(most, 4) : most)) p.across = wider;
    p.rows = std::max(1, kLeastThreads / p.across);
  }
  p.held = int(std::min<int64_t>(powerAbove((c.length + p.across - 1) / p.across), most));
  p.cached = c.length <= int64_t(p.across) * p.held;
  if (!p.cached) p.held = std::min(most, 4);
  p.wide = c.outer.wide(c.length, c.along) || c.length + int64_t(kMostThreads) * kMostHeld >= kNarrow;
  return p;
}

// A sum of bools is OR, a product AND.
int reducerOf(const RowStage& s) { return s.prologue->compute == Dtype::Bool && s.reducer < 2 ? s.reducer + 2 : s.reducer; }

// A function of the stage's number.
std::string byStage(const Command& c, const std::string& head, const std::function<std::string(int)>& of, const char* otherwise) {
  std::string text = "  " + head + " {\n";
  for (int k = 0; k < c.stages; ++k) text += "    if (k == " + std::to_string(k) + ") return " + of(k) + ";\n";
  return text + "    return " + otherwise + ";\n  }\n";
}

std::string stageFunction(const Command& c, const char* name, const std::function<std::string(int)>& of) {
  std::string text = std::string("  template <int k> TS_INLINE V ") + name +
                     "([[maybe_unused]] const V* x, [[maybe_unused]] const V* p, [[maybe_unused]] int32_t& bad) {\n    V y[1];\n";
  for (int k = 0; k < c.stages; ++k) text += "    if constexpr (k == " + std::to_string(k) + ") " + of(k) + "\n";
  return text + "    return y[0];\n  }\n";
}

std::string commandText(const Command& c) {
  std::string text = "using namespace torchstone::device;\n";
  for (int k = 0; k < c.stages; ++k) {
    const std::string n = std::to_string(k);
    text += programText(("P" + n).c_str(), *c.stage[k].prologue);
    if (c.stage[k].epilogue) text += programText(("E" + n).c_str(), *c.stage[k].epilogue);
  }
  if (c.final) text += programText("F", *c.final);
  auto count = [](const char* what, int n) { return std::string(what) + " = " + std::to_string(std::max(n, 1)); };
  text += std::string("struct Q {\n  using C = ") + storageName(c.any->compute) + ";\n  using V = Value<C>;\n  static constexpr int kCount = " +
          std::to_string(c.stages) + ", kInputs = " + std::to_string(c.nin) + count(", kStages", c.stages) + count(", kOut", c.nout) +
          count(", kIn", c.nin) + count(", kTotal", c.total()) + count(", kParams", c.any->nparams) +
          ";\n  static constexpr bool kWrites = " + (c.final ? "true" : "false") + ";\n";
  text += byStage(c, "static constexpr int reducer([[maybe_unused]] int k)", [&](int k) { return std::to_string(reducerOf(c.stage[k])); }, "0");
  text += byStage(c, "static constexpr bool keeps([[maybe_unused]] int k)", [&](int k) { return c.stage[k].kept ? "true" : "false"; }, "false");
  text += loadText(*c.any, c.nin, [&](int32_t i) { return isRead(c, i); });
  text += stageFunction(c, "prologue", [](int k) { return "P" + std::to_string(k) + "::eval(x, p, y, bad);"; });
  text += stageFunction(c, "epilogue", [&](int k) {
    return c.stage[k].epilogue ? "E" + std::to_string(k) + "::eval(x, p, y, bad);" : "y[0] = x[" + std::to_string(c.nin + k) + "];";
  });
  if (c.final) {
    text += "  TS_INLINE void last(const V* x, const V* p, V* y, int32_t& bad) { F::eval(x, p, y, bad); }\n"
            "  template <class I> TS_INLINE void store(const V* y, char* const* out, const I* at) { F::store(y, out, at); }\n";
  }
  return text + "};\n";
}

KernelText textOf(const Command& c, const Plan& p, bool indirect) {
  const std::string body = instance(p.cached ? "rowsCached" : "rowsStreamed", "Q", indexName(p.wide), p.rows, p.across, p.column, p.held);
  return {"rowwise", programHeaders(programsOf(c), {"rowwise.cuh"}),
          commandText(c) + kernelBody(instance("RowArgs", "Q", c.outer.ndim), p.rows * p.across, body, indirect)};
}

Key keyOf(const Command& c, const Plan& p) {
  Key key('w');
  for (int k = 0; k < c.stages; ++k) {
    key.add(*c.stage[k].prologue).add(c.stage[k].epilogue ? c.stage[k].epilogue->serial : -1);
    key.add(c.stage[k].reducer | int64_t(c.stage[k].kept) << 8);
  }
  key.add(c.final ? c.final->serial : -1).add(c.outer.ndim | c.nin << 8 | int64_t(c.nout) << 16 | int64_t(c.stages) << 24);
  return key.add(p.column | p.cached << 1 | p.wide << 2 | p.held << 4 | int64_t(p.rows) << 16 | int64_t(p.across) << 32);
}

}  // namespace

void rowwise(Context& context) {
  Command c;
  if (!decode(context, c)) return;
  collect(c);
  Device& device = current(context);
  const Plan p = choose(c);
  Words args;
  args.put(c.rows);
  args.put(c.length);
  args.put(static_cast<const void*>(device.errorCell()));
  putParams(args, *c.any, c.params);
  for (int i = 0; i < c.outer.count; ++i) args.put(static_cast<const void*>(c.address[i]));
  args.put(c.along, c.outer.count);
  c.outer.put(args);
  const auto text = [&](bool indirect) { return textOf(c, p, indirect); };
  launch(device, keyOf(c, p), std::ref(text), Grid{blocksFor(c.rows, p.rows)}, p.rows * p.across, args);
  setStatus(context, kOk);
}

}  // namespace torchstone::cuda
