#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace ckpt {

// A text that takes eight bytes where it is empty, and one piece of memory of its own size where it
// is not: for what most of very many objects do not have.
class RareText {
 public:
  RareText() = default;
  RareText(std::string_view text) {  // NOLINT: implicit by design
    if (text.empty()) return;
    const std::size_t size = text.size();
    bytes_ = std::make_unique_for_overwrite<char[]>(sizeof(size) + size);
    std::memcpy(bytes_.get(), &size, sizeof(size));
    std::memcpy(bytes_.get() + sizeof(size), text.data(), size);
  }
  RareText(const std::string& text) : RareText(std::string_view(text)) {}  // NOLINT
  RareText(const char* text) : RareText(std::string_view(text)) {}         // NOLINT
  RareText(const RareText& other) : RareText(other.view()) {}
  RareText(RareText&&) = default;
  RareText& operator=(const RareText& other) { return *this = RareText(other); }
  RareText& operator=(RareText&&) = default;
  ~RareText() = default;

  [[nodiscard]] std::string_view view() const {
    if (empty()) return {};
    std::size_t size = 0;
    std::memcpy(&size, bytes_.get(), sizeof(size));
    return {bytes_.get() + sizeof(size), size};
  }
  operator std::string_view() const { return view(); }  // NOLINT: implicit by design
  [[nodiscard]] bool empty() const { return bytes_ == nullptr; }

  friend bool operator==(const RareText& a, const RareText& b) { return a.view() == b.view(); }

 private:
  std::unique_ptr<char[]> bytes_;  // the size, then the text
};

}  // namespace ckpt
