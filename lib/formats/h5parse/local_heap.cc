#include "formats/h5parse/local_heap.h"

#include <algorithm>

#include "core/escape.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint64_t kUnit = 8;         // pieces of the heap are multiples of this
constexpr std::uint64_t kNoFreeSpace = 1;  // end of the free list

std::uint64_t round_up(std::uint64_t size) { return (size + kUnit - 1) / kUnit * kUnit; }

}  // namespace

// Section III.D, the header.
//
//      0  "HEAP", version 0, 0 (3)
//      8  size of the data, offset of the first free block (lengths), address of the data
LocalHeap::LocalHeap(const Context& context, std::uint64_t address)
    : context_(context), address_(address) {
  const Sizes sizes = context.file.sizes();
  const std::uint64_t own = 8 + 2 * sizes.length + sizes.offset;
  View view = context.file.view("local heap", address, own);
  view.signature("HEAP");
  view.version(0, 0);
  view.skip(3);
  size_ = view.length();
  free_list_ = view.length();
  data_ = view.offset();
  context.file.check("local heap data", data_, size_);
  if (data_ < address + own && address < data_ + size_) {
    view.fail("its data of ", size_, " bytes at ", data_, " overlaps its head");
  }
}

void LocalHeap::check_offset(std::uint64_t offset) const {
  if (offset >= size_) fail("a name at ", offset, " lies behind its ", size_, " bytes");
}

std::string LocalHeap::text(std::uint64_t offset) {
  check_offset(offset);
  std::string text = context_.file.text("name", data_ + offset, data_ + size_);
  const std::uint64_t taken = round_up(text.size() + 1);
  used_bytes_ += taken;
  if (used_bytes_ > size_ + kUnit && context_.mode == Mode::kStrict) {
    fail("has ", size_, " bytes, but the names in it take more than ", used_bytes_ - 1);
  }
  used_.push_back({offset, taken});
  return text;
}

// Section III.D, a free block: offset of the next (length), own size (length).
void LocalHeap::read_free_list() {
  const std::uint64_t head = 2 * context_.file.sizes().length;
  for (std::uint64_t at = free_list_; at != kNoFreeSpace && at != kUndefined;) {
    if (at >= size_ || head > size_ - at) {
      return note("free space at ", at, " lies behind its ", size_, " bytes");
    }
    View view = context_.file.view("free space", data_ + at, head);
    const std::uint64_t next = view.length();
    const std::uint64_t size = view.length();
    if (size < head || size > size_ - at || used_bytes_ > 2 * size_) {
      return note("its list of free space says ", size, " bytes at ", at, " of ", size_);
    }
    used_.push_back({at, size});
    used_bytes_ += size;
    at = next;
  }
}

void LocalHeap::check_all_read() {
  read_free_list();
  if (used_bytes_ + kUnit == size_) return;  // the first piece is the root's empty name
  std::ranges::sort(used_, {}, &Range::offset);
  std::uint64_t at = kUnit;
  for (const Range& range : used_) {
    if (range.offset > at) find_hidden(at, range.offset);
    at = std::max(at, range.offset + range.size);
  }
  find_hidden(at, size_);
}

void LocalHeap::find_hidden(std::uint64_t first, std::uint64_t last) {
  while (first < last) {
    std::string text;
    const auto read = [&] { text = context_.file.text("name", data_ + first, data_ + last); };
    if (!context_.attempt(read)) return;
    // A removed name of one unit is lost, not free: a free block needs two. Longer ones say that a
    // link is kept from sight.
    if (text.size() >= kUnit) {
      context_.attempt(
          [&] { fail("has the name '", escape(text), "' at ", first, ", but no link has it"); });
    }
    first += round_up(text.size() + 1);
  }
}

}  // namespace ckpt::h5parse
