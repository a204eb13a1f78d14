#include "formats/tf_bundle/table.h"

#include <leveldb/env.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/table.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <exception>
#include <memory>
#include <protozero/varint.hpp>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "formats/tf_bundle/little_endian.h"

namespace ckpt::tf {
namespace {

constexpr std::uint64_t kFooterSize = 48;
constexpr std::uint64_t kTrailerSize = 5;                 // of a block: type, checksum
constexpr std::uint64_t kMagic = 0xdb4775248b80fb57;      // leveldb's doc/table_format.md
constexpr std::uint64_t kMostBlocks = std::uint64_t{1} << 24;
enum BlockType : std::uint8_t { kPlain = 0, kSnappy = 1 };

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

void append_varint(std::string& text, std::uint64_t value) {
  protozero::write_varint(std::back_inserter(text), value);
}

// The table as leveldb is shown it: the file, and behind it an index of our own with one entry.
class WindowedFile final : public leveldb::RandomAccessFile {
 public:
  WindowedFile(const RandomFile& file, std::string tail) : file_(file), tail_(std::move(tail)) {}

  [[nodiscard]] std::uint64_t size() const { return file_.size() + tail_.size(); }

  // Nothing is thrown through leveldb: an error of the file is kept, and rethrown outside.
  leveldb::Status Read(std::uint64_t offset, std::size_t n, leveldb::Slice* result,
                       char* scratch) const override {
    try {
      if (offset >= file_.size()) {
        const auto at = static_cast<std::size_t>(offset - file_.size());
        if (at + n > tail_.size()) return leveldb::Status::Corruption("past the end");
        std::memcpy(scratch, tail_.data() + at, n);
      } else {
        file_.read_at(offset, std::as_writable_bytes(std::span(scratch, n)));
      }
      *result = leveldb::Slice(scratch, n);
      return leveldb::Status::OK();
    } catch (...) {
      failure_ = std::current_exception();
      return leveldb::Status::IOError("read failed");
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const RandomFile& file_;
  std::string tail_;
  mutable std::exception_ptr failure_;
};

// An index block with one entry, which leads to `block`, and a footer that leads to that index.
std::string make_tail(std::uint64_t file_size, const Table::Block& block) {
  std::string handle;
  append_varint(handle, block.offset);
  append_varint(handle, block.size);
  std::string index{'\0', '\1', static_cast<char>(handle.size()), '\xff'};
  index += handle;
  index += std::string(4, '\0');                 // one restart, at 0
  index += std::string("\1\0\0\0", 4);           // their count
  const std::uint64_t index_size = index.size();
  index += std::string(kTrailerSize, '\0');      // plain; its checksum is not looked at
  std::string footer{'\0', '\0'};                // no metaindex
  append_varint(footer, file_size);
  append_varint(footer, index_size);
  footer.resize(kFooterSize - sizeof kMagic);
  append_little_endian(footer, kMagic);
  return index + footer;
}

// leveldb starts at the first restart and believes it; one that is not 0 would hide entries.
// REQUIRES: the block is plain, and at least as long as leveldb needs it to be.
void check_restarts(const RandomFile& file, const Table::Block& block, std::string_view what) {
  const auto fail = [&](std::string_view seen) {
    throw Error(Errc::kCorrupt, cat("the restart array of ", what, " ", seen));
  };
  if (block.size < 8) fail(cat("needs 8 bytes; the block has ", block.size));
  const std::uint64_t end = block.offset + block.size - 4;
  const std::uint64_t count = load_little_endian<std::uint32_t>(text_at(file, end, 4));
  if (count == 0 || count > block.size / 4 - 1) {
    fail(cat("claims ", count, " restarts in a block of ", block.size, " bytes"));
  }
  const std::uint64_t begin = block.size - 4 - count * 4;
  const std::string array = text_at(file, block.offset + begin, count * 4);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t restart =
        load_little_endian<std::uint32_t>(std::string_view(array).substr(4 * i));
    const bool good = i == 0 ? restart == 0 : restart > last && restart < begin;
    if (!good) fail(cat("has restart ", i, " at ", restart, ", of entries up to ", begin));
    last = restart;
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
    throw Error(Errc::kCorrupt, "does not end in the magic number of a sorted table; it is another "
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
  const auto type = static_cast<std::uint8_t>(text_at(file_, block.offset + block.size, 1)[0]);
  if (type == kSnappy) {
    // Snappy's best is 64 bytes from 3, so a larger claim is a lie.
    const std::string start = text_at(file_, block.offset, std::min<std::uint64_t>(block.size, 10));
    std::string_view rest = start;
    const std::uint64_t size = take_varint(rest, what);
    if (size > max_block_ || size / 22 > block.size) {
      throw Error(Errc::kCorrupt, cat(what, " claims to hold ", size, " bytes in ", block.size,
                                      " of Snappy's"));
    }
  } else if (type != kPlain) {
    throw Error(Errc::kCorrupt, cat(what, " is of type ", type,
                                    "; plain (0) and Snappy (1) blocks are known"));
  }

  WindowedFile window(file_, make_tail(file_.size(), block));
  leveldb::Options options;
  options.paranoid_checks = false;  // the index is ours, and has no checksum
  leveldb::Table* opened = nullptr;
  const leveldb::Status status = leveldb::Table::Open(options, &window, window.size(), &opened);
  const std::unique_ptr<leveldb::Table> table(opened);
  window.rethrow();
  const auto check = [&](const leveldb::Status& answer) {
    window.rethrow();
    if (!answer.ok()) throw Error(Errc::kCorrupt, cat(what, " is damaged (", answer.ToString(), ")"));
  };
  check(status);
  leveldb::ReadOptions read_options;
  read_options.verify_checksums = true;
  read_options.fill_cache = false;
  const std::unique_ptr<leveldb::Iterator> it(table->NewIterator(read_options));
  it->SeekToFirst();
  check(it->status());
  if (type == kPlain) check_restarts(file_, block, what);
  std::string previous;
  bool first = true;
  for (; it->Valid(); it->Next()) {
    const std::string_view key(it->key().data(), it->key().size());
    if (!first && key <= previous) {
      throw Error(Errc::kCorrupt, cat(what, ": its keys are not in ascending order"));
    }
    previous = key;
    first = false;
    f(key, {it->value().data(), it->value().size()});
  }
  check(it->status());
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
