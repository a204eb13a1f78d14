#include "formats/h5parse/file.h"

#include <algorithm>
#include <cstring>

namespace ckpt::h5parse {

void File::check(std::string_view what, std::uint64_t address, std::uint64_t size) const {
  if (address <= this->size() && size <= this->size() - address) {
    if (is_surveyed_) surveyed_.push_back({base_ + address, size});
    return;
  }
  if (address == kUndefined) corrupt(what, ": has no address");
  corrupt(what, " at ", address, ": its ", size, " bytes pass the end of the file (", this->size(),
          ")");
}

std::uint64_t File::surveyed_bytes() const {
  auto extents = surveyed_;
  std::ranges::sort(extents, {}, &ByteRange::offset);
  std::uint64_t bytes = base_;
  std::uint64_t end = base_;
  for (const auto& [offset, size] : extents) {
    if (offset + size <= end) continue;
    bytes += offset + size - std::max(offset, end);
    end = offset + size;
  }
  return bytes;
}

ByteView File::page(std::uint64_t number) const {
  Page& page = pages_[number % kPages];
  if (page.number != number) {
    const std::uint64_t start = number * kPage;
    page.number = kUndefined;  // in case reading throws
    page.bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPage, end_ - start)));
    file_.read_at(start, page.bytes);
    page.number = number;
  }
  return page.bytes;
}

View File::keep(std::string_view what, std::uint64_t address, ByteView bytes) const {
  const auto kept = arena_.take(bytes.size());
  std::ranges::copy(bytes, kept.begin());
  return {what, address, kept, sizes_};
}

void File::read(std::string_view what, std::uint64_t address, std::span<std::byte> out) const {
  check(what, address, out.size());
  std::uint64_t at = base_ + address;
  if (out.size() >= 4 * kPage) return file_.read_at(at, out);
  while (!out.empty()) {
    const auto inside = static_cast<std::size_t>(at % kPage);
    const ByteView source = page(at / kPage).subspan(inside);
    const std::size_t size = std::min(source.size(), out.size());
    std::memcpy(out.data(), source.data(), size);
    out = out.subspan(size);
    at += size;
  }
}

View File::view(std::string_view what, std::uint64_t address, std::uint64_t size) const {
  check(what, address, size);
  const auto bytes = arena_.take(static_cast<std::size_t>(size));
  read(what, address, bytes);
  return {what, address, bytes, sizes_};
}

View File::sealed(std::string_view what, std::string_view signature, std::uint64_t address,
                  std::uint64_t size) const {
  View view = this->view(what, address, size);
  view.checksum();
  view.signature(signature, 0);
  return view;
}

}  // namespace ckpt::h5parse
