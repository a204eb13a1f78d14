#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/bytes.h"

namespace ckpt::h5parse {

// An address or a size that the file says is not there: all bits one.
inline constexpr std::uint64_t kUndefined = UINT64_MAX;

// How many bytes the file's addresses ("size of offsets") and lengths take: 2, 4 or 8.
struct Sizes {
  std::size_t offset = 8;
  std::size_t length = 8;
};

// The one way in which bytes of the file are looked at: a cursor over a piece of it that knows what
// is left. Whatever passes the end of the piece is an Error(kCorrupt) which names the structure,
// its address and both numbers. The bytes must outlive the view.
class View {
 public:
  // `what` is a literal: "object header".
  View(std::string_view what, std::uint64_t address, ByteView bytes, Sizes sizes)
      : what_(what), address_(address), bytes_(bytes), sizes_(sizes) {}

  [[nodiscard]] std::uint64_t address() const { return address_; }  // of the piece's first byte
  [[nodiscard]] std::size_t position() const { return at_; }        // in the piece
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] Sizes sizes() const { return sizes_; }
  [[nodiscard]] ByteView whole() const { return bytes_; }

  // Little-endian unsigned numbers.
  std::uint32_t u8() { return static_cast<std::uint32_t>(fixed<1>()); }
  std::uint32_t u16() { return static_cast<std::uint32_t>(fixed<2>()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed<4>()); }
  std::uint64_t u64() { return fixed<8>(); }
  // Of any width up to 8 bytes.
  std::uint64_t number(std::size_t width);

  // An address, which counts from the superblock, or a length; kUndefined where all bits are one.
  std::uint64_t offset() { return with_undefined(sizes_.offset); }
  std::uint64_t length() { return with_undefined(sizes_.length); }

  ByteView take(std::size_t size);
  void skip(std::size_t size) { take(size); }
  // The next `size` bytes as a view of their own, which calls itself `what`.
  View part(std::string_view what, std::size_t size);
  // Up to the next NUL, which must be there and is skipped.
  std::string_view text();
  // The same where name and NUL are padded to a multiple of 8 bytes.
  std::string_view padded_text();

  // Throws unless the next bytes are these.
  void signature(std::string_view expected);
  // Throws Error(kUnsupported) unless the next byte is a version from `first` to `last`.
  std::uint32_t version(std::uint32_t first, std::uint32_t last);
  // The last four bytes are the lookup3 of all before: throws unless they are, and cuts them off.
  void checksum();

  // Error(kCorrupt) and Error(kUnsupported): "object header at 96: SENTENCE".
  [[noreturn]] void fail(std::string_view sentence) const;
  [[noreturn]] void unsupported(std::string_view sentence) const;

 private:
  template <std::size_t N>
  std::uint64_t fixed() {
    if (left() < N) too_short(N);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < N; ++i) {
      value |= std::to_integer<std::uint64_t>(bytes_[at_ + i]) << 8 * i;
    }
    at_ += N;
    return value;
  }
  std::uint64_t with_undefined(std::size_t width);
  [[noreturn]] void too_short(std::size_t size) const;

  std::string_view what_;
  std::uint64_t address_;
  ByteView bytes_;
  Sizes sizes_;
  std::size_t at_ = 0;
};

// The sentence part "is X; Y is needed" about a number, in all messages alike.
std::string mismatch(std::string_view what, std::uint64_t seen, std::uint64_t needed);

}  // namespace ckpt::h5parse
