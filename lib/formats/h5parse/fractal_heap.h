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
  // Reads the header and finds the blocks. Throws Error.
  FractalHeap(const Context& context, std::uint64_t address);

  // The object of that ID, valid until the next call. Quick where the offsets of managed objects
  // rise.
  ByteView object(ByteView id);

  // For sorting IDs: where a managed object lies in the heap, 0 for others.
  [[nodiscard]] std::uint64_t position(ByteView id) const;

  // Throws Error(kCorrupt) unless the heap has as many objects as its index has records.
  void check_count(std::uint64_t records) const {
    head_.expect("the number of its objects", objects_, records);
  }

 private:
  struct Block {
    std::uint64_t offset = 0;  // in the heap
    std::uint64_t size = 0;    // of a direct block its bytes, of an indirect one its rows
    std::uint64_t address = kUndefined;
  };

  ByteView managed(View id);
  ByteView huge(View id);
  void check_block(View& view, std::string_view signature, std::uint64_t offset) const;
  void read_table(const Block& table, std::vector<Block>& below);
  void read_huge_objects(std::uint64_t tree);
  void load_block(std::uint64_t offset);

  const Context& context_;
  View head_;  // for saying what is wrong with the heap
  bool has_checksums_ = false;
  std::uint64_t objects_ = 0;
  std::uint64_t width_ = 0;
  std::uint64_t start_size_ = 0;
  std::size_t offset_width_ = 0;
  std::size_t length_width_ = 0;
  std::uint64_t direct_rows_ = 0;  // rows of the table whose blocks are direct
  std::vector<Block> blocks_;      // direct ones, sorted by offset
  std::uint64_t table_bytes_ = 0;
  bool has_huge_places_ = false;  // does the ID of a huge object say where it is?
  std::unordered_map<std::uint64_t, ByteRange> huge_objects_;  // else: by key
  Bytes huge_object_;                                          // that was used last
  Block block_;                                                // that was used last, and its bytes
  Bytes block_bytes_;
};

}  // namespace ckpt::h5parse
