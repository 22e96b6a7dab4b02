// The signature of a primitive's kernel and of a conversion, and where the tables of them are found.
#pragma once
#include "cpu/isa.h"

#define TS_KERNEL static inline __attribute__((always_inline))

namespace torchstone::TORCHSTONE_ISA {

// out[i] = op(in[0][i], ...) for n contiguous elements; bit k of `scalars` set: in[k] is one value. Not all may be set.
// The result may coincide with an operand. Returns a Status.
using Kernel = int32_t (*)(int64_t n, void* out, const void* const* in, unsigned scalars);

// to[i * toStride] = T(from[i * fromStride])
using Convert = void (*)(int64_t n, void* to, int64_t toStride, const void* from, int64_t fromStride);

const Kernel* kernelsBool();  // results are 0 or 1
const Kernel* kernelsUInt8();
const Kernel* kernelsInt8();
const Kernel* kernelsInt16();
const Kernel* kernelsInt32();
const Kernel* kernelsInt64();
const Kernel* kernelsFloat32();
const Kernel* kernelsFloat64();

// The same whose results are bools, of numbers wider than those; null where there is none.
const Kernel* kernelsInt16Truth();
const Kernel* kernelsInt32Truth();
const Kernel* kernelsInt64Truth();
const Kernel* kernelsFloat32Truth();
const Kernel* kernelsFloat64Truth();

// By dtype code; only for dtypes a program accepted.
Kernel kernelFor(int32_t dtype, int32_t opcode);
Kernel truthKernelFor(int32_t dtype, int32_t opcode);
Convert convertFor(int32_t from, int32_t to);

}  // namespace torchstone::TORCHSTONE_ISA
