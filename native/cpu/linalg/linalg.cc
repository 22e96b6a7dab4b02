// The linalg kernel family: factorisations and triangular solves of batches of matrices, by Eigen where they are blocked or
// iterative. Everything is computed in double (or complex double) and rounded once, and compiled once, for the baseline:
// Eigen's templates would be shared between instruction sets. Only a lack of memory throws; other failures are info codes.
// Eigen takes long to compile: hence files of their own.
#include "linalg_command.h"

namespace torchstone {

#ifdef TORCHSTONE_NO_EIGEN

void linalg(Context& ctx, const LinalgCommand&) { setStatus(ctx, kNotBuilt); }

#else

void linalg(Context& ctx, const LinalgCommand& command) {
  const linalg_::Command c{command, ctx.threads};
  switch (c.dtype) {
    case Dtype::Float32: case Dtype::Float64: case Dtype::Complex64: case Dtype::Complex128: break;
    default: return setStatus(ctx, kBadDtype, c.dtype);
  }
  if (linalg_::runMatrices(c)) setStatus(ctx, kOk);
  else setStatus(ctx, kOutOfMemory, 0.0);
}

#endif

void linalg(Context& ctx) {
  LinalgCommand c;
  if (decode(ctx, c)) linalg(ctx, c);
}

}  // namespace torchstone
