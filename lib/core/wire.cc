#include "core/wire.h"

#include <array>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {

void WireWriter::number(std::uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    result_.push_back(static_cast<std::byte>(value >> shift & 0xffU));
  }
}

void WireWriter::text(std::string_view value) { bytes(as_byte_view(value)); }

void WireWriter::bytes(ByteView value) {
  number(value.size());
  result_.insert(result_.end(), value.begin(), value.end());
}

std::uint64_t receive_number(const Receive& receive) {
  std::array<std::byte, 8> bytes{};
  receive(bytes);
  return WireReader(bytes).number();
}

ByteView WireReader::take(std::uint64_t size) {
  if (size > rest_.size()) {
    throw Error(Errc::kCorrupt, cat("a message is cut off: ", size, " bytes are wanted, ",
                                    rest_.size(), " are left"));
  }
  const ByteView taken = rest_.first(static_cast<std::size_t>(size));
  rest_ = rest_.subspan(taken.size());
  return taken;
}

std::uint64_t WireReader::number() {
  const ByteView bytes = take(8);
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8U | static_cast<std::uint64_t>(bytes[i]);
  return value;
}

ByteView WireReader::bytes() { return take(number()); }

std::string WireReader::text() { return std::string(as_text(bytes())); }

std::uint64_t WireReader::count(std::uint64_t least) {
  const std::uint64_t value = number();
  if (value > rest_.size() / least) {
    throw Error(Errc::kCorrupt, cat("a message is cut off: ", value, " items are announced, ",
                                    rest_.size(), " bytes are left"));
  }
  return value;
}

}  // namespace ckpt
