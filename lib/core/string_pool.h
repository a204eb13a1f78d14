#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace ckpt {

// Strings that live as long as the pool. 100,000 names as std::string take four times their room,
// and as many calls of the allocator.
class StringPool {
 public:
  // The copy stays where it is, also when the pool is moved.
  std::string_view add(std::string_view text) {
    if (text.size() > left_) {
      left_ = std::max(kBlock, text.size());
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
      next_ = blocks_.back().get();
    }
    char* const copy = next_;
    std::ranges::copy(text, copy);
    next_ += text.size();
    left_ -= text.size();
    return {copy, text.size()};
  }

 private:
  static constexpr std::size_t kBlock = std::size_t{64} << 10U;

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;  // in the last block
  std::size_t left_ = 0;  // in it
};

}  // namespace ckpt
