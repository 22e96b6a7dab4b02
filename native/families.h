// The lists of kernel families. The addon exports each name; every instruction set's table implements each one.
// Each family `x` is a function `void x(Context&)` in namespace torchstone::ISA, in one folder under cpu/.
#pragma once
#define TORCHSTONE_FAMILIES(X) \
  X(pointwise)                 \
  X(multiPointwise)            \
  X(reduce)                    \
  X(rowwise)                   \
  X(scan)                      \
  X(gemm)                      \
  X(conv)                      \
  X(convInputGrad)             \
  X(convWeightGrad)            \
  X(indexGet)                  \
  X(indexPut)                  \
  X(nonzero)                   \
  X(sort)                      \
  X(search)                    \
  X(random)                    \
  X(mersenne)                  \
  X(arange)                    \
  X(fft)

// Families compiled once, for the baseline, outside every set's namespace.
#define TORCHSTONE_SHARED_FAMILIES(X) X(linalg)
