#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/zip/archive.h"
#include "storage/new_file.h"

namespace ckpt::zip {

// A member to be written, whose size is known before its bytes are.
struct NewMember {
  std::string_view name;   // which the caller holds as long as the writer is there
  std::uint64_t size = 0;  // of a copy: as in its archive
  // The member of another archive, which outlives the writer, that it is a copy of, packed or not,
  // with its time and attributes: the caller puts the stored bytes at data_offset().
  const Member* copy_of = nullptr;
};

// Writes an archive: stored members, and copies of another archive's members. Stored data begins at
// a multiple of 64 bytes: the local header's extra field is filled up for that, as PyTorch does it,
// so that readers can map the file. All places are known from the start; members' bytes may come in
// any order of members, and each member's own in order. The same members and bytes make the same
// archive: no time, no user. Uses zip64 exactly where a number needs it.
class ArchiveWriter {
 public:
  // Takes room in `file`, which must be empty and outlive the writer.
  // Throws Error: kInvalid where a name is empty, too long, no valid UTF-8 or has a NUL; what
  // NewFile throws.
  ArchiveWriter(NewFile& file, std::vector<NewMember> members);

  [[nodiscard]] const NewMember& member(std::size_t i) const { return members_[i]; }

  // Where the bytes of member `i` belong in the file.
  [[nodiscard]] std::uint64_t data_offset(std::size_t i) const { return places_[i].data_offset; }

  // Writes the next bytes of member `i`, which is no copy. Throws Error(kWrite).
  // REQUIRES: no more than its size in all.
  void append(std::size_t i, ByteView bytes);

  // Of a member, no copy, whose bytes the caller has put at data_offset(): reads them for their
  // CRC. Throws Error(kIo).
  void take_as_written(std::size_t i);

  // Writes headers and directory. Throws Error(kWrite).
  // REQUIRES: every member has all of its bytes.
  void finish();

 private:
  struct Place {
    std::uint64_t data_offset = 0;
    std::uint64_t written = 0;
    std::uint32_t crc = 0;
  };

  [[nodiscard]] std::uint64_t header_offset(std::size_t i) const;
  [[nodiscard]] Bytes local_header(std::size_t i) const;
  [[nodiscard]] Bytes central_header(std::size_t i) const;
  [[nodiscard]] Bytes end_records(std::uint64_t directory_size) const;

  std::vector<NewMember> members_;
  std::vector<Place> places_;  // of each
  std::uint64_t directory_offset_ = 0;
  NewFile& file_;
};

}  // namespace ckpt::zip
