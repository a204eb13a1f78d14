#include "formats/h5parse/array_index.h"

#include <algorithm>
#include <bit>

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kFiltered = 1;  // "client": chunks that are filtered
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kMask = 4;  // filters that were not used on a chunk
constexpr std::string_view kDataBlock = "data block of chunks";

// Both kinds of arrays: a header, blocks of elements, each perhaps cut into pages.
struct ArrayReader {
  const Context& context;
  std::uint64_t head;  // address of the header
  const TakeElement& take;
  Sizes sizes = context.file.sizes();
  std::uint32_t client = 0;
  std::size_t element_size = 0;
  std::uint64_t page = 0;        // elements of a page
  std::size_t offset_width = 0;  // bytes of a block's first element; 0: a fixed array
  std::uint64_t base = 0;        // elements of the index block
  std::uint64_t next = 0;        // number of the next element

  // Section VII.D, a fixed array's header:  "FAHD", version 0, client, element size, page bits,
  // elements (length), address of the data block, checksum (4).
  void read_fixed() {
    View view = read_header("fixed array", "FAHD", 8 + sizes.length + sizes.offset);
    const auto [page_bits, count, data_block] = view.fields<1, kLength, kAddress>();
    view.within("the bits of its page size", page_bits, 0, 63);
    page = std::uint64_t{1} << page_bits;
    read_data_block(data_block, count);
  }

  // Section VII.E, an extensible array's header:  "EAHD", version 0, client; element size, bits of
  // the largest count, elements in the index block, least elements of a data block, least data
  // blocks of a super block, page bits (1 each); super blocks, their bytes, data blocks, their
  // bytes, end of the elements that are set, elements (lengths); address of the index block,
  // checksum (4).
  void read_extensible() {
    View view = read_header("extensible array", "EAHD", 12 + 6 * sizes.length + sizes.offset);
    const auto [bits, in_index, least_elements, least_blocks, page_bits] =
        view.fields<1, 1, 1, 1, 1>();
    view.skip(4 * sizes.length);
    const auto [set, elements, index_block] = view.fields<kLength, kLength, kAddress>();
    view.within("the bits of its page size", page_bits, 0, 63);
    page = std::uint64_t{1} << page_bits;
    view.within("the bits of its counts", bits, 1, 64);
    const std::uint64_t log2_least = log2_of(least_elements);
    view.require(std::has_single_bit(least_elements) && log2_least <= bits &&
                     std::has_single_bit(least_blocks) && least_blocks >= 2,
                 "has data blocks of ", least_elements, " elements and super blocks of ",
                 least_blocks, " for ", bits, " bits");
    if (index_block == kUndefined) return;
    offset_width = (bits + 7) / 8;
    read_index_block(index_block, in_index, least_elements, least_blocks, 1 + bits - log2_least);
    view.require(set <= next, "says that ", set, " elements are set, there is room for ", next);
  }

  // Every structure is sealed and goes on with its client. Those but the header name the header
  // that they belong to.
  View read_header(std::string_view what, std::string_view signature, std::uint64_t size) {
    View view = context.file.sealed(what, signature, head, size + kChecksum);
    client = view.u8();
    element_size = view.u8();
    const bool is_filtered = client == kFiltered;
    view.within("its client", client, 0, kFiltered);
    view.within("the size of its elements", element_size,
                sizes.offset + (is_filtered ? kMask + 1 : 0),
                sizes.offset + (is_filtered ? kMask + 8 : 0));
    return view;
  }

  View read_block(std::string_view what, std::string_view signature, std::uint64_t address,
                  std::uint64_t size) {
    View view = context.file.sealed(what, signature, address, 6 + sizes.offset + size + kChecksum);
    view.expect("its client", view.u8(), client);
    view.expect("its header", view.offset(), head);
    return view;
  }

  // The index block:  "EAIB", version 0, client, address of the header; elements; addresses of the
  // data blocks of the first super blocks; addresses of the other super blocks; checksum (4).
  void read_index_block(std::uint64_t address, std::uint64_t elements, std::uint64_t least_elements,
                        std::uint64_t least_blocks, std::uint64_t super_blocks) {
    const std::uint64_t first = std::min(super_blocks, 2 * log2_of(least_blocks));
    const std::uint64_t direct = 2 * (least_blocks - 1);
    View view =
        read_block("index block of chunks", "EAIB", address,
                   elements * element_size + (direct + super_blocks - first) * sizes.offset);
    read_elements(view, elements);
    base = next;
    std::uint64_t blocks_before = 0;
    View blocks = view.part("index block of chunks", direct * sizes.offset);
    for (std::uint64_t i = 0; i < super_blocks; ++i) {
      // Super block i has 2^(i/2) data blocks of 2^((i+1)/2) × the least elements.
      const std::uint64_t count = std::uint64_t{1} << i / 2;
      const std::uint64_t each = least_elements << (i + 1) / 2;
      if (i >= first) {
        read_super_block(view.offset(), count, each);
        continue;
      }
      // libhdf5 adds to such a block's first element the data blocks of the super blocks before.
      for (std::uint64_t k = 0; k < count; ++k) {
        read_data_block(blocks.offset(), each, {}, 0, blocks_before * each);
      }
      blocks_before += count;
    }
  }

