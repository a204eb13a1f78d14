#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/atomic_file.h"

namespace ckpt::zip {

// A member to be written, whose size is known before its bytes are.
struct NewMember {
  std::string name;
  std::uint64_t size = 0;
};

// Writes an archive of stored members, whose data each begins at a multiple of 64 bytes: the local
// header's extra field is filled up for that, as PyTorch does it, so that readers can map the file.
// All places are known from the start; members' bytes may come in any order of members, and each
// member's own in order. The same members and bytes make the same archive: no time, no user.
// Uses zip64 exactly where a number needs it.
class StoredWriter {
 public:
  // Throws Error: kInvalid where a name is empty, too long, no valid UTF-8 or has a NUL; what
  // AtomicFile throws.
  StoredWriter(const std::string& path, std::vector<NewMember> members, Overwrite overwrite);

  // Writes the next bytes of member `i`. Throws Error(kWrite).
  // REQUIRES: no more than its size in all.
  void append(std::size_t i, ByteView bytes);

  // Writes headers and directory and makes the file appear. Throws what AtomicFile::commit()
  // throws. REQUIRES: every member has all of its bytes.
  void commit();

 private:
  struct Placed {
    NewMember member;
    std::uint64_t header_offset = 0;
    std::uint64_t data_offset = 0;
    std::uint64_t written = 0;
    std::uint32_t crc = 0;
  };

  [[nodiscard]] Bytes local_header(const Placed& placed) const;
  [[nodiscard]] Bytes directory() const;

  std::vector<Placed> placed_;
  std::uint64_t directory_offset_ = 0;
  std::optional<AtomicFile> file_;
};

}  // namespace ckpt::zip
