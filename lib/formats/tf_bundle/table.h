#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace ckpt::tf {

// A sorted table of keys and values: LevelDB's file, which TensorFlow uses for a bundle's index and
// for whole checkpoints of version 1.
//
//   [data block]… [metaindex block] [index block] [footer, 48 bytes]
//
// Tables are written by leveldb, but not read by it: it allocates what a file claims before it
// looks, and version 1.23 adds two lengths of an entry in 32 bits, so that a file of 100 bytes
// makes it read past its memory. Reading here is also stricter: blocks follow one another, none is
// empty but in a table without entries, keys ascend, and a reader that searches finds what one that
// scans does.
class Table {
 public:
  // Where a block lies, and a key that is not below any key of it.
  struct Block {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::string bound;
  };
  using EntryFunction = std::function<void(std::string_view key, std::string_view value)>;

  // Does the file end as a sorted table does?
  static bool has_magic(const RandomFile& file);

  // Reads and checks the footer and the index block; `file` must outlive the table. No block may be
  // larger than `max_block`, compressed or not. Throws Error(kCorrupt).
  Table(const RandomFile& file, std::uint64_t max_block);

  [[nodiscard]] const std::vector<Block>& blocks() const { return blocks_; }

  // Gives `f` each entry of block `i`, in the order of keys; the views last as long as the call.
  // Throws Error(kCorrupt) where the block is damaged, and what `f` throws.
  void for_each(std::size_t i, const EntryFunction& f) const;

  // The same of the whole table.
  void for_each(const EntryFunction& f) const;

 private:
  void check_place(const Block& block, std::string_view what) const;
  void read_block(const Block& block, std::string_view what, const EntryFunction& f) const;

  const RandomFile& file_;
  std::uint64_t max_block_;
  std::uint64_t footer_ = 0;  // where the footer begins
  std::vector<Block> blocks_;
};

}  // namespace ckpt::tf
