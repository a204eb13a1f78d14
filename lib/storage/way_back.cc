#include "storage/way_back.h"

#include <algorithm>

#include "core/error.h"
#include "core/system.h"
#include "core/text.h"
#include "storage/checksum.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

constexpr std::uint64_t kReadAtOnce = std::uint64_t{1} << 20U;

// Gives offset and size of what `kept` leaves over of a file of that size. REQUIRES: it is sorted
// by its `offset` in that file.
template <typename Take>
void for_each_gap(const std::vector<Undo::Kept>& kept, std::uint64_t Undo::Kept::*offset,
                  std::uint64_t size, Take take) {
  std::uint64_t end = 0;
  for (const Undo::Kept& part : kept) {
    if (part.*offset > end) take(end, part.*offset - end);
    end = std::max(end, part.*offset + part.size);
  }
  if (end < size) take(end, size - end);
}

// The digest of all that was not kept of the file after an edit.
Undo::Digest digest_of_rest(const RandomFile& file, std::vector<Undo::Kept> kept) {
  std::ranges::sort(kept, {}, &Undo::Kept::after);
  Checksum sum;
  Bytes block;
  for_each_gap(kept, &Undo::Kept::after, file.size(), [&](auto offset, auto size) {
    sum.add_number(offset);
    sum.add_number(size);
    for (std::uint64_t done = 0; done < size; done += block.size()) {
      block.resize(static_cast<std::size_t>(std::min(kReadAtOnce, size - done)));
      file.read_at(offset + done, block);
      sum.add(block);
    }
  });
  return sum.value();
}

void add_piece(Checksum& sum, std::uint64_t offset, ByteView bytes) {
  sum.add_number(offset);
  sum.add_number(bytes.size());
  sum.add(bytes);
}

// Of the whole pages in which the pieces lie: a later edit that changed other bytes of a structure
// is noticed, since undoing this one alone would mix the two.
Undo::Digest digest_of_pages(const RandomFile& file, const Undo& undo) {
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

// What Undo::digest_before must be.
Undo::Digest digest_of_pieces(const Undo& undo) {
  Checksum sum;
  for (const auto& piece : undo.pieces) add_piece(sum, piece.offset, piece.bytes);
  return sum.value();
}

// `digest` is asked only of a file that has the right length.
void check(const RandomFile& file, const Undo& undo, const std::function<Undo::Digest()>& digest) {
  if (digest_of_pieces(undo) != undo.digest_before) {
    throw Error(Errc::kCorrupt, "the undo data has been damaged: its checksum does not match");
  }
  if (file.size() != undo.size_after) {
    throw Error(Errc::kConflict,
                cat("is not as the edit left it: it has ", with_commas(file.size()),
                    " bytes, the edit left ", with_commas(undo.size_after)));
  }
  if (digest() != undo.digest_after) {
    throw Error(Errc::kConflict,
                "is not as the edit left it: it was changed where the edit had changed it");
  }
}

bool has_old_bytes(const RandomFile& file, const Undo& undo) {
  if (file.size() != undo.size_before || undo.pieces.empty()) return false;
  Bytes there;
  return std::ranges::all_of(undo.pieces, [&](const Undo::Piece& piece) {
    there.resize(piece.bytes.size());
    file.read_at(piece.offset, there);
    return there == piece.bytes;
  });
}

}  // namespace

Undo make_undo(const RandomFile& before, const RandomFile& after, std::vector<Undo::Kept> kept) {
  std::ranges::sort(kept, {}, &Undo::Kept::before);
  Undo undo{.size_before = before.size(), .size_after = after.size()};
  undo.pieces.reserve(kept.size() + 1);
  for_each_gap(kept, &Undo::Kept::before, before.size(), [&](auto offset, auto size) {
    Bytes bytes(static_cast<std::size_t>(size));
    before.read_at(offset, bytes);
    undo.pieces.push_back({offset, std::move(bytes)});
  });
  undo.digest_before = digest_of_pieces(undo);
  undo.digest_after = digest_of_rest(after, kept);
  undo.kept = std::move(kept);
  return undo;
}

Undo make_undo(const RandomFile& base, const Patch& patch) {
  Undo undo;
  undo.size_before = patch.size_before;
  undo.size_after = patch.size_after;
  read_at_pieces(base, patch, [&](const Patch::Piece& piece, std::span<const std::byte> old) {
    undo.pieces.push_back({piece.offset, Bytes(old.begin(), old.end())});
  });
  undo.digest_before = digest_of_pieces(undo);
  undo.digest_after = digest_of_pages(PatchedFile(base, patch), undo);
  return undo;
}

void check_undo(const RandomFile& file, const Undo& undo) {
  check(file, undo, [&] { return digest_of_rest(file, undo.kept); });
}

Patch undoing_patch(const RandomFile& file, const Undo& undo) {
  check(file, undo, [&] { return digest_of_pages(file, undo); });
  if (undo.size_before > undo.size_after) {
    throw Error(Errc::kCorrupt, "undo data: no patch has made the file shorter");
  }
  Patch patch;
  patch.size_before = undo.size_after;
  patch.size_after = undo.size_before;
  for (const auto& piece : undo.pieces) patch.pieces.push_back({piece.offset, piece.bytes});
  return patch;
}

bool is_as_before(const LockedFile& file, const Undo& undo) {
  if (!has_old_bytes(*file.view(), undo)) return false;
  for (std::size_t i = 0; i < undo.beside.size(); ++i) {
    const std::string path = beside(file.path(), undo.beside_names[i]);
    if (!is_there(path) || !has_old_bytes(*open_file(path), undo.beside[i])) return false;
  }
  return true;
}

}  // namespace ckpt
