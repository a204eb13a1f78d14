#include "formats/h5parse/fractal_heap.h"

#include <algorithm>
#include <bit>

#include "core/checked.h"
#include "formats/h5parse/btree2.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/lookup3.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint64_t kMaxRows = 64;
constexpr std::uint32_t kHugeRecords = 1;  // type of the B-tree of huge objects, not filtered

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
  View view =
      context.file.view("fractal heap", address, 14 + 12 * sizes.length + 3 * sizes.offset + 8 + 4);
  view.signature("FRHP");
  view.version(0, 0);
  view.skip(2);
  if (view.u16() != 0) view.unsupported("is filtered");
  view.checksum();
  has_checksums_ = (view.u8() & 2U) != 0;
  const std::uint64_t largest_managed = view.u32();
  view.skip(sizes.length);
  huge_tree_ = view.offset();
  view.skip(sizes.length + sizes.offset + 3 * sizes.length);
  objects_ = view.length();
  for (int kind = 0; kind < 2; ++kind) {  // huge, tiny
    view.skip(sizes.length);
    objects_ = checked_add(objects_, view.length()).value_or(kUndefined);
  }
  width_ = view.u16();
  start_size_ = view.length();
  const std::uint64_t largest_direct = view.length();
  const std::uint64_t bits = view.u16();
  view.skip(2);
  root_ = view.offset();
  root_rows_ = view.u16();
  if (!std::has_single_bit(width_) || !std::has_single_bit(start_size_) ||
      !std::has_single_bit(largest_direct) || start_size_ > largest_direct ||
      largest_direct > kMaxChunkBytes || bits > 64 || root_rows_ > kMaxRows) {
    view.fail("has a table of ", width_, " × ", root_rows_, " blocks from ", start_size_, " to ",
              largest_direct, " bytes, of ", bits, " bits");
  }
  offset_width_ = static_cast<std::size_t>((bits + 7) / 8);
  length_width_ = static_cast<std::size_t>(
      std::min((log2_of(largest_direct) + 7) / 8,
               log2_of(std::max<std::uint64_t>(largest_managed, 1)) / 8 + 1));
  direct_rows_ = log2_of(largest_direct) - log2_of(start_size_) + 2;
}

void FractalHeap::check_count(std::uint64_t records) const {
  if (records != objects_) fail("has ", objects_, " objects, but its index has ", records);
}

