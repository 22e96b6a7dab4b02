// FFT command: the Fourier transform of n points, times scale, for every position of K dims; inverse 1 takes e^(+2πi…).
//   block = [dtype, K, size × K, n, inCount, outCount, inverse, inKind, outKind, scale, in: address, stride × K, strideN,
//            out: the same]
// dtype is that of the parts, float32 or float64. inKind 0 complex, 1 real, 2 the first half of a Hermitian sequence (the rest
// mirrors it); outKind 0 complex, 1 real (the imaginary parts are left out). Strides count elements of either kind. inCount
// elements are read and zeros fill up to n; the first outCount are written. A row is read before it is written, so `out` may
// be `in`. Lengths with factors up to 61 take mixed radices, others Bluestein's algorithm, in float64. Roots of unity are
// computed in double.
#pragma once
#include <initializer_list>

#include "cursor.h"

namespace torchstone {

enum FftKind { kComplex, kReal, kHermitian };  // kHermitian: the first half of a sequence whose rest mirrors it

struct FftOperand {
  char* address;
  int64_t* stride;
  int64_t along;
};

struct FftCommand {
  Dtype dtype;
  int K;  // at least one dim
  FftKind inKind, outKind;
  int64_t* size;
  int64_t rows, n, inCount, outCount;
  bool inverse;
  double scale;
  FftOperand in, out;
};

static inline bool decode(Context& context, FftCommand& c) {
  Cursor in(context);
  c.dtype = in.dtype();
  const int K = in.count(kMaxDims);
  c.size = in.sizesOfSome(K);
  c.K = K > 0 ? K : 1;
  c.rows = 1;
  for (int d = 0; d < c.K; ++d) c.rows *= c.size[d];
  c.n = in.positive();
  c.inCount = in.atLeast0();
  c.outCount = in.between(0, c.n);
  c.inverse = in.flag();
  c.inKind = FftKind(in.count(kHermitian));
  c.outKind = FftKind(in.count(kReal));
  c.scale = in.number();
  for (FftOperand* o : {&c.in, &c.out}) {
    o->address = in.address();
    o->stride = in.stridesOfSome(K);
    o->along = in.integer();
  }
  return in.finish();
}

}  // namespace torchstone
