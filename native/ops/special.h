// The functors of the special functions: each element goes through double to native/special/, whatever its dtype.
#pragma once
#include "../special/special.h"
#include "types.h"

namespace torchstone::TORCHSTONE_ISA::ops {

#define TS_SPECIAL1(name) \
  struct name { template <class T> TS_OP T apply(T a) { return T(special::name(double(a))); } };
#define TS_SPECIAL2(name) \
  struct name { template <class T> TS_OP T apply(T a, T b) { return T(special::name(double(a), double(b))); } };

TS_SPECIAL1(i0)
TS_SPECIAL1(i0e)
TS_SPECIAL1(i1)
TS_SPECIAL1(i1e)
TS_SPECIAL1(k0)
TS_SPECIAL1(k0e)
TS_SPECIAL1(k1)
TS_SPECIAL1(k1e)
TS_SPECIAL1(besselJ0)
TS_SPECIAL1(besselJ1)
TS_SPECIAL1(besselY0)
TS_SPECIAL1(besselY1)
TS_SPECIAL1(sphericalJ0)
TS_SPECIAL1(airyAi)
TS_SPECIAL1(erfcx)
TS_SPECIAL1(ndtri)
TS_SPECIAL1(logNdtr)
TS_SPECIAL1(mantissa)
TS_SPECIAL1(exponent)
TS_SPECIAL2(zeta)
TS_SPECIAL2(polygamma)
TS_SPECIAL2(igamma)
TS_SPECIAL2(igammac)
TS_SPECIAL2(chebyshevT)
TS_SPECIAL2(chebyshevU)
TS_SPECIAL2(chebyshevV)
TS_SPECIAL2(chebyshevW)
TS_SPECIAL2(hermiteH)
TS_SPECIAL2(hermiteHe)
TS_SPECIAL2(laguerreL)
TS_SPECIAL2(legendreP)

}  // namespace torchstone::TORCHSTONE_ISA::ops
