#include "formats/zip/stored_writer.h"

#include <algorithm>
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
constexpr std::uint16_t kDate = 0x0021;          // 1980-01-01, the first there is
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

// The bytes of a local header before its padding.
std::uint64_t unpadded_bytes(const NewMember& member) {
  return kLocalBytes + member.name.size() + (is_large(member.size) ? 20 : 0);
}

void check_names(const std::vector<NewMember>& members) {
  for (const NewMember& member : members) {
    if (member.name.empty() || member.name.size() > 0xffff) {
      throw Error(Errc::kInvalid, cat("a name in a zip archive has 1 to 65,535 bytes, this one ",
                                      member.name.size()));
    }
    if (!is_utf8(member.name) || member.name.find('\0') != std::string::npos) {
      throw Error(Errc::kInvalid,
                  cat("'", escape(member.name),
                      "' is no valid UTF-8 without NUL, which a name in a zip archive must be"));
    }
  }
}

std::uint16_t flags_of(std::string_view name) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  return std::ranges::all_of(name, is_ascii) ? 0 : kUtf8Flag;
}

}  // namespace

StoredWriter::StoredWriter(const std::string& path, std::vector<NewMember> members,
                           Overwrite overwrite) {
  check_names(members);
  std::uint64_t at = 0;
  for (NewMember& member : members) {
    Placed placed{.member = std::move(member), .header_offset = at};
    const std::uint64_t end = at + unpadded_bytes(placed.member);
    // A padding field takes at least the 4 bytes of its id and length.
    const std::uint64_t padding = (kAlignment - end % kAlignment) % kAlignment;
    placed.data_offset = end + (padding == 0 ? 0 : padding < 4 ? padding + kAlignment : padding);
    at = placed.data_offset + placed.member.size;
    placed_.push_back(std::move(placed));
  }
  directory_offset_ = at;
  file_.emplace(path, overwrite);
  file_->reserve(directory_offset_);
}

void StoredWriter::append(std::size_t i, ByteView bytes) {
  Placed& placed = placed_[i];
  assert(bytes.size() <= placed.member.size - placed.written);
  file_->write_at(placed.data_offset + placed.written, bytes);
  placed.crc = add_crc32(placed.crc, bytes);
  placed.written += bytes.size();
}

Bytes StoredWriter::local_header(const Placed& placed) const {
  const NewMember& member = placed.member;
  const bool large = is_large(member.size);
  const std::uint64_t padding = placed.data_offset - placed.header_offset - unpadded_bytes(member);
  Record record;
  record.add(kLocalMagic);
  record.add(large ? kVersion64 : kVersion);
  record.add(flags_of(member.name));
  record.add(std::uint16_t{0});  // stored
  record.add(std::uint16_t{0});  // midnight
  record.add(kDate);
  record.add(placed.crc);
  record.add_or_full(member.size);
  record.add_or_full(member.size);
  record.add(static_cast<std::uint16_t>(member.name.size()));
  record.add(static_cast<std::uint16_t>((large ? 20 : 0) + padding));
  record.add_text(member.name);
  if (large) {
    record.add(kZip64Extra);
    record.add(std::uint16_t{16});
    record.add(member.size);
    record.add(member.size);
  }
  if (padding > 0) {
    record.add(kPaddingExtra);
    record.add(static_cast<std::uint16_t>(padding - 4));
    record.pad(static_cast<std::size_t>(padding - 4));
  }
  return record.take();
}

Bytes StoredWriter::directory() const {
  Record record;
  for (const Placed& placed : placed_) {
    const NewMember& member = placed.member;
    const bool large = is_large(member.size);
    const bool far = is_large(placed.header_offset);
    const std::uint16_t version = large || far ? kVersion64 : kVersion;
    record.add(kCentralMagic);
    record.add(static_cast<std::uint16_t>(kUnix << 8 | version));
    record.add(version);
    record.add(flags_of(member.name));
    record.add(std::uint16_t{0});
    record.add(std::uint16_t{0});
    record.add(kDate);
    record.add(placed.crc);
    record.add_or_full(member.size);
    record.add_or_full(member.size);
    record.add(static_cast<std::uint16_t>(member.name.size()));
    const std::uint16_t numbers = static_cast<std::uint16_t>((large ? 16 : 0) + (far ? 8 : 0));
    record.add(static_cast<std::uint16_t>(numbers == 0 ? 0 : numbers + 4));
    record.add(std::uint16_t{0});  // no comment
    record.add(std::uint16_t{0});  // the first volume
    record.add(std::uint16_t{0});
    record.add(kAttributes);
    record.add_or_full(placed.header_offset);
    record.add_text(member.name);
    if (numbers == 0) continue;
    record.add(kZip64Extra);
    record.add(numbers);
    if (large) {
      record.add(member.size);
      record.add(member.size);
    }
    if (far) record.add(placed.header_offset);
  }
  const std::uint64_t size = record.size();
  const std::uint64_t count = placed_.size();
  if (is_large(size) || is_large(directory_offset_) || count >= kFull16) {
    record.add(kEnd64Magic);
    record.add(std::uint64_t{kEnd64Bytes - 12});
    record.add(static_cast<std::uint16_t>(kUnix << 8 | kVersion64));
    record.add(kVersion64);
    record.add(std::uint32_t{0});
    record.add(std::uint32_t{0});
    record.add(count);
    record.add(count);
    record.add(size);
    record.add(directory_offset_);
    record.add(kLocator64Magic);
    record.add(std::uint32_t{0});
    record.add(directory_offset_ + size);
    record.add(std::uint32_t{1});
  }
  const std::uint16_t short_count = count >= kFull16 ? kFull16 : static_cast<std::uint16_t>(count);
  record.add(kEndMagic);
  record.add(std::uint16_t{0});
  record.add(std::uint16_t{0});
  record.add(short_count);
  record.add(short_count);
  record.add_or_full(size);
  record.add_or_full(directory_offset_);
  record.add(std::uint16_t{0});
  return record.take();
}

void StoredWriter::commit() {
  for (const Placed& placed : placed_) {
    assert(placed.written == placed.member.size);
    file_->write_at(placed.header_offset, local_header(placed));
  }
  const Bytes end = directory();
  file_->resize(directory_offset_ + end.size());
  file_->write_at(directory_offset_, end);
  file_->commit();
}

}  // namespace ckpt::zip
