// Loads and stores: strided copies that convert between dtypes, one function per pair.
// ops/convert.h converts one element.
#include "block.h"
#include "ops/convert.h"
#include "kernel_table.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

template <class To, class From>
void convert(int64_t n, void* to, int64_t toStride, const void* from, int64_t fromStride) {
  To* t = static_cast<To*>(to);
  const From* f = static_cast<const From*>(from);
  if (toStride == 1 && fromStride == 1) {
    if constexpr (sizeof(To) + sizeof(From) == 6 && (requires { widenAll(n, t, f); })) return widenAll(n, t, f);
    if constexpr (sizeof(To) + sizeof(From) == 6 && (requires { narrowAll(n, t, f); })) return narrowAll(n, t, f);
    TS_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) put(t + i, number(f[i]));
  } else if (toStride == 1 && fromStride == 0) {
    To value;
    put(&value, number(*f));
    for (int64_t i = 0; i < n; ++i) t[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i, t += toStride, f += fromStride) put(t, number(*f));
  }
}

// Same dtype: the bytes are moved as they are (a bool keeps its byte, a NaN its payload).
template <class T> void same(int64_t n, void* to, int64_t toStride, const void* from, int64_t fromStride) {
  if (toStride == 1 && fromStride == 1) {
    if (to != from) __builtin_memmove(to, from, size_t(n) * sizeof(T));
    return;
  }
  convert<T, T>(n, to, toStride, from, fromStride);
}

template <class From> Convert into(int32_t to) {
  switch (Dtype(to)) {
    case Dtype::Bool: return convert<Bool, From>;
    case Dtype::UInt8: return convert<uint8_t, From>;
    case Dtype::Int8: return convert<int8_t, From>;
    case Dtype::Int16: return convert<int16_t, From>;
    case Dtype::Int32: return convert<int32_t, From>;
    case Dtype::Int64: return convert<int64_t, From>;
    case Dtype::Float16: return convert<Half, From>;
    case Dtype::BFloat16: return convert<Brain, From>;
    case Dtype::Float32: return convert<float, From>;
    default: return convert<double, From>;
  }
}

Convert identity(int32_t dtype) {
  switch (kItemSize[dtype]) {
    case 1: return same<uint8_t>;
    case 2: return same<int16_t>;
    case 4: return same<int32_t>;
    default: return same<int64_t>;
  }
}

}  // namespace

Convert convertFor(int32_t from, int32_t to) {
  const bool bytes = from == int32_t(Dtype::Bool) && to == int32_t(Dtype::UInt8);
  if (from == to || bytes) return identity(from);
  switch (Dtype(from)) {
    case Dtype::Bool:
    case Dtype::UInt8: return into<uint8_t>(to);
    case Dtype::Int8: return into<int8_t>(to);
    case Dtype::Int16: return into<int16_t>(to);
    case Dtype::Int32: return into<int32_t>(to);
    case Dtype::Int64: return into<int64_t>(to);
    case Dtype::Float16: return into<Half>(to);
    case Dtype::BFloat16: return into<Brain>(to);
    case Dtype::Float32: return into<float>(to);
    default: return into<double>(to);
  }
}

Kernel kernelFor(int32_t dtype, int32_t opcode) {
  switch (Dtype(dtype)) {
    case Dtype::Bool: return kernelsBool()[opcode];
    case Dtype::UInt8: return kernelsUInt8()[opcode];
    case Dtype::Int8: return kernelsInt8()[opcode];
    case Dtype::Int16: return kernelsInt16()[opcode];
    case Dtype::Int32: return kernelsInt32()[opcode];
    case Dtype::Int64: return kernelsInt64()[opcode];
    case Dtype::Float32: return kernelsFloat32()[opcode];
    default: return kernelsFloat64()[opcode];
  }
}

Kernel truthKernelFor(int32_t dtype, int32_t opcode) {
  switch (Dtype(dtype)) {
    case Dtype::Int16: return kernelsInt16Truth()[opcode];
    case Dtype::Int32: return kernelsInt32Truth()[opcode];
    case Dtype::Int64: return kernelsInt64Truth()[opcode];
    case Dtype::Float32: return kernelsFloat32Truth()[opcode];
    case Dtype::Float64: return kernelsFloat64Truth()[opcode];
    default: return nullptr;
  }
}

}  // namespace torchstone::TORCHSTONE_ISA
