// FFT plan: its factors, roots of unity, and the passes over interleaved rows. Stockham's order, which sorts
// itself; radices 4, 2, 3, 5 and any small prime; Bluestein's algorithm for lengths with a large prime.
#pragma once
#include <cstdlib>
#include <new>

#include "cpu/isa.h"

namespace torchstone::TORCHSTONE_ISA {
namespace {

constexpr int64_t kLargestRadix = 61;
constexpr int kMostFactors = 64;

// e^(2πi·k/n), from the angle in the first octant: right to the last bit.
struct Root { double re, im; };
inline Root rootOfUnity(int64_t k, int64_t n) {
  k %= n;
  if (2 * k > n) {
    const Root r = rootOfUnity(n - k, n);
    return {r.re, -r.im};
  }
  if (4 * k > n) {
    const Root r = rootOfUnity(n - 2 * k, 2 * n);  // the angle π − 2πk/n
    return {-r.re, r.im};
  }
  const double turn = 6.283185307179586476925;
  if (8 * k > n) {
    const double rest = turn * double(n - 4 * k) / double(4 * n);  // a quarter less the angle
    return {__builtin_sin(rest), __builtin_cos(rest)};
  }
  const double angle = turn * double(k) / double(n);
  return {__builtin_cos(angle), __builtin_sin(angle)};
}

template <class F> struct FftPlan {
  int64_t n = 0;
  bool inverse = false;
  int count = 0;
  int radix[kMostFactors];
  F* roots = nullptr;        // for each pass, m·(p − 1) pairs; behind them p pairs for a general radix
  int64_t start[kMostFactors], general[kMostFactors];
  // Bluestein: the chirp (n pairs) and the transform of its conjugate (length pairs), with plans of that length.
  int64_t length = 0;
  F *chirp = nullptr, *kernel = nullptr;
  FftPlan* there = nullptr;
  FftPlan* back = nullptr;

  ~FftPlan() {
    std::free(roots);
    std::free(chirp);
    std::free(kernel);
    delete there;
    delete back;
  }

  static bool isSmooth(int64_t n) {
    for (int64_t p = 2; p <= kLargestRadix; ++p)
      while (n % p == 0) n /= p;
    return n == 1;
  }

  bool make(int64_t size, bool inv) {
    n = size;
    inverse = inv;
    return isSmooth(n) ? makePasses() : makeBluestein();
  }

  // Numbers of scratch for this many lanes, besides the two buffers of n each for both parts.
  int64_t workLength(int64_t lanes) const { return length == 0 ? 0 : 4 * length * lanes; }

  // Transforms [n][lanes] in (re, im); true when the result lies in (re2, im2).
  bool transform(int64_t lanes, F* re, F* im, F* re2, F* im2, F* work) const {
    if (length > 0) return bluestein(lanes, re, im, work), false;
    bool moved = false;
    int64_t size = n, s = lanes;
    for (int k = 0; k < count; ++k) {
      const int p = radix[k];
      const F* w = roots + start[k];
      const int64_t m = size / p;
      F *x = moved ? re2 : re, *xi = moved ? im2 : im, *y = moved ? re : re2, *yi = moved ? im : im2;
      if (p == 4) pass4(m, s, x, xi, y, yi, w);
      else if (p == 2) pass2(m, s, x, xi, y, yi, w);
      else if (p == 3) pass3(m, s, x, xi, y, yi, w);
      else if (p == 5) pass5(m, s, x, xi, y, yi, w);
      else passAny(p, m, s, x, xi, y, yi, w, roots + general[k]);
      moved = !moved;
      size = m;
      s *= p;
    }
    return moved;
  }

 private:
  bool makePasses() {
    int64_t rest = n, total = 0;
    const int first[] = {4, 2, 3, 5};
    auto take = [&](int p) {
      while (rest % p == 0) {
        start[count] = total;
        rest /= p;
        radix[count] = p;
        total += 2 * rest * (p - 1);
        general[count] = total;
        if (p > 5) total += 2 * p;
        ++count;
      }
    };
    for (const int p : first) take(p);
    for (int p = 7; rest > 1; p += 2) take(p);
    roots = static_cast<F*>(std::malloc(size_t(total > 0 ? total : 1) * sizeof(F)));
    if (roots == nullptr) return false;
    int64_t size = n;
    for (int k = 0; k < count; ++k) {
      const int p = radix[k];
      const int64_t m = size / p;
      F* w = roots + start[k];
      for (int64_t j = 0; j < m; ++j)
        for (int r = 1; r < p; ++r) put(w, j * (p - 1) + r - 1, rootOfUnity(j * r, size));
      if (p > 5)
        for (int r = 0; r < p; ++r) put(roots + general[k], r, rootOfUnity(r, p));
      size = m;
    }
    return true;
  }

  void put(F* w, int64_t at, Root r) const {
    w[2 * at] = F(r.re);
    w[2 * at + 1] = F(inverse ? r.im : -r.im);
  }

  bool makeBluestein() {
    int64_t size = 1;
    while (size < 2 * n - 1) size *= 2;
    there = new (std::nothrow) FftPlan;
    back = new (std::nothrow) FftPlan;
    if (there == nullptr || back == nullptr || !there->make(size, false) || !back->make(size, true)) return false;
    chirp = static_cast<F*>(std::malloc(size_t(2 * n) * sizeof(F)));
    kernel = static_cast<F*>(std::malloc(size_t(6 * size) * sizeof(F)));
    if (chirp == nullptr || kernel == nullptr) return false;
    // k² mod 2n, by steps of 2k + 1, so that nothing overflows.
    int64_t square = 0;
    for (int64_t k = 0; k < n; ++k) {
      put(chirp, k, rootOfUnity(square, 2 * n));
      square = (square + 2 * k + 1) % (2 * n);
    }
    F *re = kernel + 2 * size, *im = re + size;
    for (int64_t k = 0; k < size; ++k) {
      const int64_t at = k < n ? k : size - k < n ? size - k : -1;
      re[k] = at < 0 ? F(0) : chirp[2 * at];
      im[k] = at < 0 ? F(0) : -chirp[2 * at + 1];
    }
    const bool moved = there->transform(1, re, im, im + size, im + 2 * size, nullptr);
    if (moved) re = im + size, im = re + size;
    for (int64_t k = 0; k < size; ++k) kernel[k] = re[k] / F(size);
    for (int64_t k = 0; k < size; ++k) kernel[size + k] = im[k] / F(size);
    length = size;
    return true;
  }

  // x·chirp, convolved with the chirp's conjugate, times chirp.
  void bluestein(int64_t lanes, F* re, F* im, F* work) const {
    const int64_t part = length * lanes;
    F *a = work, *ai = work + part, *b = work + 2 * part, *bi = work + 3 * part;
    for (int64_t k = 0; k < n; ++k)
      multiply(lanes, a + k * lanes, ai + k * lanes, re + k * lanes, im + k * lanes, chirp[2 * k], chirp[2 * k + 1]);
    for (int64_t k = n * lanes; k < part; ++k) a[k] = ai[k] = F(0);
    if (there->transform(lanes, a, ai, b, bi, nullptr)) swap(a, b), swap(ai, bi);
    for (int64_t k = 0; k < length; ++k)
      multiply(lanes, a + k * lanes, ai + k * lanes, a + k * lanes, ai + k * lanes, kernel[k], kernel[length + k]);
    if (back->transform(lanes, a, ai, b, bi, nullptr)) swap(a, b), swap(ai, bi);
    for (int64_t k = 0; k < n; ++k)
      multiply(lanes, re + k * lanes, im + k * lanes, a + k * lanes, ai + k * lanes, chirp[2 * k], chirp[2 * k + 1]);
  }

  static void swap(F*& a, F*& b) {
    F* t = a;
    a = b;
    b = t;
  }

  static void multiply(int64_t lanes, F* y, F* yi, const F* x, const F* xi, F w, F wi) {
    TS_INDEPENDENT
    for (int64_t l = 0; l < lanes; ++l) {
      const F a = x[l], b = xi[l];
      y[l] = a * w - b * wi;
      yi[l] = a * wi + b * w;
    }
  }

  void pass2(int64_t m, int64_t s, const F* x, const F* xi, F* y, F* yi, const F* w) const {
    for (int64_t j = 0; j < m; ++j) {
      const F c = w[2 * j], d = w[2 * j + 1];
      const F *a = x + s * j, *ai = xi + s * j, *b = x + s * (j + m), *bi = xi + s * (j + m);
      F *p = y + s * 2 * j, *pi = yi + s * 2 * j;
      TS_INDEPENDENT
      for (int64_t q = 0; q < s; ++q) {
        p[q] = a[q] + b[q];
        pi[q] = ai[q] + bi[q];
        const F u = a[q] - b[q], v = ai[q] - bi[q];
        p[q + s] = u * c - v * d;
        pi[q + s] = u * d + v * c;
      }
    }
  }

  void pass4(int64_t m, int64_t s, const F* x, const F* xi, F* y, F* yi, const F* w) const {
    const F turn = inverse ? F(1) : F(-1);
    for (int64_t j = 0; j < m; ++j) {
      const F* t = w + 6 * j;
      const F *a = x + s * j, *ai = xi + s * j;
      F *p = y + s * 4 * j, *pi = yi + s * 4 * j;
      const int64_t h = s * m;
      TS_INDEPENDENT
      for (int64_t q = 0; q < s; ++q) {
        const F r0 = a[q] + a[q + 2 * h], i0 = ai[q] + ai[q + 2 * h], r1 = a[q] - a[q + 2 * h], i1 = ai[q] - ai[q + 2 * h];
        const F r2 = a[q + h] + a[q + 3 * h], i2 = ai[q + h] + ai[q + 3 * h];
        const F r3 = turn * (a[q + h] - a[q + 3 * h]), i3 = turn * (ai[q + h] - ai[q + 3 * h]);
        p[q] = r0 + r2;
        pi[q] = i0 + i2;
        const F u1 = r1 - i3, v1 = i1 + r3, u2 = r0 - r2, v2 = i0 - i2, u3 = r1 + i3, v3 = i1 - r3;
        p[q + s] = u1 * t[0] - v1 * t[1];
        pi[q + s] = u1 * t[1] + v1 * t[0];
        p[q + 2 * s] = u2 * t[2] - v2 * t[3];
        pi[q + 2 * s] = u2 * t[3] + v2 * t[2];
        p[q + 3 * s] = u3 * t[4] - v3 * t[5];
        pi[q + 3 * s] = u3 * t[5] + v3 * t[4];
      }
    }
  }

  void pass3(int64_t m, int64_t s, const F* x, const F* xi, F* y, F* yi, const F* w) const {
    const F half = F(-0.5), sine = F(inverse ? 0.86602540378443864676 : -0.86602540378443864676);
    for (int64_t j = 0; j < m; ++j) {
      const F* t = w + 4 * j;
      const F *a = x + s * j, *ai = xi + s * j;
      F *p = y + s * 3 * j, *pi = yi + s * 3 * j;
      const int64_t h = s * m;
      TS_INDEPENDENT
      for (int64_t q = 0; q < s; ++q) {
        const F sr = a[q + h] + a[q + 2 * h], si = ai[q + h] + ai[q + 2 * h];
        const F dr = sine * (a[q + h] - a[q + 2 * h]), di = sine * (ai[q + h] - ai[q + 2 * h]);
        const F cr = a[q] + half * sr, ci = ai[q] + half * si;
        p[q] = a[q] + sr;
        pi[q] = ai[q] + si;
        const F u1 = cr - di, v1 = ci + dr, u2 = cr + di, v2 = ci - dr;
        p[q + s] = u1 * t[0] - v1 * t[1];
        pi[q + s] = u1 * t[1] + v1 * t[0];
        p[q + 2 * s] = u2 * t[2] - v2 * t[3];
        pi[q + 2 * s] = u2 * t[3] + v2 * t[2];
      }
    }
  }

  void pass5(int64_t m, int64_t s, const F* x, const F* xi, F* y, F* yi, const F* w) const {
    const F c1 = F(0.30901699437494742410), c2 = F(-0.80901699437494742410);
    const F s1 = F(inverse ? 0.95105651629515357212 : -0.95105651629515357212);
    const F s2 = F(inverse ? 0.58778525229247312917 : -0.58778525229247312917);
    for (int64_t j = 0; j < m; ++j) {
      const F* t = w + 8 * j;
      const F *a = x + s * j, *ai = xi + s * j;
      F *p = y + s * 5 * j, *pi = yi + s * 5 * j;
      const int64_t h = s * m;
      TS_INDEPENDENT
      for (int64_t q = 0; q < s; ++q) {
        const F ar = a[q + h] + a[q + 4 * h], aq = ai[q + h] + ai[q + 4 * h];
        const F br = a[q + 2 * h] + a[q + 3 * h], bq = ai[q + 2 * h] + ai[q + 3 * h];
        const F dr = a[q + h] - a[q + 4 * h], dq = ai[q + h] - ai[q + 4 * h];
        const F er = a[q + 2 * h] - a[q + 3 * h], eq = ai[q + 2 * h] - ai[q + 3 * h];
        const F f1 = a[q] + c1 * ar + c2 * br, g1 = ai[q] + c1 * aq + c2 * bq;
        const F f2 = a[q] + c2 * ar + c1 * br, g2 = ai[q] + c2 * aq + c1 * bq;
        const F k1 = s1 * dr + s2 * er, l1 = s1 * dq + s2 * eq, k2 = s2 * dr - s1 * er, l2 = s2 * dq - s1 * eq;
        p[q] = a[q] + ar + br;
        pi[q] = ai[q] + aq + bq;
        const F u1 = f1 - l1, v1 = g1 + k1, u4 = f1 + l1, v4 = g1 - k1;
        const F u2 = f2 - l2, v2 = g2 + k2, u3 = f2 + l2, v3 = g2 - k2;
        p[q + s] = u1 * t[0] - v1 * t[1];
        pi[q + s] = u1 * t[1] + v1 * t[0];
        p[q + 2 * s] = u2 * t[2] - v2 * t[3];
        pi[q + 2 * s] = u2 * t[3] + v2 * t[2];
        p[q + 3 * s] = u3 * t[4] - v3 * t[5];
        pi[q + 3 * s] = u3 * t[5] + v3 * t[4];
        p[q + 4 * s] = u4 * t[6] - v4 * t[7];
        pi[q + 4 * s] = u4 * t[7] + v4 * t[6];
      }
    }
  }

  // One result of the butterfly after the other, so that nothing is kept.
  void passAny(int p, int64_t m, int64_t s, const F* x, const F* xi, F* y, F* yi, const F* w, const F* unit) const {
    const int64_t h = s * m;
    for (int64_t j = 0; j < m; ++j) {
      const F *a = x + s * j, *ai = xi + s * j;
      for (int r = 0; r < p; ++r) {
        F *o = y + s * (p * j + r), *oi = yi + s * (p * j + r);
        for (int64_t q = 0; q < s; ++q) o[q] = a[q], oi[q] = ai[q];
        for (int k = 1; k < p; ++k) {
          const int at = k * r % p;
          const F c = unit[2 * at], d = unit[2 * at + 1];
          const F *b = a + h * k, *bi = ai + h * k;
          TS_INDEPENDENT
          for (int64_t q = 0; q < s; ++q) {
            o[q] += b[q] * c - bi[q] * d;
            oi[q] += b[q] * d + bi[q] * c;
          }
        }
        if (r == 0) continue;
        const int64_t at = j * (p - 1) + r - 1;
        multiply(s, o, oi, o, oi, w[2 * at], w[2 * at + 1]);
      }
    }
  }
};

// The last few plans of each thread that calls; the one used least recently goes.
template <class F> const FftPlan<F>* planFor(int64_t n, bool inverse) {
  constexpr int kKept = 8;
  struct Kept {
    FftPlan<F>* plan[kKept] = {};
    ~Kept() {
      for (FftPlan<F>* p : plan) delete p;
    }
  };
  static thread_local Kept kept;
  int at = 0;
  while (at < kKept - 1 && kept.plan[at] != nullptr && !(kept.plan[at]->n == n && kept.plan[at]->inverse == inverse)) ++at;
  FftPlan<F>* found = kept.plan[at];
  if (found == nullptr || found->n != n || found->inverse != inverse) {
    delete found;
    kept.plan[at] = nullptr;
    found = new (std::nothrow) FftPlan<F>;
    if (found == nullptr) return nullptr;
    if (!found->make(n, inverse)) {
      delete found;
      return nullptr;
    }
  }
  for (; at > 0; --at) kept.plan[at] = kept.plan[at - 1];
  kept.plan[0] = found;
  return found;
}

}  // namespace
}  // namespace torchstone::TORCHSTONE_ISA
