#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace ckpt {

// A list that takes eight bytes where it is empty: for what most of very many objects do not have.
template <typename T>
class RareList {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  RareList() = default;
  RareList(std::vector<T> items) {  // NOLINT: implicit by design
    if (!items.empty()) items_ = std::make_unique<std::vector<T>>(std::move(items));
  }
  RareList(std::initializer_list<T> items) : RareList(std::vector<T>(items)) {}
  RareList(const RareList& other) : RareList(other.items()) {}
  RareList(RareList&&) = default;
  RareList& operator=(const RareList& other) { return *this = RareList(other); }
  RareList& operator=(RareList&&) = default;
  ~RareList() = default;

  // All of them, as the vector that they are.
  [[nodiscard]] const std::vector<T>& items() const {
    static const std::vector<T> kNone;
    return items_ ? *items_ : kNone;
  }
  operator const std::vector<T>&() const { return items(); }  // NOLINT: implicit by design

  [[nodiscard]] T* begin() { return items_ ? items_->data() : nullptr; }
  [[nodiscard]] T* end() { return begin() + size(); }
  [[nodiscard]] const T* begin() const { return items().data(); }
  [[nodiscard]] const T* end() const { return begin() + size(); }
  [[nodiscard]] std::size_t size() const { return items().size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return items()[i]; }
  [[nodiscard]] const T& front() const { return items().front(); }

  void push_back(T item) {
    if (!items_) items_ = std::make_unique<std::vector<T>>();
    items_->push_back(std::move(item));
  }
  void clear() { items_.reset(); }

  friend bool operator==(const RareList& a, const RareList& b) { return a.items() == b.items(); }

 private:
  std::unique_ptr<std::vector<T>> items_;
};

}  // namespace ckpt
