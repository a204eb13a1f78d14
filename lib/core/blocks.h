#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/bytes.h"

namespace ckpt {

// Gathers small pieces into blocks, for a sink that takes its time with each call.
class Blocks {
 public:
  explicit Blocks(std::function<void(ByteView)> out) : out_(std::move(out)) {}

  void add(std::string_view piece) {
    if (block_.size() + piece.size() > kBlock) flush();
    if (piece.size() < kBlock) {
      block_ += piece;
    } else {
      out_(as_byte_view(piece));
    }
  }
  void add(ByteView piece) { add(as_text(piece)); }

  // Hands on what is left. Nothing does so by itself.
  void flush() {
    if (!block_.empty()) out_(as_byte_view(block_));
    block_.clear();
  }

 private:
  static constexpr std::size_t kBlock = std::size_t{64} << 10U;

  std::function<void(ByteView)> out_;
  std::string block_;
};

}  // namespace ckpt
