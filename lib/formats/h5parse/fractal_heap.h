#pragma once

#include <unordered_map>
#include <vector>

#include "formats/h5parse/context.h"

namespace ckpt::h5parse {

// A fractal heap (section III.G): the names, messages and attributes of dense storage. Objects are
// small ("managed", in direct blocks under a doubling table), huge (anywhere, by a B-tree) or tiny
// (in their ID).
class FractalHeap {
 public:
  // Reads the header. Throws Error.
  FractalHeap(const Context& context, std::uint64_t address);

  // The object of that ID, valid until the next call. Quick where the offsets of managed objects
  // rise.
  ByteView object(ByteView id);

  // For sorting IDs: where a managed object lies in the heap, 0 for others.
  [[nodiscard]] std::uint64_t position(ByteView id) const;

  // Throws Error(kCorrupt) unless the heap has as many objects as its index has records.
  void check_count(std::uint64_t records) const;

 private:
  struct Block {           // a direct one
    std::uint64_t offset;  // in the heap
    std::uint64_t size;
    std::uint64_t address;
  };
  struct Table {  // an indirect block
    std::uint64_t offset;
    std::uint64_t rows;
    std::uint64_t address;
  };
  struct Huge {
    std::uint64_t address;
    std::uint64_t size;
  };

  ByteView managed(View id);
  ByteView huge(View id);
  void read_huge_objects();
  [[nodiscard]] std::uint64_t size_of_row(std::uint64_t row) const;
  void check_block(View& view, std::string_view signature, std::uint64_t offset) const;
  void find_blocks();
  void read_table(const Table& table, std::vector<Table>& below);
  void load_block(std::uint64_t offset);
  template <typename... Args>
  [[noreturn]] void fail(const Args&... sentence) const {
    corrupt("fractal heap at ", address_, ": ", sentence...);
  }

  const Context& context_;
  std::uint64_t address_;
  bool has_checksums_ = false;
  std::uint64_t huge_tree_ = kUndefined;
  std::uint64_t objects_ = 0;
  std::uint64_t width_ = 0;
  std::uint64_t start_size_ = 0;
  std::size_t offset_width_ = 0;
  std::size_t length_width_ = 0;
  std::uint64_t direct_rows_ = 0;  // rows of the table whose blocks are direct
  std::uint64_t root_ = kUndefined;
  std::uint64_t root_rows_ = 0;

  std::vector<Block> blocks_;  // sorted by offset
  bool has_blocks_ = false;    // are they found?
  std::uint64_t table_bytes_ = 0;
  std::unordered_map<std::uint64_t, Huge> huge_objects_;
  bool has_huge_objects_ = false;  // are they read?
  Bytes huge_object_;              // that was used last
  Block block_{0, 0, kUndefined};  // that was used last, and its bytes
  Bytes block_bytes_;
};

}  // namespace ckpt::h5parse
