#include "formats/io/chain.h"

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt {

void Chain::add(std::unique_ptr<RandomFile> file, std::string name) {
  const auto size = checked_add(size_, file->size());
  if (!size) throw Error(Errc::kCorrupt, "the files together have more than 2^64 bytes");
  links_.push_back({std::move(file), std::move(name), size_});
  size_ = *size;
}

void Chain::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    throw Error(Errc::kCorrupt, cat("offset ", offset, " + ", out.size(),
                                    " bytes passes the end of the files (", size_, ")"));
  }
  // The last link that starts at or before the offset.
  auto link = std::ranges::upper_bound(links_, offset, {}, &Link::start);
  if (link != links_.begin()) --link;
  for (; !out.empty(); ++link) {
    const std::uint64_t inner = offset - link->start;
    const std::uint64_t count = std::min<std::uint64_t>(out.size(), link->file->size() - inner);
    try {
      link->file->read_at(inner, out.first(static_cast<std::size_t>(count)));
    } catch (const Error& e) {
      throw e.in(escape(link->name));
    }
    out = out.subspan(static_cast<std::size_t>(count));
    offset += count;
  }
}

}  // namespace ckpt
