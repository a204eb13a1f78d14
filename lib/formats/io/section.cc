#include "formats/io/section.h"

#include "core/error.h"
#include "core/text.h"

namespace ckpt {

void Section::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    throw Error(Errc::kCorrupt, cat("offset ", offset, " + ", out.size(),
                                    " bytes passes the end of the file (", size_, ")"));
  }
  file_->read_at(offset_ + offset, out);
}

}  // namespace ckpt
