#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt::h5parse {

// An address or a size that the file says is not there: all bits one.
inline constexpr std::uint64_t kUndefined = UINT64_MAX;

// Widths of fields that the file's own sizes decide.
constexpr int kAddress = 0;
constexpr int kLength = -1;

// REQUIRES: number > 0.
constexpr std::uint64_t log2_of(std::uint64_t number) {
  return static_cast<std::uint64_t>(std::bit_width(number)) - 1;
}

// How many bytes the file's addresses ("size of offsets") and lengths take: 2, 4 or 8.
struct Sizes {
  std::size_t offset = 8;
  std::size_t length = 8;
};

// Throws Error(kCorrupt): "B-tree at 96: is …", of pieces as cat() takes them.
template <typename... Args>
[[noreturn]] void corrupt(const Args&... pieces) {
  throw Error(Errc::kCorrupt, cat(pieces...));
}

// The one way in which bytes of the file are looked at: a cursor over a piece of it that knows what
// is left. Whatever passes the end of the piece is an Error(kCorrupt) which names the structure,
// its address and both numbers. The bytes must outlive the view.
class View {
 public:
  View() = default;
  // `what` is a literal: "object header".
  View(std::string_view what, std::uint64_t address, ByteView bytes, Sizes sizes)
      : what_(what), address_(address), bytes_(bytes), sizes_(sizes) {}

  [[nodiscard]] std::uint64_t address() const { return address_; }  // of the piece's first byte
  [[nodiscard]] std::size_t position() const { return at_; }        // in the piece
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] Sizes sizes() const { return sizes_; }
  void set_sizes(Sizes sizes) { sizes_ = sizes; }
  [[nodiscard]] ByteView whole() const { return bytes_; }

  // Little-endian unsigned numbers.
  std::uint32_t u8() { return static_cast<std::uint32_t>(number(1)); }
  std::uint32_t u16() { return static_cast<std::uint32_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  // Of any width from 1 to 8 bytes.
  std::uint64_t number(std::size_t width) {
    within("the width of a number", width, 1, 8);
    const ByteView bytes = take(width);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      value |= std::to_integer<std::uint64_t>(bytes[i]) << 8 * i;
    }
    return value;
  }
  // Several, one behind the other: `auto [type, size, address] = view.fields<1, 2, kAddress>()`.
  template <int... kWidths>
  std::array<std::uint64_t, sizeof...(kWidths)> fields() {
    return {field(kWidths)...};
  }

  // An address, which counts from the superblock, or a length; kUndefined where all bits are one.
  std::uint64_t offset() { return with_undefined(sizes_.offset); }
  std::uint64_t length() { return with_undefined(sizes_.length); }

  ByteView take(std::uint64_t size) {
    if (left() < size) too_short(size);
    at_ += static_cast<std::size_t>(size);
    return bytes_.subspan(at_ - static_cast<std::size_t>(size), static_cast<std::size_t>(size));
  }
  void skip(std::uint64_t size) { take(size); }
  Bytes copy(std::uint64_t size) {
    const ByteView taken = take(size);
    return {taken.begin(), taken.end()};
  }
  // The next `size` bytes as a view of their own, which calls itself `what`.
  View part(std::string_view what, std::uint64_t size) {
    const std::uint64_t address = address_ + at_;
    return {what, address, take(size), sizes_};
  }
  // Up to the next NUL, which must be there and is skipped.
  std::string_view text();
  // The same where name and NUL are padded to a multiple of 8 bytes.
  std::string_view padded_text();

  // Throws unless the next bytes are these, and the one behind them is that version.
  void signature(std::string_view expected);
  void signature(std::string_view expected, std::uint32_t version_behind) {
    signature(expected);
    version(version_behind, version_behind);
  }
  // Throws Error(kUnsupported) unless the next byte is a version from `first` to `last`.
  std::uint32_t version(std::uint32_t first, std::uint32_t last) {
    const std::uint32_t seen = u8();
    if (seen < first || seen > last) wrong_version(seen, first, last);
    return seen;
  }
  // The last four bytes are the lookup3 of all before: throws unless they are, and cuts them off.
  void checksum();

  // Throws Error(kCorrupt) with that sentence unless `is_so`.
  template <typename... Args>
  void require(bool is_so, const Args&... sentence) const {
    if (!is_so) fail(sentence...);
  }
  // The same of numbers that should be equal: "its type is 3, but should be 5",
  void expect(std::string_view what, std::uint64_t seen, std::uint64_t needed) const {
    require(seen == needed, what, " is ", seen, ", but should be ", needed);
  }
  // and of one from `first` to `last`: "its class is 9; 0 to 3 are possible".
  void within(std::string_view what, std::uint64_t seen, std::uint64_t first,
              std::uint64_t last) const {
    require(seen >= first && seen <= last, what, " is ", seen, "; ", first, " to ", last,
            " are possible");
  }
  // Throws Error(kUnsupported) where a number passes a ceiling of this parser.
  void limit(std::string_view what, std::uint64_t seen, std::uint64_t most) const {
    if (seen > most) unsupported(what, " is ", seen, "; at most ", most, " is read");
  }

  // Error(kCorrupt) and Error(kUnsupported): "object header at 96: SENTENCE".
  template <typename... Args>
  [[noreturn]] void fail(const Args&... sentence) const {
    corrupt(what_, " at ", address_, ": ", sentence...);
  }
  template <typename... Args>
  [[noreturn]] void unsupported(const Args&... sentence) const {
    throw Error(Errc::kUnsupported, cat(what_, " at ", address_, ": ", sentence...));
  }

 private:
  std::uint64_t field(int width) {
    if (width == kAddress) return offset();
    return width == kLength ? length() : number(static_cast<std::size_t>(width));
  }
  std::uint64_t with_undefined(std::size_t width) {
    if (width == 8) return number(8);
    const std::uint64_t value = number(width);
    return value == (std::uint64_t{1} << 8 * width) - 1 ? kUndefined : value;
  }
  [[noreturn]] void too_short(std::uint64_t size) const;
  [[noreturn]] void wrong_version(std::uint32_t seen, std::uint32_t first,
                                  std::uint32_t last) const;

  std::string_view what_;
  std::uint64_t address_ = 0;
  ByteView bytes_;
  Sizes sizes_;
  std::size_t at_ = 0;
};

}  // namespace ckpt::h5parse
