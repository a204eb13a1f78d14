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
class ArrayReader {
 public:
  ArrayReader(const Context& context, std::uint64_t address, const TakeElement& take)
      : context_(context), sizes_(context.file.sizes()), address_(address), take_(take) {}

  // Section VII.D, a fixed array's header:  "FAHD", version 0, client, element size, page bits,
  // elements (length), address of the data block, checksum (4).
  void read_fixed() {
    View view = read_header("fixed array", "FAHD", 8 + sizes_.length + sizes_.offset);
    set_page(view, view.u8());
    const std::uint64_t count = view.length();
    read_data_block("FADB", view.offset(), count);
  }

  // Section VII.E, an extensible array's header:  "EAHD", version 0, client; element size, bits of
  // the largest count, elements in the index block, least elements of a data block, least data
  // blocks of a super block, page bits (1 each); super blocks, their bytes, data blocks, their
  // bytes, end of the elements that are set, elements (lengths); address of the index block,
  // checksum (4).
  void read_extensible() {
    View view = read_header("extensible array", "EAHD", 12 + 6 * sizes_.length + sizes_.offset);
    const std::uint32_t bits = view.u8();
    const std::uint32_t in_index = view.u8();
    const std::uint32_t least_elements = view.u8();
    const std::uint32_t least_blocks = view.u8();
    set_page(view, view.u8());
    view.skip(4 * sizes_.length);
    const std::uint64_t set = view.length();
    view.skip(sizes_.length);
    const std::uint64_t index_block = view.offset();
    view.within("the bits of its counts", bits, 1, 64);
    const auto log2_least = static_cast<std::uint32_t>(std::bit_width(least_elements)) - 1;
    if (!std::has_single_bit(least_elements) || log2_least > bits ||
        !std::has_single_bit(least_blocks) || least_blocks < 2) {
      view.fail("has data blocks of ", least_elements, " elements and super blocks of ",
                least_blocks, " for ", bits, " bits");
    }
    if (index_block == kUndefined) return;
    offset_width_ = (bits + 7) / 8;
    read_index_block(index_block, in_index, least_elements, least_blocks, 1 + bits - log2_least);
    if (set > next_) view.fail("says that ", set, " elements are set, there is room for ", next_);
  }

 private:
  // Every structure is sealed and goes on with its client. Those but the header name the header
  // that they belong to.
  View read_header(std::string_view what, std::string_view signature, std::uint64_t size) {
    View view = context_.file.sealed(what, signature, address_, size + kChecksum);
    client_ = view.u8();
    element_size_ = view.u8();
    const bool is_filtered = client_ == kFiltered;
    view.within("its client", client_, 0, kFiltered);
    view.within("the size of its elements", element_size_,
                sizes_.offset + (is_filtered ? kMask + 1 : 0),
                sizes_.offset + (is_filtered ? kMask + 8 : 0));
    return view;
  }

  View read_block(std::string_view what, std::string_view signature, std::uint64_t address,
                  std::uint64_t size) {
    View view =
        context_.file.sealed(what, signature, address, 6 + sizes_.offset + size + kChecksum);
    view.expect("its client", view.u8(), client_);
    view.expect("its header", view.offset(), address_);
    return view;
  }

  void set_page(const View& header, std::uint32_t bits) {
    header.within("the bits of its page size", bits, 0, 63);
    page_ = std::uint64_t{1} << bits;
  }

  // The index block:  "EAIB", version 0, client, address of the header; elements; addresses of the
  // data blocks of the first super blocks; addresses of the other super blocks; checksum (4).
  void read_index_block(std::uint64_t address, std::uint32_t elements, std::uint64_t least_elements,
                        std::uint32_t least_blocks, std::size_t super_blocks) {
    const std::size_t first = std::min<std::size_t>(
        super_blocks, 2 * (static_cast<std::size_t>(std::bit_width(least_blocks)) - 1));
    const std::size_t direct = 2 * (std::size_t{least_blocks} - 1);
    View view =
        read_block("index block of chunks", "EAIB", address,
                   elements * element_size_ + (direct + super_blocks - first) * sizes_.offset);
    read_elements(view, elements);
    base_ = next_;
    std::uint64_t blocks_before = 0;
    View blocks = view.part("index block of chunks", direct * sizes_.offset);
    for (std::size_t i = 0; i < super_blocks; ++i) {
      // Super block i has 2^(i/2) data blocks of 2^((i+1)/2) × the least elements.
      const std::uint64_t count = std::uint64_t{1} << i / 2;
      const std::uint64_t each = least_elements << (i + 1) / 2;
      if (i >= first) {
        read_super_block(view.offset(), count, each);
        continue;
      }
      // libhdf5 adds to such a block's first element the data blocks of the super blocks before.
      for (std::uint64_t k = 0; k < count; ++k) {
        read_data_block("EADB", blocks.offset(), each, {}, 0, blocks_before * each);
      }
      blocks_before += count;
    }
  }

