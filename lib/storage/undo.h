#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "storage/checksum.h"

namespace ckpt {

// How a file was before an edit: the old contents of what was changed, and the old length. A few
// kilobytes for a rename, whatever the file's size. Kept with the receipt, it gives back every
// byte.
//
// Where nothing has moved, `kept` is empty and all but the pieces is as it was. Where the file was
// written anew, pieces and kept stretches together are the whole old file.
struct Undo {
  struct Piece {
    std::uint64_t offset = 0;
    Bytes bytes;  // that were there before

    friend bool operator==(const Piece&, const Piece&) = default;
  };
  // Bytes that are in both files, at different places or not.
  struct Kept {
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    std::uint64_t size = 0;

    friend bool operator==(const Kept&, const Kept&) = default;
  };
  // A file beside this one, to whose end the edit wrote: the undoing cuts it at its old length.
  struct Grown {
    std::string name;  // in the same folder
    std::uint64_t size_before = 0;
    std::uint64_t size_after = 0;

    friend bool operator==(const Grown&, const Grown&) = default;
  };
  // Of the pieces' bytes, with their offsets: XXH3, 128 bits.
  using Digest = Digest128;

  std::uint64_t size_before = 0;
  std::uint64_t size_after = 0;
  Digest digest_before{};     // of the pieces as they are here
  Digest digest_after{};      // of what is around them after the edit: by it the file is recognised
  std::vector<Piece> pieces;  // sorted by offset; none touches the next
  std::vector<Kept> kept;     // sorted by `before`
  std::vector<Grown> grown;
  // Of a checkpoint of several files: those in the same folder that were changed too, each with
  // its own way back.
  std::vector<std::string> beside_names;
  std::vector<Undo> beside;

  friend bool operator==(const Undo&, const Undo&) = default;
};

// As bytes for a file beside the receipt. Binary, since base64 inside of a JSON receipt would be a
// third longer, one line of megabytes that no person wants to scroll past, and read whole by those
// who want to know names only.
//
//     "CKPTUNDO" version size_before size_after digest_before digest_after count
//     (offset length bytes)*                               all numbers u64, little-endian
//
// goes on with what was kept, what has grown, and files beside, and ends in a checksum of all:
//
//     count (before after size)*  count (name-length name size_before size_after)*
//     count (name-length name length undo-data)*  checksum
//
// Versions 1 to 3 had no checksum; 1 ends behind the pieces, 2 behind what has grown.
Bytes encode_undo(const Undo& undo);

// Those bytes in pieces, as many as the undo data has.
void write_undo(const Undo& undo, const std::function<void(ByteView)>& out);

// Throws Error(kCorrupt) where the bytes are no undo data, are cut off, or contradict themselves.
Undo decode_undo(ByteView bytes);

}  // namespace ckpt
