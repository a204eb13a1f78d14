#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "core/bytes.h"
#include "core/file.h"
#include "formats/hdf5_helper/message.h"

namespace ckpt::hdf5 {

// A file that is read, and never written: each page that would change is kept in memory.
//
//     page        0      1      2      3      4      5
//     written     .    [1']     .      .      .    [5']        pages(), in memory
//     base      [0 ]   [1 ]   [2 ]   [3 ]                      a RandomFile, or nothing
//     seen      [0 ]   [1']   [2 ]   [3 ]   zeros  [5']
//
// This is how libhdf5 sees a file (overlay_driver.h). So it never opens a path, never meets a write
// error (it loses files and crashes on those) and never changes a user's file. What it wrote comes
// out as pages and a length, to be checked and applied by code that can fail safely.
//
// Not safe for several threads: reading fills a cache.
class Overlay {
 public:
  static constexpr std::size_t kPageSize = 4096;
  using Page = std::array<std::byte, kPageSize>;

  // `base` must outlive the overlay; null stands for an empty file.
  explicit Overlay(const RandomFile* base);

  // The length of the file as it is seen now.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  void resize(std::uint64_t size);

  // Space below this offset is never given back when libhdf5 frees it: an edit that drops a tensor
  // at the end of the file leaves its bytes there, so that undoing needs no copy of them.
  void set_floor(std::uint64_t floor) { floor_ = floor; }
  [[nodiscard]] std::uint64_t floor() const { return floor_; }

  // Bytes behind the end read as zeros. Throws Error(kIo) where the base cannot be read.
  void read(std::uint64_t offset, std::span<std::byte> out) const;
  void write(std::uint64_t offset, ByteView bytes);

  // The written pages by their offset, a multiple of kPageSize. The last may pass size().
  [[nodiscard]] std::map<std::uint64_t, std::unique_ptr<Page>> take_pages() && {
    return std::move(pages_);
  }

 private:
  void read_base(std::uint64_t offset, std::span<std::byte> out) const;

  // Metadata is asked for in pieces of a few hundred bytes that lie near one another, so the base
  // is read by blocks. Each block has one slot it can be in.
  static constexpr std::size_t kBlockSize = 16 * kPageSize;
  static constexpr std::size_t kSlots = 64;
  struct Slot {
    std::uint64_t offset = UINT64_MAX;
    Bytes bytes;
  };

  const RandomFile* base_;
  std::uint64_t base_size_;
  std::uint64_t size_;
  std::uint64_t floor_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
  mutable std::array<Slot, kSlots> slots_;
};

// Tells what makes `base` (null: an empty file) what the overlay shows: the bytes that differ.
void write_outcome(const RandomFile* base, Overlay&& overlay, std::span<const ByteRange> created,
                   OutcomeWriter& out);

}  // namespace ckpt::hdf5
