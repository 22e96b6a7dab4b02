// The transposition of a small block of 4- or 8-byte elements through registers. Bytes are moved as they are.
#pragma once
#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {

template <class T, int N> struct Lanes {
  typedef T type __attribute__((vector_size(sizeof(T) * N)));
};

// Interleaves the halves of pairs log2(N) times: step by step element (i, j) moves to (j, i).
// Rows i and i + N/2 become the low and high interleavings 2i and 2i + 1; after log2(N) rounds all are transposed.
template <class T, int N> TS_INLINE void interleave(typename Lanes<T, N>::type* rows) {
  using V = typename Lanes<T, N>::type;
  V low, high;
  for (int j = 0; j < N / 2; ++j) {
    low[2 * j] = T(j);
    low[2 * j + 1] = T(N + j);
    high[2 * j] = T(N / 2 + j);
    high[2 * j + 1] = T(N + N / 2 + j);
  }
  for (int round = 1; round < N; round *= 2) {
    V next[N];
    for (int i = 0; i < N / 2; ++i) {
      next[2 * i] = __builtin_shuffle(rows[i], rows[i + N / 2], low);
      next[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + N / 2], high);
    }
    for (int i = 0; i < N; ++i) rows[i] = next[i];
  }
}

// to[r * toStride + c] = from[c * fromStride + r]
template <class T>
static void transposeBlock(int64_t rows, int64_t columns, T* to, int64_t toStride, const T* from, int64_t fromStride) {
  constexpr int N = sizeof(T) == 4 ? (kVectorBytes >= 32 ? 8 : 4) : (kVectorBytes >= 32 ? 4 : 2);
  using V = typename Lanes<T, N>::type;
  int64_t c = 0;
  for (; c + N <= columns; c += N) {
    int64_t r = 0;
    for (; r + N <= rows; r += N) {
      V block[N];
      for (int k = 0; k < N; ++k) __builtin_memcpy(&block[k], from + (c + k) * fromStride + r, sizeof(V));
      interleave<T, N>(block);
      for (int k = 0; k < N; ++k) __builtin_memcpy(to + (r + k) * toStride + c, &block[k], sizeof(V));
    }
    for (; r < rows; ++r)
      for (int k = 0; k < N; ++k) to[r * toStride + c + k] = from[(c + k) * fromStride + r];
  }
  for (; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r) to[r * toStride + c] = from[c * fromStride + r];
}

}  // namespace torchstone::TORCHSTONE_ISA
