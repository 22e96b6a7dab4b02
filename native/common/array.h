// An array of a size known at run time: `Array<int32_t> slots; slots.make(n);`. std::unique_ptr would do, but for the half second
// that <memory> takes in every kernel file.
#pragma once
#include <cstdint>

namespace torchstone {

template <class T> class Array {
 public:
  Array() = default;
  ~Array() { delete[] items_; }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  // n zeros in place of what was there.
  void make(int64_t n) {
    delete[] items_;
    items_ = nullptr;
    items_ = new T[n]();
  }
  __attribute__((always_inline)) T* get() const { return items_; }
  __attribute__((always_inline)) T& operator[](int64_t i) const { return items_[i]; }

 private:
  T* items_ = nullptr;
};

}  // namespace torchstone