std::uint64_t FractalHeap::size_of_row(std::uint64_t row) const {
  return row == 0 ? start_size_ : start_size_ << (row - 1);
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
ByteView FractalHeap::object(ByteView id) {
  View view("heap ID", address_, id, context_.file.sizes());
  const std::uint32_t first = view.u8();
  if (first >> 6U != 0) view.unsupported("is of version ", first >> 6U);
  switch (first >> 4U & 3U) {
    case 0:
      return managed(view);
    case 1:
      return huge(view);
    case 2:
      return view.take((id.size() > 17 ? (first & 15U) << 8U | view.u8() : first & 15U) + 1);
    default:
      view.fail("is of the reserved kind 3");
  }
}

ByteView FractalHeap::managed(View id) {
  const std::uint64_t offset = id.number(offset_width_);
  const std::uint64_t size = id.number(length_width_);
  if (offset - block_.offset >= block_.size) load_block(offset);
  const std::uint64_t inside = offset - block_.offset;
  if (size == 0 || size > block_.size - inside) {
    fail("an object of ", size, " bytes at ", offset, " is not inside its block of ", block_.size,
         " bytes at ", block_.offset);
  }
  return ByteView(block_bytes_)
      .subspan(static_cast<std::size_t>(inside), static_cast<std::size_t>(size));
}

// Section III.G, both kinds of blocks start so.
//
//      0  signature, version 0, address of the heap, offset in the heap
void FractalHeap::check_block(View& view, std::string_view signature, std::uint64_t offset) const {
  view.signature(signature);
  view.version(0, 0);
  view.expect("its heap", view.offset(), address_);
  view.expect("its offset in the heap", view.number(offset_width_), offset);
}

// Section III.G, the doubling table: rows of `width` blocks. Those of rows 0 and 1 have the
// starting size, those of each further row twice the size of the row before; from some row on they
// are indirect, with tables of their own.
void FractalHeap::find_blocks() {
  if (has_blocks_) return;
  has_blocks_ = true;
  if (root_rows_ == 0) {
    blocks_.push_back({0, start_size_, root_});
    return;
  }
  std::vector<Table> tables{{0, root_rows_, root_}};
  while (!tables.empty()) {
    const Table table = tables.back();
    tables.pop_back();
    context_.attempt([&] { read_table(table, tables); });
  }
  std::ranges::sort(blocks_, {}, &Block::offset);
}

// Section III.G, an indirect block.
//
//      0  "FHIB", version 0, …
//         for each block of each row: its address
//         checksum (4)
void FractalHeap::read_table(const Table& table, std::vector<Table>& below) {
  if (table.rows > kMaxRows) {
    fail("a block of ", table.rows, " rows; at most ", kMaxRows, " are possible");
  }
  const std::size_t width = context_.file.sizes().offset;
  const std::uint64_t size = 5 + width + offset_width_ + table.rows * width_ * width + 4;
  table_bytes_ += size;
  if (table_bytes_ > context_.file.size()) {
    fail("its tables have more than the file's ", context_.file.size(), " bytes");
  }
  View view = context_.file.view("fractal heap table", table.address, size);
  view.checksum();
  check_block(view, "FHIB", table.offset);
  std::uint64_t offset = table.offset;
  for (std::uint64_t row = 0; row < table.rows; ++row) {
    const std::uint64_t block = size_of_row(row);
    for (std::uint64_t column = 0; column < width_; ++column, offset += block) {
      const std::uint64_t address = view.offset();
      if (address == kUndefined) continue;
      if (row < direct_rows_) {
        blocks_.push_back({offset, block, address});
      } else {
        below.push_back({offset, log2_of(block) - log2_of(width_ * start_size_) + 1, address});
      }
    }
  }
}

// Section III.G, a direct block. Offsets in the heap count its head too.
//
//      0  "FHDB", version 0, …
//         with flag 1: checksum (4) of the block with zeros for it
//         objects
void FractalHeap::load_block(std::uint64_t offset) {
  constexpr std::string_view kWhat = "fractal heap block";
  find_blocks();
  block_.size = 0;  // in case what follows throws
  const auto behind = std::ranges::upper_bound(blocks_, offset, {}, &Block::offset);
  if (behind == blocks_.begin() || offset - std::prev(behind)->offset >= std::prev(behind)->size) {
    fail("an object at ", offset, " lies where no block is");
  }
  const Block block = *std::prev(behind);
  context_.file.check(kWhat, block.address, block.size);
  block_bytes_.resize(static_cast<std::size_t>(block.size));
  context_.file.read(kWhat, block.address, block_bytes_);
  View view(kWhat, block.address, block_bytes_, context_.file.sizes());
  check_block(view, "FHDB", block.offset);
  if (has_checksums_) {
    const std::size_t at = view.position();
    const std::uint32_t stored = view.u32();
    std::fill_n(block_bytes_.begin() + static_cast<std::ptrdiff_t>(at), 4, std::byte{0});
    view.expect("its checksum", stored, lookup3(block_bytes_));
  }
  block_ = block;
}

ByteView FractalHeap::huge(View id) {
  const Sizes sizes = context_.file.sizes();
  Huge where{};
  if (id.left() >= sizes.offset + sizes.length) {
    where = {id.offset(), id.length()};
  } else {
    read_huge_objects();
    const std::uint64_t key = id.number(std::min(sizes.length, id.left()));
    const auto found = huge_objects_.find(key);
    if (found == huge_objects_.end()) fail("has no huge object ", key);
    where = found->second;
  }
  if (where.size > kMaxAttributeBytes) {
    id.unsupported("an object of ", where.size, " bytes; at most ", kMaxAttributeBytes,
                   " are read");
  }
  context_.file.check("huge object", where.address, where.size);
  huge_object_.resize(static_cast<std::size_t>(where.size));
  context_.file.read("huge object", where.address, huge_object_);
  return huge_object_;
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
