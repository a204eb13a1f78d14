#include "storage/patch.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {

Patch front_patch(const RandomFile& file, std::string_view bytes) {
  Patch patch{.size_before = file.size(), .size_after = file.size(), .pieces = {}, .strings = {}};
  patch.add(0, as_byte_view(bytes));
  return patch;
}

std::uint64_t bytes_of(const Patch& patch) {
  std::uint64_t bytes = 0;
  for (const auto& piece : patch.pieces) bytes += piece.bytes.size();
  return bytes;
}

std::span<const Patch::Piece> pieces_in(const Patch& patch, const ByteRange& range) {
  const auto end_of = [](const Patch::Piece& piece) { return piece.offset + piece.bytes.size(); };
  const auto first = std::ranges::upper_bound(patch.pieces, range.offset, {}, end_of);
  const auto last = std::ranges::lower_bound(first, patch.pieces.end(), range.offset + range.bytes,
                                             {}, &Patch::Piece::offset);
  return {first, last};
}

std::vector<ByteRange> windows_of(const Patch& patch) {
  constexpr std::uint64_t kSmallGap = 4096;
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 20U;
  std::vector<ByteRange> windows;
  for (const auto& piece : patch.pieces) {
    const std::uint64_t end = piece.offset + piece.bytes.size();
    if (!windows.empty()) {
      auto& [offset, bytes] = windows.back();
      if (piece.offset - (offset + bytes) <= kSmallGap && end - offset <= kLargest) {
        bytes = end - offset;
        continue;
      }
    }
    windows.push_back({piece.offset, piece.bytes.size()});
  }
  return windows;
}

void read_at_pieces(const RandomFile& file, const Patch& patch,
                    const std::function<void(const Patch::Piece&, std::span<std::byte>)>& f) {
  Bytes bytes;
  auto piece = patch.pieces.begin();
  for (const auto& [offset, size] : windows_of(patch)) {
    if (offset >= file.size()) break;
    bytes.resize(static_cast<std::size_t>(std::min(size, file.size() - offset)));
    file.read_at(offset, bytes);
    for (; piece != patch.pieces.end() && piece->offset < offset + bytes.size(); ++piece) {
      const auto there = std::span(bytes).subspan(static_cast<std::size_t>(piece->offset - offset));
      f(*piece, there.first(std::min(piece->bytes.size(), there.size())));
    }
  }
}

void write_windows(const RandomFile& base, const Patch& patch,
                   const std::function<void(std::uint64_t, ByteView)>& write) {
  const PatchedFile patched(base, patch);
  Bytes bytes;
  for (const auto& [offset, size] : windows_of(patch)) {
    bytes.resize(static_cast<std::size_t>(size));
    patched.read_at(offset, bytes);
    write(offset, bytes);
  }
}

void PatchedFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > patch_.size_after || out.size() > patch_.size_after - offset) {
    throw Error(Errc::kCorrupt, cat("offset ", offset, " + ", out.size(),
                                    " bytes passes the end of the file (", patch_.size_after, ")"));
  }
  const std::uint64_t end = offset + out.size();
  const auto known = static_cast<std::size_t>(
      offset < base_.size() ? std::min<std::uint64_t>(out.size(), base_.size() - offset) : 0);
  if (known > 0) base_.read_at(offset, out.first(known));
  std::ranges::fill(out.subspan(known), std::byte{0});
  auto it = std::ranges::upper_bound(patch_.pieces, offset, {}, &Patch::Piece::offset);
  if (it != patch_.pieces.begin()) --it;
  for (; it != patch_.pieces.end() && it->offset < end; ++it) {
    const std::uint64_t from = std::max(offset, it->offset);
    const std::uint64_t to = std::min<std::uint64_t>(end, it->offset + it->bytes.size());
    if (from >= to) continue;
    std::copy_n(it->bytes.begin() + static_cast<std::ptrdiff_t>(from - it->offset), to - from,
                out.begin() + static_cast<std::ptrdiff_t>(from - offset));
  }
}

}  // namespace ckpt
