// The pool's bookkeeping and its only calls to the system's allocator.
#include "pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace torchstone {

namespace {
constexpr int64_t kLine = 64;
int64_t roundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
}  // namespace

int64_t Pool::classOf(int64_t bytes) {
  if (bytes >= Pool::kHuge) return roundUp(bytes, kHuge);
  if (bytes <= 8 * kLine) return std::max(kLine, roundUp(bytes, kLine));
  const int power = 63 - __builtin_clzll(uint64_t(bytes - 1));  // 2^power < bytes <= 2^(power+1), about
  return std::min(kHuge, roundUp(bytes, int64_t(1) << (power - 3)));
}

namespace {

// For AddressSanitizer: of a block only what was asked for may be touched, and nothing once it is free. Otherwise nothing.
#ifdef __SANITIZE_ADDRESS__
void allow(int64_t address, int64_t bytes) {
  ASAN_UNPOISON_MEMORY_REGION(reinterpret_cast<void*>(address), size_t(bytes));
}
void forbid(int64_t address, int64_t bytes) {
  ASAN_POISON_MEMORY_REGION(reinterpret_cast<void*>(address), size_t(bytes));
}
#else
void allow(int64_t, int64_t) {}
void forbid(int64_t, int64_t) {}
#endif

class HostMemory : public Source {
 public:
  int64_t allocate(int64_t bytes) override;
  void free(int64_t address, int64_t bytes) override;
};

int64_t HostMemory::allocate(int64_t bytes) {
  constexpr int64_t kHuge = Pool::kHuge;
  if (bytes < kHuge) {
    void* p = std::aligned_alloc(size_t(kLine), size_t(bytes));
    return p == nullptr ? -1 : reinterpret_cast<int64_t>(p);
  }
  const size_t padded = size_t(bytes + kHuge);
  void* p = mmap(nullptr, padded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return -1;
  const int64_t start = reinterpret_cast<int64_t>(p), from = roundUp(start, kHuge);
  const int64_t before = from - start, after = kHuge - before;
  if (before > 0) munmap(p, size_t(before));
  if (after > 0) munmap(reinterpret_cast<void*>(from + bytes), size_t(after));
#ifdef MADV_HUGEPAGE
  madvise(reinterpret_cast<void*>(from), size_t(bytes), MADV_HUGEPAGE);
#endif
  return from;
}

void HostMemory::free(int64_t address, int64_t bytes) {
  allow(address, bytes);
  void* p = reinterpret_cast<void*>(address);
  if (bytes < Pool::kHuge) std::free(p);
  else munmap(p, size_t(bytes));
}

}  // namespace

Source& hostMemory() {
  static HostMemory memory;
  return memory;
}

// A free large block may be up to an eighth too large; its whole size is then live.
int64_t Pool::takeFree(int64_t bytes) {
  auto it = free_.lower_bound(bytes);
  while (it != free_.end() && it->second.empty()) ++it;
  const int64_t most = bytes >= kHuge ? bytes + bytes / 8 : bytes;
  if (it == free_.end() || it->first > most) return 0;
  const int64_t address = it->second.back();
  it->second.pop_back();
  stats_.cachedBytes -= it->first;
  live_.push_back({address, it->first, nullptr});
  return address;
}

// Whether `bytes` more may be taken from the system; free blocks go back to it first.
bool Pool::makeRoom(int64_t bytes, bool force) {
  if (reserved() + bytes <= budget_) return true;
  for (auto it = free_.rbegin(); it != free_.rend() && reserved() + bytes > budget_; ++it) {
    while (!it->second.empty() && reserved() + bytes > budget_) {
      source_.free(it->second.back(), it->first);
      it->second.pop_back();
      stats_.cachedBytes -= it->first;
    }
  }
  if (reserved() + bytes <= budget_) return true;
  if (!force) return false;
  const int64_t live = stats_.liveBytes + bytes;
  budget_ = std::max({budget_, kLeastBudget, live + std::max(int64_t(64) << 20, live / 4)});
  return true;
}

int64_t Pool::allocate(Napi::Object owner, int64_t request, bool force) {
  const int64_t address = take(request, force);
  if (address > 0 && napi_create_reference(env_, owner, 0, &live_.back().owner) != napi_ok) {
    giveBack(live_.size() - 1);
    return -1;
  }
  return address;
}

int64_t Pool::take(int64_t request, bool force) {
  if (request < 0 || request > int64_t(1) << 50) return -1;
  const int64_t bytes = classOf(request);
  int64_t address = takeFree(bytes);
  if (address != 0) {
    ++stats_.reuses;
  } else {
    // Blocks of a quarter of the nursery get half of it: all of it, with what lives beside, would not fit the last cache
    // (docs/decisions/0002). Three of a kind live at once in `z = f(x, y)`: collecting within such a step would only make its
    // operands old.
    const int64_t nursery = bytes >= leastNursery_ / 4 ? nursery_ / 2 : nursery_;
    const bool due = sinceCollect_ > 0 && sinceCollect_ + bytes > std::max(nursery, 3 * bytes);
    if ((due && !force) || !makeRoom(bytes, force)) return 0;
    address = source_.allocate(bytes);
    if (address < 0) {
      trim();
      address = source_.allocate(bytes);
    }
    if (address < 0) return -1;
    live_.push_back({address, bytes, nullptr});
    stats_.peakReserved = std::max(stats_.peakReserved, reserved() + bytes);
  }
  const Block& block = live_.back();
  stats_.liveBytes += block.bytes;
  ++stats_.liveBlocks;
  ++stats_.allocations;
  sinceCollect_ += block.bytes;
  where_[address] = live_.size() - 1;
  if (onHost()) {
    allow(address, request);
    forbid(address + request, block.bytes - request);
  }
  return address;
}

// Moves a live block to the free list and gives its reference up; the last live block takes its place.
void Pool::giveBack(size_t index) {
  const auto [address, bytes, owner] = live_[index];
  if (owner != nullptr) napi_delete_reference(env_, owner);
  where_.erase(address);
  if (index + 1 < live_.size()) {
    live_[index] = live_.back();
    where_[live_[index].address] = index;
  }
  live_.pop_back();
  if (onHost()) forbid(address, bytes);
  if (!source_.keep(address, bytes)) admit(address, bytes);
  stats_.liveBytes -= bytes;
  stats_.cachedBytes += bytes;
  --stats_.liveBlocks;
}

int64_t Pool::collect() {
  constexpr size_t kBatch = 1024;  // handles held at the same time
  int64_t reclaimed = 0;
  size_t i = 0;
  while (i < live_.size()) {
    const Napi::HandleScope scope(env_);
    for (size_t k = 0; k < kBatch && i < live_.size(); ++k) {
      napi_value owner = nullptr;
      napi_ref reference = live_[i].owner;
      if (reference != nullptr) napi_get_reference_value(env_, reference, &owner);
      if (owner != nullptr || reference == nullptr) {
        ++i;
        continue;
      }
      reclaimed += live_[i].bytes;
      giveBack(i);
    }
  }
  const bool littleDied = reclaimed < sinceCollect_ / 4;
  nursery_ = littleDied ? std::min(nursery_ * 2, kLeastBudget) : leastNursery_;
  sinceCollect_ = 0;
  return reclaimed;
}

void Pool::release(int64_t address) {
  const auto it = where_.find(address);
  if (it != where_.end()) giveBack(it->second);
}

void Pool::trim() {
  for (auto& [bytes, addresses] : free_) {
    for (const int64_t address : addresses) source_.free(address, bytes);
    stats_.cachedBytes -= bytes * int64_t(addresses.size());
  }
  free_.clear();
}

// The environment ends. It frees no weak reference that is still held: each goes with its block.
Pool::~Pool() {
  trim();
  for (const Block& block : live_) {
    if (block.owner != nullptr) napi_delete_reference(env_, block.owner);
    source_.free(block.address, block.bytes);
  }
}

}  // namespace torchstone
