#include "formats/h5parse/array_index.h"

#include <algorithm>
#include <bit>

#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kFiltered = 1;  // "client": chunks that are filtered
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kMask = 4;  // filters that were not used on a chunk

// What both kinds of arrays share: a head, pages of elements, a checksum behind each.
class ArrayReader {
 public:
  ArrayReader(const Context& context, std::uint64_t address, const TakeElement& take)
      : context_(context), sizes_(context.file.sizes()), address_(address), take_(take) {}

 protected:
  // Section VII.D and E: every structure is sealed and goes on with its client. Those but the
  // header name the header that they belong to.
  View read_header(std::string_view what, std::string_view signature, std::uint64_t size) {
    View view = context_.file.sealed(what, signature, address_, size + kChecksum);
    client_ = view.u8();
    if (client_ > kFiltered) view.fail("has the client ", client_, "; 0 or 1 is possible");
    element_size_ = view.u8();
    const std::size_t least = sizes_.offset + (client_ == kFiltered ? kMask + 1 : 0);
    const std::size_t most = sizes_.offset + (client_ == kFiltered ? kMask + 8 : 0);
    if (element_size_ < least || element_size_ > most) {
      view.fail("has elements of ", element_size_, " bytes; ", least, " to ", most,
                " are possible");
    }
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

  // An element: address of a chunk; filtered: stored bytes (what the element leaves), mask (4).
  void read_elements(View& view, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      View element = view.part("chunk", element_size_);
      const std::uint64_t number = next_++;
      const std::uint64_t address = element.offset();
      if (address == kUndefined) continue;
      context_.attempt([&] {
        if (client_ != kFiltered) return take_(number, address, kUndefined, 0);
        const std::uint64_t size = element.number(element_size_ - sizes_.offset - kMask);
        take_(number, address, size, element.u32());
      });
    }
  }

  // Pages lie behind a block's checksum; those without a bit in the map were never written.
  // `first` is the bit of the first page.
  void read_pages(const View& block, std::uint64_t count, std::uint64_t page, ByteView bitmap,
                  std::uint64_t first) {
    std::uint64_t at = block.address() + block.whole().size() + kChecksum;
    for (std::uint64_t i = 0; i * page < count; ++i) {
      const std::uint64_t elements = std::min(page, count - i * page);
      const std::uint64_t size = elements * element_size_ + kChecksum;
      const auto byte =
          std::to_integer<std::uint32_t>(bitmap[static_cast<std::size_t>((first + i) / 8)]);
      if ((byte & (0x80U >> (first + i) % 8)) == 0) {
        next_ += elements;
      } else {
        View view = context_.file.view("page of chunks", at, size);
        view.checksum();
        read_elements(view, elements);
      }
      at += size;
    }
  }

  const Context& context_;
  Sizes sizes_;
  std::uint64_t address_;
  const TakeElement& take_;
  std::uint32_t client_ = 0;
  std::size_t element_size_ = 0;
  std::uint64_t next_ = 0;  // number of the next element
};

class FixedArray final : private ArrayReader {
 public:
  using ArrayReader::ArrayReader;

  // The header:  "FAHD", version 0, client, element size, page bits, elements (length), address of
  // the data block, checksum (4).
  // The data block:  "FADB", version 0, client, address of the header, then without pages:
  // elements, checksum; with pages: a bit for each page, checksum, pages.
  void run() {
    View view = read_header("fixed array", "FAHD", 8 + sizes_.length + sizes_.offset);
    const std::uint32_t bits = view.u8();
    const std::uint64_t count = view.length();
    const std::uint64_t address = view.offset();
    if (address == kUndefined) return;
    if (bits > 63) view.fail("has pages of 2^", bits, " elements");
    context_.file.check("data block of chunks", address, 0);
    if (count > context_.file.size() / element_size_) {
      view.fail("has ", count, " elements of ", element_size_, " bytes, the file has ",
                context_.file.size());
    }
    const std::uint64_t page = std::uint64_t{1} << bits;
    const bool is_paged = count > page;
    const std::uint64_t bitmap = is_paged ? ((count + page - 1) / page + 7) / 8 : 0;
    const std::uint64_t inside = is_paged ? bitmap : count * element_size_;
    View block = read_block("data block of chunks", "FADB", address, inside);
    if (is_paged) {
      read_pages(block, count, page, block.take(static_cast<std::size_t>(bitmap)), 0);
    } else {
      read_elements(block, count);
    }
  }
};

class ExtensibleArray final : private ArrayReader {
 public:
  using ArrayReader::ArrayReader;

