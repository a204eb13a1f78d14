#pragma once

#include <vector>

#include "core/file.h"
#include "formats/h5parse/arena.h"
#include "formats/h5parse/view.h"
#include "storage/byte_range.h"

namespace ckpt::h5parse {

// The file by addresses that count from the superblock, none past the end that the superblock
// names.
//
// Metadata goes through a cache of pages over pread, and not through a memory map, for three
// reasons: a file that another program cuts short is an error here and SIGBUS there; a checkpoint
// inside a zip or in memory is read by the same code; and it is not slower, since an object's
// header is a few hundred bytes and most of the time goes into understanding them. Tensors are read
// around the cache. Not for several threads at once.
class File {
 public:
  // `file` must outlive this.
  explicit File(const RandomFile& file) : file_(file), end_(file.size()) {}

  // What the superblock says: where addresses start and where the file ends, both from its first
  // byte, and the sizes of numbers. REQUIRES: base <= end <= the file's size.
  void set_frame(std::uint64_t base, std::uint64_t end, Sizes sizes) {
    base_ = base;
    end_ = end;
    sizes_ = sizes;
  }

  [[nodiscard]] std::uint64_t base() const { return base_; }
  [[nodiscard]] std::uint64_t size() const { return end_ - base_; }  // addresses are below this
  [[nodiscard]] Sizes sizes() const { return sizes_; }

  // Throws Error(kCorrupt) unless [address, address + size) is inside the file.
  void check(std::string_view what, std::uint64_t address, std::uint64_t size) const;

  // From now on check() remembers what it was asked for: what the file uses, once all of it has
  // been looked at.
  void survey() const {
    is_surveyed_ = true;
    surveyed_.clear();
  }
  // What that was, from the first byte of the file.
  [[nodiscard]] const std::vector<ByteRange>& surveyed() const { return surveyed_; }
  // How many bytes it was asked for, each counted once, and those before the superblock.
  [[nodiscard]] std::uint64_t surveyed_bytes() const;

  // The bytes of a structure, which stay in the arena. Nothing is allocated before check() has
  // passed.
  [[nodiscard]] View view(std::string_view what, std::uint64_t address, std::uint64_t size) const;

  // The same of a structure that ends in a checksum and starts with a signature and version 0, all
  // of which is checked: the view is behind them.
  [[nodiscard]] View sealed(std::string_view what, std::string_view signature,
                            std::uint64_t address, std::uint64_t size) const;

  // A copy of bytes that are gone soon, in the arena.
  [[nodiscard]] View keep(std::string_view what, std::uint64_t address, ByteView bytes) const;

  // The bytes at an address: metadata through the cache, large pieces around it.
  void read(std::string_view what, std::uint64_t address, std::span<std::byte> out) const;

  // Where the bytes of views are: cleared when another object, attribute or dataset is looked at.
  [[nodiscard]] Arena& arena() const { return arena_; }

 private:
  static constexpr std::size_t kPage = 16 * 1024;
  static constexpr std::size_t kPages = 64;
  struct Page {
    std::uint64_t number = kUndefined;
    Bytes bytes;
  };
  [[nodiscard]] ByteView page(std::uint64_t number) const;

  const RandomFile& file_;
  std::uint64_t base_ = 0;
  std::uint64_t end_;
  Sizes sizes_;
  mutable std::vector<Page> pages_ = std::vector<Page>(kPages);  // page n is in slot n % kPages
  mutable Arena arena_;
  mutable bool is_surveyed_ = false;
  mutable std::vector<ByteRange> surveyed_;
};

}  // namespace ckpt::h5parse
