#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/text.h"
#include "formats/io/byte_reader.h"
#include "formats/io/window.h"

namespace ckpt::gguf {

// Reads a file from its start on: numbers in the file's byte order, and texts behind their length.
class Cursor {
 public:
  explicit Cursor(const RandomFile& file) : window_(file) {}

  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t left() const { return window_.file_size() - position_; }
  [[nodiscard]] ByteOrder order() const { return order_; }
  void set_order(ByteOrder order) { order_ = order; }

  template <std::unsigned_integral T>
  T number() {
    return decode_number<T>(take(sizeof(T)), order_);
  }

  // A text of at most `most` bytes; `what` ("a key") names it in errors.
  std::string text(std::uint64_t most, std::string_view what) {
    const auto size = number<std::uint64_t>();
    if (size > most) {
      throw Error(Errc::kCorrupt, cat(what, " at ", position_, " is said to be ", size,
                                      " bytes long, ", most, " are the most"));
    }
    return std::string(as_text(take(static_cast<std::size_t>(size))));
  }

  // Throws Error(kCorrupt) where the file ends before.
  void skip(std::uint64_t count) {
    check(count);
    position_ += count;
  }

 private:
  void check(std::uint64_t count) const {
    if (count > left()) {
      throw Error(Errc::kCorrupt, cat("the file's index passes its end: ", count,
                                      " bytes are needed at ", position_, ", there are ", left()));
    }
  }

  // Valid until the next call.
  ByteView take(std::size_t count) {
    check(count);
    position_ += count;
    return window_.view(position_ - count, count);
  }

  Window window_;
  std::uint64_t position_ = 0;
  ByteOrder order_ = ByteOrder::kLittle;
};

}  // namespace ckpt::gguf
