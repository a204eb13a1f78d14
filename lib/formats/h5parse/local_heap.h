#pragma once

#include <vector>

#include "formats/h5parse/context.h"

namespace ckpt::h5parse {

// A local heap (section III.D): the names of a group of the old form.
class LocalHeap {
 public:
  // Reads all of it. Throws Error.
  LocalHeap(const Context& context, std::uint64_t address);

  // Throws Error(kCorrupt) where the offset is not inside the heap.
  void check_offset(std::uint64_t offset) const {
    head_.within("the offset of a name", offset, 0, data_.left() - 1);
  }

  // The text at an offset of the heap, valid as long as the arena.
  [[nodiscard]] std::string_view peek(std::uint64_t offset) const;

  // The same, and remembers that those bytes have an owner.
  std::string_view text(std::uint64_t offset);

  // Do the texts that were read, the list of free space and nothing else fill the heap? A name that
  // no link has is a hidden variable: Error(kCorrupt). Names of up to 7 bytes are notes, since
  // libhdf5 loses pieces of 8 bytes when it removes links.
  void check_all_read();

 private:
  void read_free_list();
  void find_hidden(std::uint64_t first, std::uint64_t last);

  const Context& context_;
  View head_;  // for saying what is wrong with the heap
  View data_;
  std::uint64_t free_list_ = 0;
  std::uint64_t used_bytes_ = 0;
  std::vector<ByteRange> used_;  // in the heap
};

}  // namespace ckpt::h5parse
