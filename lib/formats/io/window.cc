#include "formats/io/window.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {

ByteView Window::view(std::uint64_t offset, std::size_t count) {
  constexpr std::size_t kFirst = 4096;
  constexpr std::size_t kMost = std::size_t{256} << 10;
  const std::uint64_t size = file_.size();
  if (offset > size || count > size - offset) {
    throw Error(Errc::kCorrupt, cat("offset ", offset, " + ", count,
                                    " bytes passes the end of the file (", size, ")"));
  }
  const std::uint64_t end = start_ + buffer_.size();
  if (offset < start_ || offset + count > end) {
    const bool goes_on = offset >= start_ && offset <= end + kFirst;
    reach_ = goes_on ? std::clamp(reach_ * 2, kFirst, kMost) : kFirst;
    const std::uint64_t length = std::min(std::max<std::uint64_t>(reach_, count), size - offset);
    buffer_.resize(static_cast<std::size_t>(length));
    start_ = offset;
    try {
      file_.read_at(offset, buffer_);
    } catch (...) {
      buffer_.clear();
      throw;
    }
  }
  return ByteView(buffer_).subspan(static_cast<std::size_t>(offset - start_), count);
}

}  // namespace ckpt
