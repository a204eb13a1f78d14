#include "formats/h5parse/view.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "formats/h5parse/lookup3.h"

namespace ckpt::h5parse {

std::uint64_t View::number(std::size_t width) {
  if (width == 0 || width > 8) fail(cat("has a number of ", width, " bytes; 1 to 8 are possible"));
  if (left() < width) too_short(width);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    value |= std::to_integer<std::uint64_t>(bytes_[at_ + i]) << 8 * i;
  }
  at_ += width;
  return value;
}

std::uint64_t View::with_undefined(std::size_t width) {
  if (width == 8) return fixed<8>();
  const std::uint64_t value = number(width);
  return value == (std::uint64_t{1} << 8 * width) - 1 ? kUndefined : value;
}

ByteView View::take(std::size_t size) {
  if (left() < size) too_short(size);
  const ByteView bytes = bytes_.subspan(at_, size);
  at_ += size;
  return bytes;
}

View View::part(std::string_view what, std::size_t size) {
  const std::uint64_t address = address_ + at_;
  return {what, address, take(size), sizes_};
}

std::string_view View::text() {
  const std::string_view rest = as_text(bytes_.subspan(at_));
  const auto end = rest.find('\0');
  if (end == std::string_view::npos) {
    fail(cat("a name at byte ", at_, " does not end in the ", rest.size(), " bytes that are left"));
  }
  at_ += end + 1;
  return rest.substr(0, end);
}

std::string_view View::padded_text() {
  const std::string_view name = text();
  skip((8 - (name.size() + 1) % 8) % 8);
  return name;
}

void View::signature(std::string_view expected) {
  const std::string_view seen = as_text(take(expected.size()));
  if (seen != expected) fail(cat("has no signature ", expected));
}

std::uint32_t View::version(std::uint32_t first, std::uint32_t last) {
  const std::uint32_t seen = u8();
  if (seen < first || seen > last) {
    unsupported(first == last ? cat("is of version ", seen, "; version ", first, " is known")
                              : cat("is of version ", seen, "; versions ", first, " to ", last,
                                    " are known"));
  }
  return seen;
}

void View::checksum() {
  constexpr std::size_t kSize = 4;
  if (bytes_.size() < at_ + kSize) too_short(kSize);
  const ByteView summed = bytes_.first(bytes_.size() - kSize);
  View stored(what_, address_, bytes_.last(kSize), sizes_);
  const std::uint32_t needed = lookup3(summed);
  if (const std::uint32_t seen = stored.u32(); seen != needed) {
    fail(mismatch("its checksum", seen, needed));
  }
  bytes_ = summed;
}

void View::too_short(std::size_t size) const {
  fail(cat(size, " bytes are needed at byte ", at_, ", ", left(), " are left of ", bytes_.size()));
}

void View::fail(std::string_view sentence) const {
  throw Error(Errc::kCorrupt, cat(what_, " at ", address_, ": ", sentence));
}

void View::unsupported(std::string_view sentence) const {
  throw Error(Errc::kUnsupported, cat(what_, " at ", address_, ": ", sentence));
}

std::string mismatch(std::string_view what, std::uint64_t seen, std::uint64_t needed) {
  return cat(what, " is ", seen, ", but should be ", needed);
}

}  // namespace ckpt::h5parse
