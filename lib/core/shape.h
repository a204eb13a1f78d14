#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ckpt {

// The extents of a tensor, outermost first (row-major). A scalar has none. A std::vector in all but
// room: one or two extents, as most variables have, lie in the shape itself.
class Shape {
 public:
  using value_type = std::int64_t;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = std::int64_t&;
  using const_reference = const std::int64_t&;
  using iterator = std::int64_t*;
  using const_iterator = const std::int64_t*;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) : Shape(extents.begin(), extents.end()) {}
  Shape(const std::vector<std::int64_t>& extents)  // NOLINT: implicit, as between equals
      : Shape(extents.begin(), extents.end()) {}
  explicit Shape(std::size_t rank, std::int64_t extent = 0) { assign(rank, extent); }
  template <std::input_iterator Iterator>
  Shape(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(static_cast<std::int64_t>(*first));
  }
  Shape(const Shape& other) { *this = other; }
  Shape(Shape&& other) noexcept { swap(other); }
  Shape& operator=(const Shape& other) {
    if (this == &other) return *this;
    resize(other.size_);
    std::copy(other.begin(), other.end(), begin());
    return *this;
  }
  Shape& operator=(Shape&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Shape() {
    if (is_large()) delete[] large_;
  }

  operator std::vector<std::int64_t>() const { return {begin(), end()}; }  // NOLINT: the same

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::int64_t* data() { return is_large() ? large_ : small_; }
  [[nodiscard]] const std::int64_t* data() const { return is_large() ? large_ : small_; }
  [[nodiscard]] iterator begin() { return data(); }
  [[nodiscard]] iterator end() { return data() + size_; }
  [[nodiscard]] const_iterator begin() const { return data(); }
  [[nodiscard]] const_iterator end() const { return data() + size_; }
  [[nodiscard]] auto rbegin() { return std::reverse_iterator(end()); }
  [[nodiscard]] auto rend() { return std::reverse_iterator(begin()); }
  [[nodiscard]] auto rbegin() const { return std::reverse_iterator(end()); }
  [[nodiscard]] auto rend() const { return std::reverse_iterator(begin()); }
  [[nodiscard]] std::int64_t& operator[](std::size_t axis) { return data()[axis]; }
  [[nodiscard]] const std::int64_t& operator[](std::size_t axis) const { return data()[axis]; }
  // Throws std::out_of_range.
  [[nodiscard]] std::int64_t at(std::size_t axis) const;
  [[nodiscard]] std::int64_t& front() { return data()[0]; }
  [[nodiscard]] const std::int64_t& front() const { return data()[0]; }
  [[nodiscard]] std::int64_t& back() { return data()[size_ - 1]; }
  [[nodiscard]] const std::int64_t& back() const { return data()[size_ - 1]; }

  void clear() { size_ = 0; }
  void reserve(std::size_t rank) {
    if (rank > capacity_) grow(rank);
  }
  void resize(std::size_t rank, std::int64_t extent = 0) {
    reserve(rank);
    if (rank > size_) std::fill(data() + size_, data() + rank, extent);
    size_ = static_cast<std::uint32_t>(rank);
  }
  void assign(std::size_t rank, std::int64_t extent) {
    clear();
    resize(rank, extent);
  }
  template <std::input_iterator Iterator>
  void assign(Iterator first, Iterator last) {
    *this = Shape(first, last);
  }
  void push_back(std::int64_t extent) { resize(size_ + 1U, extent); }
  void pop_back() { --size_; }
  iterator insert(const_iterator where, std::int64_t extent) { return insert(where, 1, extent); }
  iterator insert(const_iterator where, std::size_t count, std::int64_t extent) {
    const auto at = where - begin();
    const auto before = end() - begin();
    resize(size_ + count, extent);
    std::rotate(begin() + at, begin() + before, end());
    return begin() + at;
  }
  template <std::input_iterator Iterator>
  iterator insert(const_iterator where, Iterator first, Iterator last) {
    const auto at = where - begin();
    const auto before = end() - begin();
    const Shape more(first, last);  // which may be of this shape
    resize(size_ + more.size());
    std::copy(more.begin(), more.end(), begin() + before);
    std::rotate(begin() + at, begin() + before, end());
    return begin() + at;
  }
  iterator insert(const_iterator where, std::initializer_list<std::int64_t> extents) {
    return insert(where, extents.begin(), extents.end());
  }
  iterator erase(const_iterator where) { return erase(where, where + 1); }
  iterator erase(const_iterator first, const_iterator last) {
    const auto at = first - begin();
    const auto end_of_rest = std::copy(last, std::as_const(*this).end(), begin() + at);
    size_ = static_cast<std::uint32_t>(end_of_rest - begin());
    return begin() + at;
  }
  void swap(Shape& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(small_, other.small_);  // and with it the pointer, which is smaller
  }

  friend bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a, b); }
  friend auto operator<=>(const Shape& a, const Shape& b) {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  static constexpr std::uint32_t kSmall = 2;
  [[nodiscard]] bool is_large() const { return capacity_ > kSmall; }
  void grow(std::size_t least);

  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = kSmall;
  union {
    std::int64_t small_[kSmall] = {};
    std::int64_t* large_;
  };
};

// The number of elements: 1 for a scalar. Empty where an extent is negative or the product does not
// fit 63 bits.
std::optional<std::uint64_t> num_elements(const Shape& shape);

// "[3, 3, 1, 16]", "[]"; the same behind what `out` has.
std::string to_string(const Shape& shape);
void append_shape(std::string& out, const Shape& shape);

}  // namespace ckpt
