#include "formats/h5parse/fractal_heap.h"

#include <algorithm>
#include <bit>

#include "core/text.h"
#include "formats/h5parse/btree2.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/lookup3.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint64_t kMaxRows = 64;
constexpr std::uint32_t kHugeRecords = 1;  // type of the B-tree of huge objects, not filtered
constexpr std::uint64_t kMaxObject = kMaxAttributeBytes;

std::uint64_t log2_of(std::uint64_t power) {
  return static_cast<std::uint64_t>(std::bit_width(power)) - 1;
}

}  // namespace

// Section III.G, the header.
//
//      0  "FRHP", version 0, ID length (2), filter length (2), flags
//     10  largest managed object (4); next huge ID, B-tree of huge objects
//         free space, its manager; managed space, allocated, iterator, managed objects
//         huge: bytes, objects; tiny: bytes, objects
//         table width (2), starting block, largest direct block, heap bits (2), rows (2)
//         address of the root block, its rows (2); with filters more; checksum (4)
FractalHeap::FractalHeap(const Context& context, std::uint64_t address)
    : context_(context), address_(address) {
  const Sizes sizes = context.file.sizes();
  const std::uint64_t size = 14 + 12 * sizes.length + 3 * sizes.offset + 8 + 4;
  Block block = context.file.block("fractal heap", address, size);
  View view = block.view;
  view.signature("FRHP");
  view.version(0, 0);
  id_size_ = view.u16();
  if (view.u16() != 0) view.unsupported("is filtered");
  block.view.checksum();
  has_checksums_ = (view.u8() & 2U) != 0;
  largest_managed_ = view.u32();
  view.skip(sizes.length);
  huge_tree_ = view.offset();
  view.skip(sizes.length + sizes.offset + 3 * sizes.length);
  managed_ = view.length();
  view.skip(sizes.length);
  huge_ = view.length();
  view.skip(sizes.length);
  tiny_ = view.length();
  width_ = view.u16();
  start_size_ = view.length();
  largest_direct_ = view.length();
  const std::uint64_t bits = view.u16();
  view.skip(2);
  root_ = view.offset();
  root_rows_ = view.u16();
  if (!std::has_single_bit(width_) || !std::has_single_bit(start_size_) ||
      !std::has_single_bit(largest_direct_) || start_size_ > largest_direct_ ||
      largest_direct_ > kMaxChunkBytes || bits > 64 || root_rows_ > kMaxRows) {
    view.fail(cat("has a table of ", width_, " × ", root_rows_, " blocks from ", start_size_,
                  " to ", largest_direct_, " bytes, of ", bits, " bits"));
  }
  offset_width_ = static_cast<std::size_t>((bits + 7) / 8);
  const auto bytes_for = [](std::uint64_t n) {
    return static_cast<std::size_t>(log2_of(n) / 8 + 1);
  };
  length_width_ = std::min(static_cast<std::size_t>((log2_of(largest_direct_) + 7) / 8),
                           bytes_for(std::max<std::uint64_t>(largest_managed_, 1)));
  direct_rows_ = log2_of(largest_direct_) - log2_of(start_size_) + 2;
}

void FractalHeap::fail(std::string_view sentence) const {
  throw Error(Errc::kCorrupt, cat("fractal heap at ", address_, ": ", sentence));
}

void FractalHeap::check_count(std::uint64_t records) const {
  if (records != objects()) {
    fail(cat("has ", objects(), " objects, but its index has ", records));
  }
}

std::uint64_t FractalHeap::size_of_row(std::uint64_t row) const {
  return row == 0 ? start_size_ : start_size_ << (row - 1);
}

std::uint64_t FractalHeap::offset_of_row(std::uint64_t row) const {
  return row == 0 ? 0 : (width_ * start_size_) << (row - 1);
}

std::uint64_t FractalHeap::position(ByteView id) const {
  View view("heap ID", address_, id, context_.file.sizes());
  if ((view.u8() & 0x30U) != 0) return 0;
  return view.number(offset_width_);
}

// Section III.G, heap IDs: the first byte has the version in bits 6 and 7 and the kind in 4 and 5.
//
//     managed: offset in the heap, length       huge: key of the B-tree, or address and length
//     tiny: length - 1 in the low 4 bits (12 with the next byte in long IDs), the object
Bytes FractalHeap::object(ByteView id) {
  View view("heap ID", address_, id, context_.file.sizes());
  const std::uint32_t first = view.u8();
  if (first >> 6U != 0) view.unsupported(cat("is of version ", first >> 6U));
  switch (first >> 4U & 3U) {
    case 0:
      return managed(view);
    case 1:
      return huge(view);
    case 2: {
      std::size_t size = first & 15U;
      if (id.size() > 17) size = size << 8U | view.u8();
      const ByteView bytes = view.take(size + 1);
      return {bytes.begin(), bytes.end()};
    }
    default:
      view.fail("is of the reserved kind 3");
  }
}

Bytes FractalHeap::managed(View id) {
  const std::uint64_t offset = id.number(offset_width_);
  const std::uint64_t size = id.number(length_width_);
  if (direct_offset_ == kUndefined || offset < direct_offset_ ||
      offset - direct_offset_ >= direct_.size()) {
    find_direct(offset);
  }
  const std::uint64_t inside = offset - direct_offset_;
  if (size == 0 || size > direct_.size() - inside) {
    fail(cat("an object of ", size, " bytes at ", offset, " is not inside its block of ",
             direct_.size(), " bytes at ", direct_offset_));
  }
  const auto start = direct_.begin() + static_cast<std::ptrdiff_t>(inside);
  return {start, start + static_cast<std::ptrdiff_t>(size)};
}