  // A super block:  "EASB", version 0, client, address of the header, number of its first element
  // behind the index block's; with pages a bit for each page of all data blocks, in as many
  // bytes as if each data block began a new one; addresses of data blocks; checksum (4).
  void read_super_block(std::uint64_t address, std::uint64_t count, std::uint64_t each) {
    if (address == kUndefined) {
      next_ += count * each;
      return;
    }
    context_.file.check("super block of chunks", address, count * sizes_.offset);
    const std::uint64_t map = each > page_ ? (each / page_ + 7) / 8 : 0;
    View view = read_block("super block of chunks", "EASB", address,
                           offset_width_ + count * (map + sizes_.offset));
    check_first(view, 0);
    const ByteView maps = view.take(count * map);
    for (std::uint64_t k = 0; k < count; ++k) {
      read_data_block("EADB", view.offset(), each, maps, k * (each / page_), 0);
    }
  }

  // A data block:  "FADB" or "EADB", version 0, client, address of the header; in an extensible
  // array: number of its first element behind the index block's; without pages: elements,
  // checksum; with pages: in a fixed array a bit for each, checksum, pages.
  void read_data_block(std::string_view signature, std::uint64_t address, std::uint64_t count,
                       ByteView map = {}, std::uint64_t first_page = 0, std::uint64_t quirk = 0) {
    if (address == kUndefined) {
      next_ += count;
      return;
    }
    context_.file.check(kDataBlock, address, count);  // each element has more than a byte
    const bool is_fixed = offset_width_ == 0;
    const bool is_paged = count > page_;
    const std::uint64_t pages = is_paged ? (count - 1) / page_ + 1 : 0;
    const std::uint64_t own_map = is_fixed ? (pages + 7) / 8 : 0;
    View view = read_block(kDataBlock, signature, address,
                           offset_width_ + own_map + (is_paged ? 0 : count * element_size_));
    if (!is_fixed) check_first(view, quirk);
    if (!is_paged) return read_elements(view, count);
    if (is_fixed) map = view.take(own_map);
    if (map.size() * 8 < first_page + pages) view.fail("has pages, but no map of them");
    read_pages(view, count, map, first_page);
  }

  void check_first(View& view, std::uint64_t quirk) {
    view.expect("its first element", view.number(offset_width_), next_ - base_ + quirk);
  }

  // Pages lie behind a block's checksum; those without a bit in the map were never written.
  void read_pages(const View& block, std::uint64_t count, ByteView map, std::uint64_t bit) {
    std::uint64_t at = block.address() + block.whole().size() + kChecksum;
    for (std::uint64_t done = 0; done < count; done += page_, ++bit) {
      const std::uint64_t elements = std::min(page_, count - done);
      const std::uint64_t size = elements * element_size_ + kChecksum;
      const auto byte = std::to_integer<std::uint32_t>(map[static_cast<std::size_t>(bit / 8)]);
      if ((byte & (0x80U >> bit % 8)) == 0) {
        next_ += elements;
      } else {
        View view = context_.file.view("page of chunks", at, size);
        view.checksum();
        read_elements(view, elements);
      }
      at += size;
    }
  }

  // An element: address of a chunk; filtered: stored bytes (what the element leaves), mask (4).
  void read_elements(View& view, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      View element = view.part("chunk", element_size_);
      const std::uint64_t number = next_++;
      const std::uint64_t address = element.offset();
      if (address == kUndefined) continue;
      context_.attempt([&] {
        if (client_ != kFiltered) return take_(number, address, kUndefined, 0);
        const std::uint64_t size = element.number(element.left() - kMask);
        take_(number, address, size, element.u32());
      });
    }
  }

  const Context& context_;
  Sizes sizes_;
  std::uint64_t address_;
  const TakeElement& take_;
  std::uint32_t client_ = 0;
  std::size_t element_size_ = 0;
  std::uint64_t page_ = 0;        // elements of a page
  std::size_t offset_width_ = 0;  // bytes of a block's first element; 0: a fixed array
  std::uint64_t base_ = 0;        // elements of the index block
  std::uint64_t next_ = 0;        // number of the next element
};

}  // namespace

void for_each_fixed(const Context& context, std::uint64_t address, const TakeElement& take) {
  ArrayReader(context, address, take).read_fixed();
}

void for_each_extensible(const Context& context, std::uint64_t address, const TakeElement& take) {
  ArrayReader(context, address, take).read_extensible();
}

}  // namespace ckpt::h5parse
