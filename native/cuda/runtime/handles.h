// The numbers of the driver's objects that live as long as a JavaScript object: streams, events, graphs. Numbers are
// positions and are used again; who holds one holds the object.
#pragma once
#include <node_api.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace torchstone::cuda {

template <class T> class Handles {
 public:
  explicit Handles(napi_env env) : env_(env) {}
  ~Handles() {
    for (Slot& slot : slots_) forget(slot);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  // Without an owner (null, or no object) only `drop` ends it.
  int64_t add(T made, napi_value owner) {
    napi_ref held = nullptr;
    if (owner != nullptr && napi_create_reference(env_, owner, 0, &held) != napi_ok) held = nullptr;
    ++count_;
    if (unused_.empty()) {
      slots_.push_back({std::move(made), held, true});
      return int64_t(slots_.size()) - 1;
    }
    const int64_t id = unused_.back();
    unused_.pop_back();
    slots_[size_t(id)] = {std::move(made), held, true};
    return id;
  }
  // Null where there is none, and after `drop`.
  T* at(int64_t id) { return id >= 0 && id < int64_t(slots_.size()) && usable(slots_[size_t(id)]) ? &slots_[size_t(id)].value : nullptr; }
  const T* at(int64_t id) const { return const_cast<Handles*>(this)->at(id); }
  // Its holder is done with it. `end(id, value)` ends it and gives true, or leaves it to a later sweep.
  template <class End> void drop(int64_t id, End end) {
    slots_[size_t(id)].dropped = true;
    if (end(id, slots_[size_t(id)].value)) remove(id);
  }
  // Asks the same of each that nobody holds any more.
  template <class End> void sweep(End end) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      if (slot.used && (slot.dropped || !alive(slot)) && end(int64_t(i), slot.value)) remove(int64_t(i));
    }
    due_ = std::max(kSweep, 2 * count_);
  }
  // Whether so many have been added since the last sweep that one pays.
  bool due() const { return count_ >= due_; }
  int64_t count() const { return count_; }
  // Dropped ones too.
  template <class F> void each(F f) {
    for (Slot& slot : slots_)
      if (slot.used) f(slot.value);
  }

 private:
  static constexpr int64_t kSweep = 64;
  struct Slot {
    T value{};
    napi_ref owner = nullptr;  // weak
    bool used = false, dropped = false;
  };
  static bool usable(const Slot& slot) { return slot.used && !slot.dropped; }
  bool alive(const Slot& slot) const {
    if (slot.owner == nullptr) return true;
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env_, &scope);
    napi_value owner = nullptr;
    napi_get_reference_value(env_, slot.owner, &owner);
    napi_close_handle_scope(env_, scope);
    return owner != nullptr;
  }
  void remove(int64_t id) {
    forget(slots_[size_t(id)]);
    slots_[size_t(id)] = {};
    unused_.push_back(id);
    --count_;
  }
  void forget(Slot& slot) {
    if (slot.owner != nullptr) napi_delete_reference(env_, slot.owner);
    slot.owner = nullptr;
  }

  const napi_env env_;
  std::vector<Slot> slots_;
  std::vector<int64_t> unused_;
  int64_t count_ = 0, due_ = kSweep;
};

}  // namespace torchstone::cuda
