#include "formats/h5parse/superblock.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "formats/h5parse/context.h"
#include "formats/h5parse/object_header.h"

namespace ckpt::h5parse {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\211HDF\r\n\032\n"sv;
constexpr std::uint64_t kLongest = 104;  // version 1 with addresses of 8 bytes
constexpr std::uint32_t kWriting = 1U;   // flags of version 3: a writer has not closed it
constexpr std::uint32_t kSwmr = 4U;      // one writer, many readers
constexpr std::string_view kIsOpen =
    "is marked as open for writing: a program writes it now, or ended without closing it; if none "
    "does, `h5clear -s` removes the mark, but its content may be damaged";

Sizes read_sizes(View& view) {
  const Sizes sizes{view.u8(), view.u8()};
  const auto is_read = [](std::size_t size) { return size == 2 || size == 4 || size == 8; };
  if (is_read(sizes.offset) && is_read(sizes.length)) return sizes;
  view.unsupported("has addresses of ", sizes.offset, " and lengths of ", sizes.length,
                   " bytes; 2, 4 or 8 are read");
}

// Section II.A; bytes for sizes of 8.
//
//     versions 0 and 1
//      0  signature
//      8  version, free-space version 0, root entry version 0, 0
//     12  shared header version 0, size of addresses, size of lengths, 0
//     16  group leaf node K, 2; group internal node K, 2; flags, 4
//     24  version 1 only: chunk internal node K, 2; 0, 2
//     24  base address, free-space address, end of file, driver information
//     56  root entry: name (length), header address, cache type (4), 0 (4), B-tree, heap
//
//     versions 2 and 3
//      0  signature
//      8  version, size of addresses, size of lengths, flags
//     12  base address, extension, end of file, root header
//     44  checksum
//
// Gives the address of the extension.
std::uint64_t read_fields(Context& context, View view) {
  Superblock& block = context.superblock;
  view.skip(kSignature.size());
  block.version = view.version(0, 3);
  const bool is_old = block.version < 2;
  if (is_old) view.skip(4);
  view.set_sizes(read_sizes(view));
  if (is_old) {
    view.skip(1);
    block.leaf_k = view.u16();
    block.group_k = view.u16();
    block.flags = view.u32();
    if (block.version == 1) block.chunk_k = view.fields<2, 2>()[0];
  } else {
    context.file.view("superblock", block.base, 16 + 4 * view.sizes().offset).checksum();
    block.flags = view.u8();
  }
  const auto [base, further, end] = view.fields<kAddress, kAddress, kAddress>();
  view.expect("its base address", base, block.base);
  block.end = end;
  if (is_old && view.offset() != kUndefined) {
    // Section II.B: only files of the "family" and "multi" drivers have driver information.
    view.unsupported("the file is one of several that belong together (driver family or multi)");
  }
  if (is_old) view.length();
  block.root = view.offset();
  if (block.root == kUndefined) view.fail("names no root group");
  if (is_old) {
    const auto [cache_type, zero, tree, heap] = view.fields<4, 4, kAddress, kAddress>();
    view.within("the cache type of its root", cache_type, 0, 1);
    if (cache_type == 1) block.cached = SymbolTable{tree, heap};
  } else if (further == block.root) {
    view.fail("its extension and the root group have one header, at ", further);
  }
  context.file.set_frame(0, context.file.size(), view.sizes());
  return is_old ? kUndefined : further;
}

// Section II.C: an object header with settings that versions 0 and 1 have in place.
void read_extension(Context& context, std::uint64_t address) {
  Superblock& block = context.superblock;
  read_object_header(context, address, [&](const Message& message) {
    View body = message.body;
    switch (message.type) {
      case 0x0f:  // IV.A.2.p, shared message table: version 0, address, number of indexes
        body.version(0, 0);
        block.shared_table = body.offset();
        block.shared_indexes = body.u8();
        return;
      case 0x13:  // IV.A.2.t, B-tree K values: version 0, chunk K, group K, leaf K
        body.version(0, 0);
        block.chunk_k = body.u16();
        block.group_k = body.u16();
        block.leaf_k = body.u16();
        return;
      case 0x14:  // IV.A.2.u, driver information
        body.unsupported("the file is one of several that belong together");
      case 0x18:  // IV.A.2.y, metadata cache image
        body.unsupported("the file keeps its metadata in a cache image");
      default:  // free-space information: not needed for reading
        return;
    }
  });
}

// What is wrong with the whole file is a note to those who salvage it.
void check_end(Context& context, std::uint64_t file_size) {
  Superblock& block = context.superblock;
  if (block.end == kUndefined || block.end <= block.base) {
    corrupt("superblock: does not say where the file ends");
  }
  if (block.end > file_size) {
    context.attempt([&] {
      corrupt("is truncated: it is ", file_size, " bytes long, but its superblock says ", block.end,
              " (", block.end - file_size, " are missing)");
    });
    block.end = file_size;
  }
  if (block.version == 3 && (block.flags & (kWriting | kSwmr)) != 0) {
    context.attempt([] { throw Error(Errc::kIo, std::string(kIsOpen)); });
  } else if (block.version < 2 && (block.flags & kWriting) != 0) {
    context.note("is marked as open for writing by a program that may not have closed it");
  }
}

}  // namespace

// Section II.A: at 0, 512, 1024, 2048, …, behind a user block of that size.
std::optional<std::uint64_t> find_signature(const RandomFile& file) {
  std::array<std::byte, kSignature.size()> bytes{};
  for (std::uint64_t at = 0; at <= file.size() && bytes.size() <= file.size() - at;
       at = at == 0 ? 512 : at * 2) {
    file.read_at(at, bytes);
    if (as_text(bytes) == kSignature) return at;
  }
  return std::nullopt;
}

void read_superblock(Context& context, const RandomFile& file) {
  Superblock& block = context.superblock;
  const auto at = find_signature(file);
  if (!at) corrupt("has no HDF5 signature");
  block.base = *at;
  const std::uint64_t extension = read_fields(
      context,
      context.file.view("superblock", block.base, std::min(kLongest, file.size() - block.base)));
  check_end(context, file.size());
  context.file.set_frame(block.base, block.end, context.file.sizes());
  if (extension != kUndefined) context.attempt([&] { read_extension(context, extension); });
  if (block.leaf_k == 0 || block.group_k == 0 || block.chunk_k == 0) {
    corrupt("superblock: has nodes of 0 entries: K is ", block.leaf_k, " for symbols, ",
            block.group_k, " for groups and ", block.chunk_k, " for chunks");
  }
}

Superblock read_superblock(const RandomFile& file) {
  Context context(file, Mode::kStrict);
  read_superblock(context, file);
  return context.superblock;
}

}  // namespace ckpt::h5parse