  // The header:  "EAHD", version 0, client; element size, bits of the largest count, elements in
  // the index block, least elements of a data block, least data blocks of a super block, page bits
  // (1 each); super blocks, their bytes, data blocks, their bytes, end of the elements that are
  // set, elements (lengths); address of the index block, checksum (4).
  void run() {
    View view = read_header("extensible array", "EAHD", 12 + 6 * sizes_.length + sizes_.offset);
    const std::uint32_t bits = view.u8();
    const std::uint32_t in_index = view.u8();
    const std::uint32_t least_elements = view.u8();
    const std::uint32_t least_blocks = view.u8();
    const std::uint32_t page_bits = view.u8();
    view.skip(4 * sizes_.length);
    const std::uint64_t set = view.length();
    view.skip(sizes_.length);
    const std::uint64_t index_block = view.offset();
    if (bits == 0 || bits > 64 || !std::has_single_bit(least_elements) ||
        !std::has_single_bit(least_blocks) || least_blocks < 2 || page_bits > 63) {
      view.fail("has ", bits, " bits, data blocks of ", least_elements,
                " elements, super blocks of ", least_blocks, " and pages of ", page_bits, " bits");
    }
    if (index_block == kUndefined) return;
    offset_width_ = (bits + 7) / 8;
    page_ = std::uint64_t{1} << page_bits;
    const auto log2_least = static_cast<std::uint32_t>(std::bit_width(least_elements)) - 1;
    if (log2_least > bits)
      view.fail("has data blocks of ", least_elements, " elements for ", bits, " bits");
    const std::size_t super_blocks = 1 + bits - log2_least;
    read_index_block(index_block, in_index, least_elements, least_blocks, super_blocks);
    if (set > next_) view.fail("says that ", set, " elements are set, there is room for ", next_);
  }

 private:
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
      if (i < first) {
        // libhdf5 adds to such a block's first element the data blocks of the super blocks before.
        for (std::uint64_t k = 0; k < count; ++k) {
          read_data_block(blocks.offset(), each, {}, 0, blocks_before * each);
        }
        blocks_before += count;
        continue;
      }
      const std::uint64_t super = view.offset();
      if (super == kUndefined) {
        next_ += count * each;
      } else {
        read_super_block(super, count, each);
      }
    }
  }

  // A super block:  "EASB", version 0, client, address of the header, number of its first element
  // behind the index block's; with pages a bit for each page of all data blocks, in as many
  // bytes as if each data block began a new one; addresses of data blocks; checksum (4).
  void read_super_block(std::uint64_t address, std::uint64_t count, std::uint64_t each) {
    const std::uint64_t map = each > page_ ? (each / page_ + 7) / 8 : 0;
    if (map > context_.file.size() || count > context_.file.size()) {
      corrupt("super block of chunks at ", address, ": ", count, " data blocks of ", each,
              " elements are not in the file");
    }
    View view = read_block("super block of chunks", "EASB", address,
                           offset_width_ + count * (map + sizes_.offset));
    check_first(view, 0);
    const ByteView maps = view.take(static_cast<std::size_t>(count * map));
    for (std::uint64_t k = 0; k < count; ++k) {
      read_data_block(view.offset(), each, maps, k * (each / page_), 0);
    }
  }

  // A data block:  "EADB", version 0, client, address of the header, number of its first element
  // behind the index block's; without pages: elements, checksum; with pages: checksum, pages.
  void read_data_block(std::uint64_t address, std::uint64_t elements, ByteView map,
                       std::uint64_t first_page, std::uint64_t quirk) {
    if (address == kUndefined) {
      next_ += elements;
      return;
    }
    if (elements > context_.file.size()) {
      corrupt("data block of chunks at ", address, ": has ", elements, " elements, the file has ",
              context_.file.size(), " bytes");
    }
    const bool is_paged = elements > page_;
    View view = read_block("data block of chunks", "EADB", address,
                           offset_width_ + (is_paged ? 0 : elements * element_size_));
    check_first(view, quirk);
    if (!is_paged) return read_elements(view, elements);
    if (map.size() * 8 < first_page + elements / page_) view.fail("has pages, but no map of them");
    read_pages(view, elements, page_, map, first_page);
  }

  void check_first(View& view, std::uint64_t quirk) {
    view.expect("its first element", view.number(offset_width_), next_ - base_ + quirk);
  }

  std::size_t offset_width_ = 0;
  std::uint64_t page_ = 0;
  std::uint64_t base_ = 0;  // elements of the index block
};

}  // namespace

void for_each_fixed(const Context& context, std::uint64_t address, const TakeElement& take) {
  FixedArray(context, address, take).run();
}

void for_each_extensible(const Context& context, std::uint64_t address, const TakeElement& take) {
  ExtensibleArray(context, address, take).run();
}

}  // namespace ckpt::h5parse
