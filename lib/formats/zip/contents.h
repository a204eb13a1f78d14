#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/file.h"
#include "formats/zip/archive.h"

namespace ckpt::zip {

// The bytes of an archive's members. A stored member is read in place. Of deflated ones the last
// few streams are kept where they stopped, so that reading on costs nothing and reading several in
// turn does not begin each anew; going back begins at the member's first byte.
//
// Whoever reads a member from its first byte to its last, in order, has its CRC checked on the way.
// Safe to call from several threads.
class Contents {
 public:
  Contents(std::unique_ptr<RandomFile> file, Archive archive);
  ~Contents();

  [[nodiscard]] const std::vector<Member>& members() const { return archive_.members; }
  [[nodiscard]] const RandomFile& file() const { return *file_; }

  // The archive's file, for a reader of one stored member. Nothing can be read here any more.
  [[nodiscard]] std::unique_ptr<RandomFile> take_file() { return std::move(file_); }

  // Bytes [offset, offset + out.size()) of member `i`, unpacked. Throws Error(kCorrupt) where they
  // are damaged; the sentence names the member.
  // REQUIRES: the range lies inside the member.
  void read(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const;

 private:
  struct Cursor;
  std::unique_ptr<Cursor> take_cursor(std::size_t i, std::uint64_t offset) const;
  void put_cursor(std::unique_ptr<Cursor> cursor) const;
  void read_stored(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const;
  void read_deflated(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const;

  std::unique_ptr<RandomFile> file_;
  Archive archive_;
  mutable std::mutex mutex_;                            // guards what follows
  mutable std::list<std::unique_ptr<Cursor>> cursors_;  // the last used first; none is in use
};

}  // namespace ckpt::zip
