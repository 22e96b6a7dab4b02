// The multi-tensor pointwise family: one program over many tensors without gaps, cut into tiles over all of them, so that many
// small tensors share the threads as one large one does. tile.cc evaluates a tile.
#include "commands/multi_pointwise.h"
#include "team.h"
#include "tile.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

using Command = MultiPointwiseCommand;

constexpr int64_t kTile = TileRunner::kTile;

int64_t tilesOf(const Command& c, int64_t tensor) { return (c.size(tensor) + kTile - 1) / kTile; }

// A tile of one tensor.
void runTile(const Command& c, TileRunner& runner, int64_t tensor, int64_t tile, const int64_t* step) {
  const Program& p = *c.program;
  const int64_t first = tile * kTile, left = c.size(tensor) - first;
  char* at[kMaxOperands];
  for (int32_t k = 0; k < c.nops; ++k) at[k] = c.address(tensor, k) + first * itemSize(p, k);
  runner.run(left < kTile ? left : kTile, at, step, at + p.nout, step);
}

// The tiles [from, to) of all tensors, one after another.
Status runTiles(const Command& c, int64_t from, int64_t to) {
  TileRunner runner(*c.program, c.params);
  int64_t step[kMaxOperands];
  for (int32_t k = 0; k < c.nops; ++k) step[k] = 1;
  int64_t tensor = 0, tile = from;
  while (tensor < c.count && tile >= tilesOf(c, tensor)) tile -= tilesOf(c, tensor++);
  for (int64_t left = to - from; left > 0; --left) {
    runTile(c, runner, tensor, tile, step);
    if (++tile == tilesOf(c, tensor)) {
      ++tensor;
      tile = 0;
    }
  }
  return runner.status();
}

}  // namespace

void multiPointwise(Context& context) {
  Command c;
  if (!decode(context, c)) return;
  int64_t tiles = 0, elements = 0;
  for (int64_t i = 0; i < c.count; ++i) {
    tiles += tilesOf(c, i);
    elements += c.size(i);
  }
  const int team = threadsFor(elements, c.program->weight, context.threads);
  if (team == 1) return setStatus(context, runTiles(c, 0, tiles));
  int32_t worst = kOk;
  const int64_t length = chunkLength(tiles, double(elements) * c.program->weight);
  forEachStretch(tiles, length, team, [&](int64_t from, int64_t to) { raiseStatus(worst, runTiles(c, from, to)); });
  setStatus(context, worst);
}

}  // namespace torchstone::TORCHSTONE_ISA
