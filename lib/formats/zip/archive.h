#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/string_pool.h"
#include "formats/io/window.h"

namespace ckpt::zip {

// A zip archive's directory, read strictly (PKWARE's APPNOTE.TXT 6.3.10):
//
//   | local header, name, extra | data | [descriptor] | …  members
//   | central headers with names | [zip64 end, its locator] | end record, comment |
//
// The directory is walked here rather than by libzip because this program needs what that library
// keeps to itself, where each member's bytes lie, and must refuse what it lets pass: two members of
// one name, members that overlap, a local header that says otherwise than the directory, a second
// end record. Inflating is zlib's.

enum class Method : std::uint16_t { kStored = 0, kDeflated = 8 };

struct Member {
  std::string_view name;            // which the Archive holds
  std::uint64_t stored_bytes = 0;   // in the file
  std::uint64_t size = 0;           // unpacked
  std::uint64_t header_offset = 0;  // of the local header
  std::uint64_t data_offset = 0;
  std::uint32_t crc = 0;
  std::uint32_t time = 0;        // this and what follows as they stand in the directory
  std::uint32_t attributes = 0;  // external ones
  Method method = Method::kStored;
  std::uint16_t made_by = 0;
  std::uint16_t flags = 0;

  [[nodiscard]] bool is_folder() const { return name.ends_with('/'); }
  [[nodiscard]] bool is_link() const;  // a symbolic link on Unix
};

// A directory. A file of 100,000 tensors has one as large as all else that is known of them.
struct Archive {
  std::vector<Member> members;  // in the directory's order
  StringPool names;
};

// Reads and checks the directory and every local header.
// Throws Error: kCorrupt where anything contradicts itself; kUnsupported for encrypted members,
// other methods than stored and deflated, and archives in several volumes.
Archive read_archive(const RandomFile& file);

// Does the file start as an archive does: with a local header, or the end record of an empty one?
bool looks_like_archive(const RandomFile& file);

// The name of the member whose local header starts the file; empty where there is none.
std::string first_name(const RandomFile& file);

inline constexpr std::uint64_t kMostMembers = 1'000'000;

}  // namespace ckpt::zip
