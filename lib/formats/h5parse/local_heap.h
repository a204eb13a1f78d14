#pragma once

#include <string>
#include <vector>

#include "formats/h5parse/context.h"

namespace ckpt::h5parse {

// A local heap (section III.D): the names of a group of the old form.
class LocalHeap {
 public:
  // Reads the header. Throws Error.
  LocalHeap(const Context& context, std::uint64_t address);

  // Throws Error(kCorrupt) where the offset is not inside the heap.
  void check_offset(std::uint64_t offset) const;

  // The text at an offset of the heap. Remembers that those bytes have an owner.
  std::string text(std::uint64_t offset);

  // Do the texts that were read, the list of free space and nothing else fill the heap? A name that
  // no link has is a hidden variable: Error(kCorrupt). Names of up to 7 bytes are notes, since
  // libhdf5 loses pieces of 8 bytes when it removes links.
  void check_all_read();

 private:
  struct Range {
    std::uint64_t offset;
    std::uint64_t size;
  };
  void read_free_list();
  void find_hidden(std::uint64_t first, std::uint64_t last);
  template <typename... Args>
  [[noreturn]] void fail(const Args&... sentence) const {
    corrupt("local heap at ", address_, ": ", sentence...);
  }
  template <typename... Args>
  void note(const Args&... sentence) const {
    context_.note(cat("local heap at ", address_, ": ", sentence...));
  }

  const Context& context_;
  std::uint64_t address_;
  std::uint64_t size_ = 0;
  std::uint64_t free_list_ = 0;
  std::uint64_t data_ = kUndefined;
  std::uint64_t used_bytes_ = 0;
  std::vector<Range> used_;
};

}  // namespace ckpt::h5parse
