#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "core/bytes.h"

namespace ckpt::h5parse {

// Room for the bytes of structures while they are understood: a stack of bytes, so that opening an
// object allocates nothing. What was taken stays where it is until it is released.
class Arena {
 public:
  struct Mark {
    std::size_t piece = 0;
    std::size_t used = 0;  // bytes of that piece
  };

  std::span<std::byte> take(std::size_t size) {
    while (at_.piece < pieces_.size() && pieces_[at_.piece].size() - at_.used < size) {
      at_ = {at_.piece + 1, 0};
    }
    if (at_.piece == pieces_.size()) pieces_.emplace_back(std::max(size, kPiece));
    at_.used += size;
    return std::span(pieces_[at_.piece]).subspan(at_.used - size, size);
  }

  [[nodiscard]] Mark mark() const { return at_; }
  // Everything that was taken since the mark is gone.
  void release(Mark mark) { at_ = mark; }
  // Everything is gone; the room for a usual object is kept.
  void clear() {
    at_ = {};
    if (pieces_.size() > 1) pieces_.resize(1);
  }

 private:
  static constexpr std::size_t kPiece = 16 * 1024;
  std::vector<Bytes> pieces_;
  Mark at_;
};

}  // namespace ckpt::h5parse
