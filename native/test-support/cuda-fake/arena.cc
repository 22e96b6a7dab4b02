// The arena: first-fit blocks with a guarded zone behind each, fresh memory filled with a pattern.
#include "arena.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>

namespace shim {

namespace {

constexpr size_t kUnit = 512, kZone = 256, kPatterned = 1 << 20, kHugePage = 2 << 20;
constexpr int kWholeEvery = 256;  // launches between looks at all blocks
constexpr int kZonePattern = 0xFD, kFreshPattern = 0xCB;

struct Arena {
  char* base = nullptr;
  size_t span = 0, limit = 0, used = 0;
  std::map<uint64_t, size_t> live;   // address -> bytes asked for
  std::map<uint64_t, size_t> holes;  // address -> bytes
  int opened = 0;
};

Arena& arena() {
  static Arena* const made = [] {
    Arena* a = new Arena;
    const char* wanted = std::getenv("TORCHSTONE_SHIM_MEMORY");
    a->limit = wanted == nullptr ? size_t(2) << 30 : size_t(std::strtoull(wanted, nullptr, 10));
    a->span = (a->limit * 2 + (size_t(64) << 20)) / kHugePage * kHugePage;  // room for what fragments
    void* base = mmap(nullptr, a->span + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) std::abort();
    const uint64_t aligned = (reinterpret_cast<uint64_t>(base) + kHugePage - 1) / kHugePage * kHugePage;
    a->base = reinterpret_cast<char*>(aligned);
    // Opening and closing change every page that was ever touched: few large ones make a launch cheap late in a long run.
    madvise(a->base, a->span, MADV_HUGEPAGE);
    a->holes[aligned] = a->span;
    return a;
  }();
  return *made;
}

size_t sizeOf(size_t bytes) { return (bytes + kZone + kUnit - 1) / kUnit * kUnit; }

// Empty, or what was written into the zone behind a block, which is mended.
std::string behind(uint64_t address, size_t bytes) {
  unsigned char* const zone = reinterpret_cast<unsigned char*>(address) + bytes;
  for (size_t i = 0; i < kZone; ++i) {
    if (zone[i] == kZonePattern) continue;
    std::memset(zone, kZonePattern, kZone);
    return "byte " + std::to_string(i) + " behind a block of " + std::to_string(bytes) + " bytes was written";
  }
  return "";
}

}  // namespace

Opened::Opened() {
  Arena& a = arena();
  if (a.opened++ == 0) mprotect(a.base, a.span, PROT_READ | PROT_WRITE);
}
Opened::~Opened() {
  Arena& a = arena();
  if (--a.opened == 0) mprotect(a.base, a.span, PROT_NONE);
}

uint64_t take(size_t bytes) {
  Arena& a = arena();
  const size_t size = sizeOf(bytes);
  if (bytes == 0 || bytes > a.limit || a.used + bytes > a.limit) return 0;
  for (auto it = a.holes.begin(); it != a.holes.end(); ++it) {
    if (it->second < size) continue;
    const uint64_t address = it->first;
    const size_t left = it->second - size;
    a.holes.erase(it);
    if (left > 0) a.holes[address + size] = left;
    a.live[address] = bytes;
    a.used += bytes;
    const Opened open;
    std::memset(reinterpret_cast<char*>(address) + bytes, kZonePattern, kZone);
    std::memset(reinterpret_cast<char*>(address), kFreshPattern, bytes < kPatterned ? bytes : kPatterned);
    return address;
  }
  return 0;
}

bool give(uint64_t address) {
  Arena& a = arena();
  const auto found = a.live.find(address);
  if (found == a.live.end()) return false;
  const size_t size = sizeOf(found->second);
  a.used -= found->second;
  a.live.erase(found);
  auto [hole, fresh] = a.holes.emplace(address, size);
  (void)fresh;
  const auto next = std::next(hole);
  if (next != a.holes.end() && hole->first + hole->second == next->first) {
    hole->second += next->second;
    a.holes.erase(next);
  }
  if (hole != a.holes.begin()) {
    const auto before = std::prev(hole);
    if (before->first + before->second == hole->first) {
      before->second += hole->second;
      a.holes.erase(hole);
    }
  }
  return true;
}

bool holds(uint64_t address, size_t bytes) {
  Arena& a = arena();
  auto it = a.live.upper_bound(address);
  if (it == a.live.begin()) return false;
  --it;
  return address + bytes <= it->first + it->second;
}

size_t freeBytes() { return arena().limit - arena().used; }
size_t totalBytes() { return arena().limit; }

std::string overrun(const void* args, size_t bytes) {
  static int launches = 0;
  const Opened open;
  const auto& live = arena().live;
  if (++launches % kWholeEvery == 0) {
    for (const auto& [address, size] : live)
      if (std::string wrong = behind(address, size); !wrong.empty()) return wrong;
    return "";
  }
  for (size_t at = 0; at + sizeof(uint64_t) <= bytes; at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, static_cast<const char*>(args) + at, sizeof word);
    const auto after = live.upper_bound(word);
    if (after == live.begin()) continue;
    const auto& [address, size] = *std::prev(after);
    if (word >= address + sizeOf(size)) continue;
    if (std::string wrong = behind(address, size); !wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace shim
