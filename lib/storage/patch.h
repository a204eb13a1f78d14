#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/file.h"
#include "core/string_pool.h"
#include "storage/byte_range.h"

namespace ckpt {

// What an edit changes in a file: new bytes at offsets, and a new length. Everything else of the
// file stays as it is. Pieces are as small as the changes: 100,000 renames touch every page of a
// file's structure, and change a quarter of it.
//
//     file before   [..........................................]
//     pieces             [####]        [##########]           [#######]
//     file after    [....######........############...........########]
struct Patch {
  struct Piece {
    std::uint64_t offset = 0;
    ByteView bytes;
  };
  std::uint64_t size_before = 0;
  std::uint64_t size_after = 0;  // never smaller than size_before but where an undo cuts the file
  std::vector<Piece> pieces;     // sorted by offset, apart from one another, inside size_after
  StringPool strings;            // may hold their bytes

  // REQUIRES: behind all pieces that are there.
  void add(std::uint64_t offset, ByteView bytes) {
    pieces.push_back({offset, as_byte_view(strings.add(as_text(bytes)))});
  }
};

// New first bytes for `file`, as many as were there; `bytes` is copied.
Patch front_patch(const RandomFile& file, std::string_view bytes);

std::uint64_t bytes_of(const Patch& patch);

// The pieces that have a byte in the range.
std::span<const Patch::Piece> pieces_in(const Patch& patch, const ByteRange& range);

// Stretches of the file with all pieces in them, of a megabyte at most unless a piece is larger,
// and with few bytes between: what is read or written at once.
std::vector<ByteRange> windows_of(const Patch& patch);

// Reads what `file` has where the pieces lie, window by window, and calls f(piece, bytes). The
// bytes end where the file does; pieces behind its end are left out.
void read_at_pieces(const RandomFile& file, const Patch& patch,
                    const std::function<void(const Patch::Piece&, std::span<std::byte>)>& f);

// Hands the windows, as they are in the patched file, to `write` with their offsets.
void write_windows(const RandomFile& base, const Patch& patch,
                   const std::function<void(std::uint64_t, ByteView)>& write);

// The file as it will be. `base` and `patch` must outlive it. Where tensors are still to be filled
// in, it reads what the base has there, and zeros behind its end.
class PatchedFile final : public RandomFile {
 public:
  PatchedFile(const RandomFile& base, const Patch& patch) : base_(base), patch_(patch) {}

  [[nodiscard]] std::uint64_t size() const override { return patch_.size_after; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;

 private:
  const RandomFile& base_;
  const Patch& patch_;
};

}  // namespace ckpt
