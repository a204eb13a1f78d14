#include "formats/zip/archive_writer.h"

#include <cassert>
#include <concepts>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/zip/crc32.h"
#include "formats/zip/records.h"

namespace ckpt::zip {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint16_t kPaddingExtra = 0x4246;  // "FB", the id that PyTorch's files have
constexpr std::uint32_t kTime = 0x00210000U;     // midnight of 1980-01-01, the first there is
constexpr std::uint16_t kVersion = 20;
constexpr std::uint16_t kVersion64 = 45;
constexpr std::uint16_t kUnix = 3;
constexpr std::uint32_t kAttributes = 0100600U << 16;  // a regular file of its owner

class Record {
 public:
  template <std::unsigned_integral T>
  void add(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
    }
  }
  void add_text(std::string_view text) {
    const ByteView bytes = as_byte_view(text);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  // A number that may be too large for 32 bits.
  void add_or_full(std::uint64_t value) {
    add(value >= kFull32 ? kFull32 : static_cast<std::uint32_t>(value));
  }
  void pad(std::size_t count) { bytes_.resize(bytes_.size() + count); }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

bool is_large(std::uint64_t value) { return value >= kFull32; }

std::uint64_t stored_bytes(const NewMember& member) {
  return member.copy_of ? member.copy_of->stored_bytes : member.size;
}

bool is_large(const NewMember& member) {
  return is_large(member.size) || is_large(stored_bytes(member));
}

Method method_of(const NewMember& member) {
  return member.copy_of ? member.copy_of->method : Method::kStored;
}

// The bytes of a local header before its padding.
std::uint64_t unpadded_bytes(const NewMember& member) {
  return kLocalBytes + member.name.size() + (is_large(member) ? 20 : 0);
}

bool keeps_name(const NewMember& member) {
  return member.copy_of && member.copy_of->name == member.name;
}

void check_names(const std::vector<NewMember>& members) {
  for (const NewMember& member : members) {
    if (member.name.empty() || member.name.size() > 0xffff) {
      throw Error(Errc::kInvalid, cat("a name in a zip archive has 1 to 65,535 bytes, this one ",
                                      member.name.size()));
    }
    if (keeps_name(member)) continue;
    if (!is_utf8(member.name) || member.name.find('\0') != std::string_view::npos) {
      throw Error(Errc::kInvalid,
                  cat("'", escape(member.name),
                      "' is no valid UTF-8 without NUL, which a name in a zip archive must be"));
    }
  }
}

// A copy's sizes are known, so that it needs no descriptor behind its data.
std::uint16_t flags_of(const NewMember& member) {
  const std::uint16_t kept =
      member.copy_of ? member.copy_of->flags & static_cast<std::uint16_t>(~kDescriptorFlag) : 0;
  if (keeps_name(member)) return kept;
  const bool needs_utf8 = !is_ascii(member.name);
  return static_cast<std::uint16_t>((kept & ~kUtf8Flag) | (needs_utf8 ? kUtf8Flag : 0));
}

// What the local and the central header have in common, from the flags to the name's length.
void add_common(Record& record, const NewMember& member, std::uint32_t crc) {
  const auto size_or_full = [&](std::uint64_t value) {
    record.add(is_large(member) ? kFull32 : static_cast<std::uint32_t>(value));
  };
  record.add(flags_of(member));
  record.add(static_cast<std::uint16_t>(method_of(member)));
  record.add(member.copy_of ? member.copy_of->time : kTime);
  record.add(crc);
  size_or_full(stored_bytes(member));
  size_or_full(member.size);
  record.add(static_cast<std::uint16_t>(member.name.size()));
}

}  // namespace

ArchiveWriter::ArchiveWriter(AtomicFile& file, const std::vector<NewMember>& members)
    : file_(file) {
  check_names(members);
  placed_.reserve(members.size());
  std::uint64_t at = 0;
  for (const NewMember& member : members) {
    Placed placed{.member = member, .header_offset = at};
    const std::uint64_t end = at + unpadded_bytes(placed.member);
    // A padding field takes at least the 4 bytes of its id and length.
    std::uint64_t padding = (kAlignment - end % kAlignment) % kAlignment;
    if (method_of(placed.member) != Method::kStored) padding = 0;
    placed.data_offset = end + (padding == 0 ? 0 : padding < 4 ? padding + kAlignment : padding);
    if (placed.member.copy_of) {
      placed.crc = placed.member.copy_of->crc;
      placed.written = placed.member.size;
    }
    at = placed.data_offset + stored_bytes(placed.member);
    placed_.push_back(placed);
  }
  directory_offset_ = at;
  file_.reserve(directory_offset_);
}

void ArchiveWriter::append(std::size_t i, ByteView bytes) {
  Placed& placed = placed_[i];
  assert(bytes.size() <= placed.member.size - placed.written);
  file_.write_at(placed.data_offset + placed.written, bytes);
  placed.crc = add_crc32(placed.crc, bytes);
  placed.written += bytes.size();
}

void ArchiveWriter::take_as_written(std::size_t i) {
  Placed& placed = placed_[i];
  placed.crc = crc32_of(*view_file(file_.fd()), placed.data_offset, placed.member.size);
  placed.written = placed.member.size;
}

Bytes ArchiveWriter::local_header(const Placed& placed) const {
  const NewMember& member = placed.member;
  const bool large = is_large(member);
  const std::uint64_t padding = placed.data_offset - placed.header_offset - unpadded_bytes(member);
  Record record;
  record.add(kLocalMagic);
  record.add(large ? kVersion64 : kVersion);
  add_common(record, member, placed.crc);
  record.add(static_cast<std::uint16_t>((large ? 20 : 0) + padding));
  record.add_text(member.name);
  if (large) {
    record.add(kZip64Extra);
    record.add(std::uint16_t{16});
    record.add(member.size);
    record.add(stored_bytes(member));
  }
  if (padding > 0) {
    record.add(kPaddingExtra);
    record.add(static_cast<std::uint16_t>(padding - 4));
    record.pad(static_cast<std::size_t>(padding - 4));
  }
  return record.take();
}

Bytes ArchiveWriter::central_header(const Placed& placed) const {
  const NewMember& member = placed.member;
  const bool large = is_large(member);
  const bool far = is_large(placed.header_offset);
  const std::uint16_t version = large || far ? kVersion64 : kVersion;
  Record record;
  record.add(kCentralMagic);
  record.add(member.copy_of ? member.copy_of->made_by
                            : static_cast<std::uint16_t>(kUnix << 8 | version));
  record.add(version);
  add_common(record, member, placed.crc);
  const std::uint16_t numbers = static_cast<std::uint16_t>((large ? 16 : 0) + (far ? 8 : 0));
  record.add(static_cast<std::uint16_t>(numbers == 0 ? 0 : numbers + 4));
  record.add(std::uint16_t{0});  // no comment
  record.add(std::uint16_t{0});  // the first volume
  record.add(std::uint16_t{0});
  record.add(member.copy_of ? member.copy_of->attributes : kAttributes);
  record.add_or_full(placed.header_offset);
  record.add_text(member.name);
  if (numbers == 0) return record.take();
  record.add(kZip64Extra);
  record.add(numbers);
  if (large) {
    record.add(member.size);
    record.add(stored_bytes(member));
  }
  if (far) record.add(placed.header_offset);
  return record.take();
}

Bytes ArchiveWriter::end_records(std::uint64_t directory_size) const {
  const std::uint64_t count = placed_.size();
  Record record;
  if (is_large(directory_size) || is_large(directory_offset_) || count >= kFull16) {
    record.add(kEnd64Magic);
    record.add(std::uint64_t{kEnd64Bytes - 12});
    record.add(static_cast<std::uint16_t>(kUnix << 8 | kVersion64));
    record.add(kVersion64);
    record.add(std::uint32_t{0});
    record.add(std::uint32_t{0});
    record.add(count);
    record.add(count);
    record.add(directory_size);
    record.add(directory_offset_);
    record.add(kLocator64Magic);
    record.add(std::uint32_t{0});
    record.add(directory_offset_ + directory_size);
    record.add(std::uint32_t{1});
  }
  const std::uint16_t short_count = count >= kFull16 ? kFull16 : static_cast<std::uint16_t>(count);
  record.add(kEndMagic);
  record.add(std::uint16_t{0});
  record.add(std::uint16_t{0});
  record.add(short_count);
  record.add(short_count);
  record.add_or_full(directory_size);
  record.add_or_full(directory_offset_);
  record.add(std::uint16_t{0});
  return record.take();
}

void ArchiveWriter::finish() {
  std::uint64_t end = directory_offset_;
  Bytes block;  // of the directory
  const auto flush = [&] {
    file_.write_at(end, block);
    end += block.size();
    block.clear();
  };
  for (const Placed& placed : placed_) {
    assert(placed.written == placed.member.size);
    file_.write_at(placed.header_offset, local_header(placed));
    const Bytes header = central_header(placed);
    block.insert(block.end(), header.begin(), header.end());
    constexpr std::size_t kBlock = std::size_t{256} << 10U;
    if (block.size() >= kBlock) flush();
  }
  flush();
  block = end_records(end - directory_offset_);
  flush();
  file_.resize(end);
}

}  // namespace ckpt::zip
