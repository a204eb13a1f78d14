#include "formats/h5parse/view.h"

#include "formats/h5parse/lookup3.h"

namespace ckpt::h5parse {

std::string_view View::text() {
  const std::string_view rest = as_text(bytes_.subspan(at_));
  const auto end = rest.find('\0');
  require(end != std::string_view::npos, "a name at byte ", at_, " does not end in the ",
          rest.size(), " bytes that are left");
  at_ += end + 1;
  return rest.substr(0, end);
}

std::string_view View::padded_text() {
  const std::string_view name = text();
  skip((8 - (name.size() + 1) % 8) % 8);
  return name;
}

void View::signature(std::string_view expected) {
  require(as_text(take(expected.size())) == expected, "has no signature ", expected);
}

void View::checksum() {
  constexpr std::size_t kSize = 4;
  if (left() < kSize) too_short(kSize);
  const ByteView summed = bytes_.first(bytes_.size() - kSize);
  View stored(what_, address_, bytes_.last(kSize), sizes_);
  expect("its checksum", stored.u32(), lookup3(summed));
  bytes_ = summed;
}

void View::wrong_version(std::uint32_t seen, std::uint32_t first, std::uint32_t last) const {
  if (first == last) unsupported("is of version ", seen, "; version ", first, " is known");
  unsupported("is of version ", seen, "; versions ", first, " to ", last, " are known");
}

void View::too_short(std::uint64_t size) const {
  fail(size, " bytes are needed at byte ", at_, ", ", left(), " are left of ", bytes_.size());
}

}  // namespace ckpt::h5parse
