#include "formats/h5parse/fractal_heap.h"

#include <algorithm>
#include <bit>

#include "formats/h5parse/btree2.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/lookup3.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint64_t kMaxRows = 64;
constexpr std::uint32_t kHugeRecords = 1;  // type of the B-tree of huge objects, not filtered

}  // namespace

// Section III.G, the header.
//
//      0  "FRHP", version 0, ID length (2), filter length (2), flags
//     10  largest managed object (4); next huge ID, B-tree of huge objects
//         free space, its manager; managed space, allocated, iterator, managed objects
//         huge: bytes, objects; tiny: bytes, objects
//         table width (2), starting block, largest direct block, heap bits (2), rows (2)
//         address of the root block, its rows (2); with filters more; checksum (4)
FractalHeap::FractalHeap(const Context& context, std::uint64_t address) : context_(context) {
  const Sizes sizes = context.file.sizes();
  View view =
      context.file.view("fractal heap", address, 14 + 12 * sizes.length + 3 * sizes.offset + 8 + 4);
  head_ = view;
  view.signature("FRHP", 0);
  has_huge_places_ = view.u16() > sizes.offset + sizes.length;
  if (view.u16() != 0) view.unsupported("is filtered");
  view.checksum();
  has_checksums_ = (view.u8() & 2U) != 0;
  const auto [largest_managed, next_key, huge_tree] = view.fields<4, kLength, kAddress>();
  view.skip(sizes.length + sizes.offset + 3 * sizes.length);
  const auto [managed, huge_bytes, huge, tiny_bytes, tiny] =
      view.fields<kLength, kLength, kLength, kLength, kLength>();
  const auto [width, start, largest_direct, bits, start_rows, root, rows] =
      view.fields<2, kLength, kLength, 2, 2, kAddress, 2>();
  objects_ = managed + huge + tiny;
  width_ = width;
  start_size_ = start;
  view.within("the bits of its offsets", bits, 1, 64);
  view.require(std::has_single_bit(width) && std::has_single_bit(start) &&
                   std::has_single_bit(largest_direct) && start <= largest_direct &&
                   largest_direct <= kMaxChunkBytes,
               "has a table of ", width, " blocks a row, from ", start, " to ", largest_direct,
               " bytes");
  offset_width_ = static_cast<std::size_t>((bits + 7) / 8);
  length_width_ = static_cast<std::size_t>(
      std::min((log2_of(largest_direct) + 7) / 8,
               log2_of(std::max<std::uint64_t>(largest_managed, 1)) / 8 + 1));
  direct_rows_ = log2_of(largest_direct) - log2_of(start_size_) + 2;
  if (huge_tree != kUndefined && !has_huge_places_) read_huge_objects(huge_tree);
  if (rows == 0) blocks_.push_back({0, start_size_, root});
  std::vector<Block> tables;
  if (rows != 0) tables.push_back({0, rows, root});
  while (!tables.empty()) {
    const Block table = tables.back();
    tables.pop_back();
    context_.attempt([&] { read_table(table, tables); });
  }
  std::ranges::sort(blocks_, {}, &Block::offset);
}

std::uint64_t FractalHeap::position(ByteView id) const {
  View view("heap ID", head_.address(), id, context_.file.sizes());
  if ((view.u8() & 0x30U) != 0) return 0;
  return view.number(offset_width_);
}

// Section III.G, heap IDs: the first byte has the version in bits 6 and 7 and the kind in 4 and 5.
//
//     managed: offset in the heap, length       huge: key of the B-tree, or address and length
//     tiny: length - 1 in the low 4 bits, the object (IDs of more than 17 bytes are not met here)
ByteView FractalHeap::object(ByteView id) {
  View view("heap ID", head_.address(), id, context_.file.sizes());
  const std::uint32_t first = view.u8();
  if (first >> 6U != 0) view.unsupported("is of version ", first >> 6U);
  switch (first >> 4U & 3U) {
    case 0:
      return managed(view);
    case 1:
      return huge(view);
    case 2:
      return view.take((first & 15U) + 1);
    default:
      view.fail("is of the reserved kind 3");
  }
}

ByteView FractalHeap::managed(View id) {
  const std::uint64_t offset = id.number(offset_width_);
  const std::uint64_t size = id.number(length_width_);
  if (offset - block_.offset >= block_.size) load_block(offset);
  View block("fractal heap block", block_.address, block_bytes_, context_.file.sizes());
  block.skip(offset - block_.offset);
  block.require(size > 0, "has an object of 0 bytes");
  return block.take(size);
}

// Section III.G, both kinds of blocks start so.
//
//      0  signature, version 0, address of the heap, offset in the heap
void FractalHeap::check_block(View& view, std::string_view signature, std::uint64_t offset) const {
  view.signature(signature, 0);
  view.expect("its heap", view.offset(), head_.address());
  view.expect("its offset in the heap", view.number(offset_width_), offset);
}

// Section III.G, the doubling table: rows of `width` blocks. Those of rows 0 and 1 have the
// starting size, those of each further row twice the size of the row before; from some row on they
// are indirect, with tables of their own.
//
// Section III.G, an indirect block.
//
//      0  "FHIB", version 0, …
//         for each block of each row: its address
//         checksum (4)
void FractalHeap::read_table(const Block& table, std::vector<Block>& below) {
  head_.within("the number of a block's rows", table.size, 0, kMaxRows);
  const std::size_t width = context_.file.sizes().offset;
  const std::uint64_t size = 5 + width + offset_width_ + table.size * width_ * width + 4;
  table_bytes_ += size;
  head_.require(table_bytes_ <= context_.file.size(), "has more tables than fit the file");
  View view = context_.file.view("fractal heap table", table.address, size);
  view.checksum();
  check_block(view, "FHIB", table.offset);
  std::uint64_t offset = table.offset;
  for (std::uint64_t row = 0; row < table.size; ++row) {
    const std::uint64_t block = row == 0 ? start_size_ : start_size_ << (row - 1);
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
  block_.size = 0;  // in case what follows throws
  const auto behind = std::ranges::upper_bound(blocks_, offset, {}, &Block::offset);
  const Block block = behind == blocks_.begin() ? Block{} : *std::prev(behind);
  head_.require(offset - block.offset < block.size, "an object at ", offset, " lies in no block");
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
  ByteRange where{};
  if (has_huge_places_) {
    where = {id.offset(), id.length()};
  } else {
    const std::uint64_t key = id.number(std::min(id.sizes().length, id.left()));
    const auto found = huge_objects_.find(key);
    head_.require(found != huge_objects_.end(), "has no huge object ", key);
    where = found->second;
  }
  id.limit("the size of its object", where.bytes, hdf5::kMaxAttributeBytes);
  context_.file.check("huge object", where.offset, where.bytes);
  huge_object_.resize(static_cast<std::size_t>(where.bytes));
  context_.file.read("huge object", where.offset, huge_object_);
  return huge_object_;
}

// Section III.A.2, records of type 1: address, length, ID.
void FractalHeap::read_huge_objects(std::uint64_t tree) {
  for_each_record(context_, read_btree2(context_, tree, kHugeRecords), [&](View record) {
    const ByteRange where{record.offset(), record.length()};
    huge_objects_[record.length()] = where;
  });
}

}  // namespace ckpt::h5parse
