#include "formats/zip/inflater.h"

#include <algorithm>
#include <limits>
#include <new>

#include "core/error.h"
#include "core/text.h"
#include "formats/zip/crc32.h"

namespace ckpt::zip {

Inflater::Inflater(const RandomFile& file, const Member& member) : file_(file), member_(member) {
  // Minus: no zlib header around the stream.
  if (::inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() { ::inflateEnd(&stream_); }

void Inflater::refill() {
  constexpr std::uint64_t kMost = std::uint64_t{64} << 10;
  constexpr std::uint64_t kFirst = 1024;  // enough for a header, which is all that many are asked
  const std::uint64_t left = member_.stored_bytes - taken_;
  if (left == 0) {
    throw Error(Errc::kCorrupt,
                cat("the deflate stream ends after ", position_, " of ", member_.size, " bytes"));
  }
  input_.resize(static_cast<std::size_t>(std::min(left, taken_ == 0 ? kFirst : kMost)));
  file_.read_at(member_.data_offset + taken_, input_);
  taken_ += input_.size();
  stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
  stream_.avail_in = static_cast<uInt>(input_.size());
}

void Inflater::read(std::span<std::byte> out) {
  while (!out.empty()) {
    const std::size_t most =
        std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max() / 2);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(most);
    if (stream_.avail_in == 0) refill();
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    const std::size_t count = most - stream_.avail_out;
    crc_ = add_crc32(crc_, out.first(count));
    position_ += count;
    out = out.subspan(count);
    if (result == Z_STREAM_END && !out.empty()) {
      throw Error(Errc::kCorrupt,
                  cat("the deflate stream ends after ", position_, " of ", member_.size, " bytes"));
    }
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      throw Error(Errc::kCorrupt, cat("the deflate stream is damaged behind byte ", position_,
                                      " of ", member_.size));
    }
  }
  if (position_ == member_.size) check_crc32(crc_, member_.crc);
}

void Inflater::skip_to(std::uint64_t position) {
  Bytes dropped(static_cast<std::size_t>(
      std::min<std::uint64_t>(position - position_, std::uint64_t{64} << 10)));
  while (position_ < position) {
    const std::uint64_t count = std::min<std::uint64_t>(dropped.size(), position - position_);
    read(std::span(dropped).first(static_cast<std::size_t>(count)));
  }
}

}  // namespace ckpt::zip
