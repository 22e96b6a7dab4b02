// The sort kernel family on CUDA: chunks in shared memory, merge passes between two buffers, then the first k of each row.
#include <utility>

#include "codegen.h"
#include "commands/sort.h"
#include "declarations.h"

namespace torchstone::cuda {
namespace {

constexpr int kThreads = 256, kSlots = 1024, kLeastCap = 32;  // of kernels/sort.cuh

struct Sorter : SortCommand {
  Device& device;

  // bool sorts as its byte.
  const char* type() const { return dtype == Dtype::Bool ? "uint8_t" : storageName(dtype); }
  const char* keyType() const {
    switch (kItemSize[int(dtype)]) {
      case 1: return "uint8_t";
      case 2: return "uint16_t";
      case 4: return "uint32_t";
      default: return "uint64_t";
    }
  }
  bool wide() const { return n >= kNarrow; }
  int cap() const {
    int c = kLeastCap;
    while (c < kSlots && c < n) c *= 2;
    return c;
  }

  void step(const Key& key, const std::string& body, int64_t blocks, int64_t width, const char* from, const char* fromPlaces, const char* to,
            const char* toPlaces) const {
    Words args;
    for (int64_t v : {rows, n, k, width}) args.put(v);
    for (const char* p : {static_cast<const char*>(in), from, fromPlaces, to, toPlaces, static_cast<const char*>(values), static_cast<const char*>(indices)})
      args.put(static_cast<const void*>(p));
    launch(device, key, [&](bool indirect) {
      return KernelText{"sort", programHeaders({}, {"sort.cuh"}),
                        "using namespace torchstone::device;\n" + kernelBody("SortArgs", kThreads, body, indirect)};
    }, Grid{blocks}, kThreads, args);
  }

  void run() const {
    const int64_t count = rows * n, keyBytes = kItemSize[int(dtype)], placeBytes = wide() ? 8 : 4;
    const char* place = indexName(wide());
    const bool merges = n > kSlots;
    const Scratch keys(device, count * keyBytes), places(device, count * placeBytes);
    const Scratch otherKeys(device, merges ? count * keyBytes : 1), otherPlaces(device, merges ? count * placeBytes : 1);
    char *from = keys.address(), *fromPlaces = places.address(), *to = otherKeys.address(), *toPlaces = otherPlaces.address();
    const int segments = kSlots / cap();
    step(Key('k').add(int(dtype)).add(wide()).add(cap()).add(descending), instance("sortChunks", type(), place, cap(), descending),
         blocksFor(rows * blocksFor(n, cap()), segments), 0, nullptr, nullptr, from, fromPlaces);
    for (int64_t width = kSlots; width < n; width *= 2) {
      step(Key('m').add(keyBytes).add(wide()), instance("mergeRuns", keyType(), place), rows * blocksFor(n, kSlots), width, from, fromPlaces,
           to, toPlaces);
      std::swap(from, to);
      std::swap(fromPlaces, toPlaces);
    }
    step(Key('w').add(int(dtype)).add(wide()), instance("writeSorted", type(), place), blocksFor(rows * k, kThreads), 0, from, fromPlaces, to,
         toPlaces);
  }
};

}  // namespace

void sort(Context& context) {
  SortCommand c;
  if (!decode(context, c)) return;
  if (c.dtype == Dtype::Float16 || c.dtype == Dtype::BFloat16 || c.dtype >= Dtype::Complex64) return setStatus(context, kBadDtype, c.dtype);
  Sorter{c, current(context)}.run();
  setStatus(context, kOk);
}

}  // namespace torchstone::cuda
