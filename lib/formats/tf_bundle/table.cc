#include "formats/tf_bundle/table.h"

#include <snappy-c.h>

#include <protozero/varint.hpp>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "formats/tf_bundle/crc32c.h"
#include "formats/tf_bundle/little_endian.h"

namespace ckpt::tf {
namespace {

constexpr std::uint64_t kFooterSize = 48;
constexpr std::uint64_t kTrailerSize = 5;             // of a block: type, checksum
constexpr std::uint64_t kMagic = 0xdb4775248b80fb57;  // leveldb's doc/table_format.md
constexpr std::uint64_t kMostBlocks = std::uint64_t{1} << 24;
constexpr unsigned char kPlain = 0;
constexpr unsigned char kSnappy = 1;

std::string text_at(const RandomFile& file, std::uint64_t offset, std::uint64_t size) {
  std::string text(static_cast<std::size_t>(size), '\0');
  file.read_at(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

// One varint from the front of `text`; throws Error(kCorrupt), saying it is of `what`.
std::uint64_t take_varint(std::string_view& text, std::string_view what) {
  try {
    const char* at = text.data();
    const std::uint64_t value = protozero::decode_varint(&at, text.data() + text.size());
    text.remove_prefix(static_cast<std::size_t>(at - text.data()));
    return value;
  } catch (const protozero::exception&) {
    throw Error(Errc::kCorrupt, cat("a number in ", what, " is cut or has more than 64 bits"));
  }
}

// The places where a key is spelt out in full: the last bytes of a block, and their number.
std::vector<std::uint32_t> restarts_of(std::string_view block, std::string_view what) {
  if (block.size() < 8) {
    throw Error(Errc::kCorrupt, cat(what, " holds ", block.size(), " bytes; 8 are the least"));
  }
  const std::uint64_t count = load_little_endian<std::uint32_t>(block.substr(block.size() - 4));
  if (count == 0 || count > block.size() / 4 - 1) {
    throw Error(Errc::kCorrupt,
                cat(what, " claims ", count, " restarts in ", block.size(), " bytes"));
  }
  std::vector<std::uint32_t> restarts;
  block = block.substr(block.size() - 4 - 4 * static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    restarts.push_back(load_little_endian<std::uint32_t>(block.substr(4 * i)));
  }
  return restarts;
}

// Gives `f` the entries of a block: the length that a key shares with the one before it, the length
// of its rest, that of its value; the rest; the value. A reader that searches starts at a restart,
// so each must be the beginning of an entry that shares nothing: else it would find other values.
void for_each_entry(std::string_view block, std::string_view what, const Table::EntryFunction& f) {
  const std::vector<std::uint32_t> restarts = restarts_of(block, what);
  const std::string_view entries = block.substr(0, block.size() - 4 * (restarts.size() + 1));
  std::string_view rest = entries;
  std::string key;
  std::size_t restart = 0;
  bool first = true;
  while (!rest.empty()) {
    const std::size_t at = entries.size() - rest.size();
    const std::uint64_t shared = take_varint(rest, what);
    const std::uint64_t unshared = take_varint(rest, what);
    const std::uint64_t value_size = take_varint(rest, what);
    if (shared > key.size() || unshared > rest.size() || value_size > rest.size() - unshared) {
      throw Error(
          Errc::kCorrupt,
          cat(what, ": its entry at ", at, " claims ", shared, " shared bytes of a key, ", unshared,
              " others and a value of ", value_size, "; ", rest.size(), " bytes are left"));
    }
    if (restart < restarts.size() && restarts[restart] == at) {
      if (shared != 0) {
        throw Error(Errc::kCorrupt, cat(what, ": its restart at ", at, " shares bytes of a key"));
      }
      ++restart;
    }
    std::string next = key.substr(0, static_cast<std::size_t>(shared));
    next += rest.substr(0, static_cast<std::size_t>(unshared));
    rest.remove_prefix(static_cast<std::size_t>(unshared));
    if (!first && next <= key) {
      throw Error(Errc::kCorrupt, cat(what, ": its keys are not in ascending order"));
    }
    key = std::move(next);
    first = false;
    f(key, rest.substr(0, static_cast<std::size_t>(value_size)));
    rest.remove_prefix(static_cast<std::size_t>(value_size));
  }
  const bool is_empty_block = entries.empty() && restarts.size() == 1 && restarts[0] == 0;
  if (restart != restarts.size() && !is_empty_block) {
    throw Error(Errc::kCorrupt,
                cat(what, ": its restart at ", restarts[restart], " is not where an entry begins"));
  }
}

}  // namespace

bool Table::has_magic(const RandomFile& file) {
  if (file.size() < kFooterSize) return false;
  return load_little_endian<std::uint64_t>(text_at(file, file.size() - 8, 8)) == kMagic;
}

Table::Table(const RandomFile& file, std::uint64_t max_block) : file_(file), max_block_(max_block) {
  if (file.size() < kFooterSize) {
    throw Error(Errc::kCorrupt, cat("is ", file.size(), " bytes long; a sorted table has at least ",
                                    kFooterSize, ", its footer"));
  }
  footer_ = file.size() - kFooterSize;
  const std::string footer = text_at(file, footer_, kFooterSize);
  if (!has_magic(file)) {
    throw Error(Errc::kCorrupt,
                "does not end in the magic number of a sorted table; it is another "
                "kind of file, or cut");
  }
  std::string_view handles = std::string_view(footer).substr(0, kFooterSize - sizeof kMagic);
  take_varint(handles, "the footer");
  take_varint(handles, "the footer");
  Block index;
  index.offset = take_varint(handles, "the footer");
  index.size = take_varint(handles, "the footer");

  std::uint64_t end = 0;
  read_block(index, "the index block", [&](std::string_view key, std::string_view value) {
    Block block{.bound = std::string(key)};
    block.offset = take_varint(value, "the index block");
    block.size = take_varint(value, "the index block");
    const std::string what = cat("data block ", blocks_.size());
    check_place(block, what);
    if (block.offset < end) {
      throw Error(Errc::kCorrupt, cat(what, " begins at ", block.offset,
                                      ", inside the block before it, which ends at ", end));
    }
    if (blocks_.size() >= kMostBlocks) {
      throw Error(Errc::kUnsupported, cat("has more than ", kMostBlocks, " blocks"));
    }
    end = block.offset + block.size + kTrailerSize;
    blocks_.push_back(std::move(block));
  });
}

void Table::check_place(const Block& block, std::string_view what) const {
  const auto end = checked_add(block.offset, block.size);
  if (!end || *end > footer_ || footer_ - *end < kTrailerSize) {
    throw Error(Errc::kCorrupt, cat(what, ": offset ", block.offset, " + ", block.size, " + ",
                                    kTrailerSize, " bytes passes the footer at ", footer_));
  }
  if (block.size > max_block_) {
    throw Error(Errc::kUnsupported,
                cat(what, " has ", block.size, " bytes; at most ", max_block_, " are read"));
  }
}

void Table::read_block(const Block& block, std::string_view what, const EntryFunction& f) const {
  check_place(block, what);
  const std::string stored = text_at(file_, block.offset, block.size + kTrailerSize);
  const std::size_t size = static_cast<std::size_t>(block.size);
  const auto type = static_cast<unsigned char>(stored[size]);
  if (type != kPlain && type != kSnappy) {
    throw Error(Errc::kCorrupt, cat(what, " is of type ", int{type},
                                    "; plain (0) and Snappy (1) blocks are known"));
  }
  const auto crc = load_little_endian<std::uint32_t>(std::string_view(stored).substr(size + 1));
  const std::string_view covered = std::string_view(stored).substr(0, size + 1);
  if (mask_crc32c(extend_crc32c(0, as_byte_view(covered))) != crc) {
    throw Error(Errc::kCorrupt,
                cat(what, ": its checksum does not match its ", block.size, " bytes"));
  }
  const std::string_view content = covered.substr(0, size);
  if (type == kPlain) {
    for_each_entry(content, what, f);
    return;
  }
  std::size_t claimed = 0;
  const bool has_size = ::snappy_uncompressed_length(content.data(), size, &claimed) == SNAPPY_OK;
  // Snappy's best is 64 bytes from 3, so a larger claim is a lie.
  if (has_size && (claimed > max_block_ || claimed / 22 > size)) {
    throw Error(Errc::kCorrupt,
                cat(what, " claims to hold ", claimed, " bytes in ", size, " of Snappy's"));
  }
  std::string plain(claimed, '\0');
  if (!has_size || ::snappy_uncompress(content.data(), size, plain.data(), &claimed) != SNAPPY_OK) {
    throw Error(Errc::kCorrupt, cat(what, ": its ", size, " bytes are not what Snappy writes"));
  }
  for_each_entry(plain, what, f);
}

void Table::for_each(std::size_t i, const EntryFunction& f) const {
  const Block& block = blocks_[i];
  const std::string what = cat("data block ", i);
  const std::string* before = i > 0 ? &blocks_[i - 1].bound : nullptr;
  std::uint64_t count = 0;
  read_block(block, what, [&](std::string_view key, std::string_view value) {
    if (key > block.bound || (before != nullptr && key <= *before)) {
      throw Error(Errc::kCorrupt, cat(what, " has a key outside of the range the index gives it"));
    }
    ++count;
    f(key, value);
  });
  if (count == 0 && blocks_.size() > 1) throw Error(Errc::kCorrupt, cat(what, " has no entries"));
}

void Table::for_each(const EntryFunction& f) const {
  for (std::size_t i = 0; i < blocks_.size(); ++i) for_each(i, f);
}

}  // namespace ckpt::tf