  // A super block:  "EASB", version 0, client, address of the header, number of its first element
  // behind the index block's; with pages a bit for each page of all data blocks, in as many
  // bytes as if each data block began a new one; addresses of data blocks; checksum (4).
  void read_super_block(std::uint64_t address, std::uint64_t count, std::uint64_t each) {
    if (address == kUndefined) {
      next += count * each;
      return;
    }
    context.file.check("super block of chunks", address, count * sizes.offset);
    const std::uint64_t map = each > page ? (each / page + 7) / 8 : 0;
    View view = read_block("super block of chunks", "EASB", address,
                           offset_width + count * (map + sizes.offset));
    check_first(view, 0);
    const ByteView maps = view.take(count * map);
    for (std::uint64_t k = 0; k < count; ++k) {
      read_data_block(view.offset(), each, maps, k * (each / page), 0);
    }
  }

  // A data block:  "FADB" or "EADB", version 0, client, address of the header; in an extensible
  // array: number of its first element behind the index block's; without pages: elements,
  // checksum; with pages: in a fixed array a bit for each, checksum, pages.
  void read_data_block(std::uint64_t address, std::uint64_t count, ByteView map = {},
                       std::uint64_t first_page = 0, std::uint64_t quirk = 0) {
    if (address == kUndefined) {
      next += count;
      return;
    }
    context.file.check(kDataBlock, address, count);  // each element has more than a byte
    const bool is_fixed = offset_width == 0;
    const bool is_paged = count > page;
    const std::uint64_t pages = is_paged ? (count - 1) / page + 1 : 0;
    const std::uint64_t own_map = is_fixed ? (pages + 7) / 8 : 0;
    View view = read_block(kDataBlock, is_fixed ? "FADB" : "EADB", address,
                           offset_width + own_map + (is_paged ? 0 : count * element_size));
    if (!is_fixed) check_first(view, quirk);
    if (!is_paged) return read_elements(view, count);
    if (is_fixed) map = view.take(own_map);
    view.require(map.size() * 8 >= first_page + pages, "has pages, but no map of them");
    read_pages(view, count, map, first_page);
  }

  void check_first(View& view, std::uint64_t quirk) {
    view.expect("its first element", view.number(offset_width), next - base + quirk);
  }

  // Pages lie behind a block's checksum; those without a bit in the map were never written.
  void read_pages(const View& block, std::uint64_t count, ByteView map, std::uint64_t bit) {
    std::uint64_t at = block.address() + block.whole().size() + kChecksum;
    for (std::uint64_t done = 0; done < count; done += page, ++bit) {
      const std::uint64_t elements = std::min(page, count - done);
      const std::uint64_t size = elements * element_size + kChecksum;
      const auto byte = std::to_integer<std::uint32_t>(map[static_cast<std::size_t>(bit / 8)]);
      if ((byte & (0x80U >> bit % 8)) == 0) {
        next += elements;
      } else {
        View view = context.file.view("page of chunks", at, size);
        view.checksum();
        read_elements(view, elements);
      }
      at += size;
    }
  }

  // An element: address of a chunk; filtered: stored bytes (what the element leaves), mask (4).
  void read_elements(View& view, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      View element = view.part("chunk", element_size);
      const std::uint64_t number = next++;
      const std::uint64_t address = element.offset();
      if (address == kUndefined) continue;
      context.attempt([&] {
        if (client != kFiltered) return take(number, address, kUndefined, 0);
        const std::uint64_t size = element.number(element.left() - kMask);
        take(number, address, size, element.u32());
      });
    }
  }
};

}  // namespace

void for_each_element(const Context& context, ChunkIndex kind, std::uint64_t address,
                      const TakeElement& take) {
  ArrayReader array{context, address, take};
  kind == ChunkIndex::kFixedArray ? array.read_fixed() : array.read_extensible();
}

}  // namespace ckpt::h5parse