// Section III.G, the doubling table: rows of `width` blocks. Those of rows 0 and 1 have the
// starting size, those of each further row twice the size of the row before; from some row on they
// are indirect, with tables of their own.
void FractalHeap::find_direct(std::uint64_t offset) {
  direct_offset_ = kUndefined;
  if (root_rows_ == 0) {
    if (offset >= start_size_) fail(cat("an object at ", offset, " lies behind its only block"));
    return load_direct(root_, start_size_, 0);
  }
  std::uint64_t address = root_;
  std::uint64_t rows = root_rows_;
  std::uint64_t base = 0;
  for (std::size_t depth = 0; depth < kMaxTreeDepth; ++depth) {
    const Indirect& table = indirect(address, rows, base);
    const std::uint64_t inside = offset - base;
    const std::uint64_t first_row = width_ * start_size_;
    const std::uint64_t row = inside < first_row ? 0 : log2_of(inside / first_row) + 1;
    if (row >= table.rows) fail(cat("an object at ", offset, " lies behind its last block"));
    const std::uint64_t size = size_of_row(row);
    const std::uint64_t column = (inside - offset_of_row(row)) / size;
    base += offset_of_row(row) + column * size;
    const std::uint64_t child = table.children[static_cast<std::size_t>(row * width_ + column)];
    if (child == kUndefined) fail(cat("an object at ", offset, " lies where no block is"));
    if (row < direct_rows_) return load_direct(child, size, base);
    address = child;
    rows = log2_of(size) - log2_of(first_row) + 1;
  }
  fail("is nested too deep");
}

// Section III.G, an indirect block.
//
//      0  "FHIB", version 0, address of the heap, offset in the heap
//         for each block of each row: its address
//         checksum (4)
const FractalHeap::Indirect& FractalHeap::indirect(std::uint64_t address, std::uint64_t rows,
                                                   std::uint64_t offset) {
  if (const auto known = indirect_.find(address); known != indirect_.end()) {
    if (known->second.rows != rows) fail(cat("its block at ", address, " has two sizes"));
    return known->second;
  }
  if (rows > kMaxRows) fail(cat("a block of ", rows, " rows; at most ", kMaxRows, " are possible"));
  const Sizes sizes = context_.file.sizes();
  const std::uint64_t children = rows * width_;
  Block block = context_.file.block("fractal heap table", address,
                                    5 + sizes.offset + offset_width_ + children * sizes.offset + 4);
  View& view = block.view;
  view.checksum();
  view.signature("FHIB");
  view.version(0, 0);
  if (const auto heap = view.offset(); heap != address_)
    view.fail(mismatch("its heap", heap, address_));
  if (const auto at = view.number(offset_width_); at != offset) {
    view.fail(mismatch("its offset in the heap", at, offset));
  }
  Indirect table;
  table.rows = rows;
  for (std::uint64_t i = 0; i < children; ++i) table.children.push_back(view.offset());
  return indirect_.emplace(address, std::move(table)).first->second;
}

// Section III.G, a direct block. Offsets in the heap count its head too.
//
//      0  "FHDB", version 0, address of the heap, offset in the heap
//         with flag 1: checksum (4) of the block with zeros for it
//         objects
void FractalHeap::load_direct(std::uint64_t address, std::uint64_t size, std::uint64_t offset) {
  Block block = context_.file.block("fractal heap block", address, size);
  View& view = block.view;
  view.signature("FHDB");
  view.version(0, 0);
  if (const auto heap = view.offset(); heap != address_)
    view.fail(mismatch("its heap", heap, address_));
  if (const auto at = view.number(offset_width_); at != offset) {
    view.fail(mismatch("its offset in the heap", at, offset));
  }
  if (has_checksums_) {
    const std::size_t at = view.position();
    const std::uint32_t stored = view.u32();
    std::fill_n(block.bytes.begin() + static_cast<std::ptrdiff_t>(at), 4, std::byte{0});
    if (const auto needed = lookup3(block.bytes); stored != needed) {
      view.fail(mismatch("its checksum", stored, needed));
    }
  }
  direct_ = std::move(block.bytes);
  direct_offset_ = offset;
}

Bytes FractalHeap::huge(View id) {
  const Sizes sizes = context_.file.sizes();
  Huge where{};
  if (id.left() >= sizes.offset + sizes.length) {
    where = {id.offset(), id.length()};
  } else {
    read_huge_objects();
    const std::uint64_t key = id.number(std::min(sizes.length, id.left()));
    const auto found = huge_objects_.find(key);
    if (found == huge_objects_.end()) fail(cat("has no huge object ", key));
    where = found->second;
  }
  if (where.size > kMaxObject) {
    throw Error(Errc::kUnsupported,
                cat("an object of ", where.size, " bytes; at most ", kMaxObject, " are read"));
  }
  return context_.file.block("huge object", where.address, where.size).bytes;
}

// Section III.A.2, records of type 1: address, length, ID.
void FractalHeap::read_huge_objects() {
  if (has_huge_objects_) return;
  has_huge_objects_ = true;
  const Btree2 tree = read_btree2(context_, huge_tree_, kHugeRecords);
  for_each_record(context_, tree, [&](View record) {
    const std::uint64_t address = record.offset();
    const std::uint64_t size = record.length();
    huge_objects_[record.length()] = {address, size};
  });
}

}  // namespace ckpt::h5parse
