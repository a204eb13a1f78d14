#include "formats/hdf5_edit/undo_patch.h"

#include <algorithm>

#include "formats/edit/checksum.h"
#include "formats/edit/rewrite.h"

namespace ckpt::hdf5 {
namespace {

void add_piece(Checksum& sum, std::uint64_t offset, ByteView bytes) {
  sum.add_number(offset);
  sum.add_number(bytes.size());
  sum.add(bytes);
}

// Of the whole pages in which the pieces lie: a later edit that changed other bytes of a structure
// is noticed, since undoing this one alone would mix the two.
Undo::Digest digest_of_file(const RandomFile& file, const Undo& undo) {
  constexpr std::uint64_t kPage = 4096;
  Checksum sum;
  Bytes bytes;
  std::uint64_t done = 0;  // up to here
  for (const auto& piece : undo.pieces) {
    const std::uint64_t start = std::max(done, piece.offset / kPage * kPage);
    const std::uint64_t end = piece.offset + piece.bytes.size();
    done = std::max(done, std::min(undo.size_before, (end + kPage - 1) / kPage * kPage));
    if (start >= done) continue;
    bytes.resize(static_cast<std::size_t>(done - start));
    file.read_at(start, bytes);
    add_piece(sum, start, bytes);
  }
  return sum.value();
}

}  // namespace

Undo make_undo(const RandomFile& base, const Patch& patch) {
  Undo undo;
  undo.size_before = patch.size_before;
  undo.size_after = patch.size_after;
  read_at_pieces(base, patch, [&](const Patch::Piece& piece, std::span<const std::byte> old) {
    undo.pieces.push_back({piece.offset, Bytes(old.begin(), old.end())});
  });
  undo.digest_before = digest_of_pieces(undo);
  undo.digest_after = digest_of_file(PatchedFile(base, patch), undo);
  return undo;
}

Patch undoing_patch(const RandomFile& file, const Undo& undo) {
  check_undo(file, undo, [&] { return digest_of_file(file, undo); });
  Patch patch;
  patch.size_before = undo.size_after;
  patch.size_after = undo.size_before;
  for (const auto& piece : undo.pieces) patch.pieces.push_back({piece.offset, piece.bytes});
  return patch;
}

}  // namespace ckpt::hdf5
