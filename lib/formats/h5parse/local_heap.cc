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
LocalHeap::LocalHeap(const Context& context, std::uint64_t address) : context_(context) {
  const Sizes sizes = context.file.sizes();
  View view = context.file.view("local heap", address, 8 + 2 * sizes.length + sizes.offset);
  head_ = view;
  view.signature("HEAP", 0);
  const auto [zero, size, free_list, data] = view.fields<3, kLength, kLength, kAddress>();
  free_list_ = free_list;
  data_ = context.file.view("local heap data", data, size);
  view.require(data >= address + view.position() || address >= data + size, "its data of ", size,
               " bytes at ", data, " overlaps its head");
}

std::string_view LocalHeap::peek(std::uint64_t offset) const {
  check_offset(offset);
  View at = data_;
  at.skip(offset);
  return at.text();
}

std::string_view LocalHeap::text(std::uint64_t offset) {
  const std::string_view text = peek(offset);
  const std::uint64_t taken = round_up(text.size() + 1);
  used_bytes_ += taken;
  head_.require(used_bytes_ <= data_.left() + kUnit || context_.mode == Mode::kSalvage, "has ",
                data_.left(), " bytes, but the names in it take more than ", used_bytes_ - 1);
  used_.push_back({offset, taken});
  return text;
}

// Section III.D, a free block: offset of the next (length), own size (length).
void LocalHeap::read_free_list() {
  for (std::uint64_t at = free_list_; at != kNoFreeSpace && at != kUndefined;) {
    View view = data_;
    view.skip(at);
    const auto [next, size] = view.fields<kLength, kLength>();
    head_.require(size >= view.position() - at && size <= data_.left() - at &&
                      used_bytes_ <= 2 * data_.left(),
                  "its list of free space says ", size, " bytes at ", at, " of ", data_.left());
    used_.push_back({at, size});
    used_bytes_ += size;
    at = next;
  }
}

void LocalHeap::check_all_read() {
  try {
    read_free_list();
  } catch (const Error& e) {
    context_.note(e.what());  // hides no name by itself
  }
  if (used_bytes_ + kUnit == data_.left()) return;  // the first piece is the root's empty name
  std::ranges::sort(used_, {}, &ByteRange::offset);
  std::uint64_t at = kUnit;
  for (const auto& [offset, bytes] : used_) {
    if (offset > at) find_hidden(at, offset);
    at = std::max(at, offset + bytes);
  }
  find_hidden(at, data_.left());
}

void LocalHeap::find_hidden(std::uint64_t first, std::uint64_t last) {
  while (first < last) {
    View view = data_;
    view.skip(first);
    View gap = view.part("unused part of a local heap", last - first);
    std::string_view text;
    if (!context_.attempt([&] { text = gap.text(); })) return;
    // A removed name of one unit is lost, not free: a free block needs two. Longer ones say that a
    // link is kept from sight.
    if (text.size() >= kUnit) {
      context_.attempt([&] {
        head_.fail("has the name '", escape(text), "' at ", first, ", but no link has it");
      });
    }
    first += round_up(text.size() + 1);
  }
}

}  // namespace ckpt::h5parse
