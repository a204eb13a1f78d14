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

ArchiveWriter::ArchiveWriter(NewFile& file, std::vector<NewMember> members)
    : members_(std::move(members)), file_(file) {
  check_names(members_);
  places_.reserve(members_.size());
  std::uint64_t at = 0;
  for (const NewMember& member : members_) {
    const std::uint64_t end = at + unpadded_bytes(member);
    // A padding field takes at least the 4 bytes of its id and length.
    std::uint64_t padding = (kAlignment - end % kAlignment) % kAlignment;
    if (method_of(member) != Method::kStored) padding = 0;
    Place place{.data_offset = end + (padding > 0 && padding < 4 ? padding + kAlignment : padding)};
    if (member.copy_of) {
      place.crc = member.copy_of->crc;
      place.written = member.size;
    }
    at = place.data_offset + stored_bytes(member);
    places_.push_back(place);
  }
  directory_offset_ = at;
  file_.reserve(directory_offset_);
}

void ArchiveWriter::append(std::size_t i, ByteView bytes) {
  Place& place = places_[i];
  assert(bytes.size() <= members_[i].size - place.written);
  file_.write_at(place.data_offset + place.written, bytes);
  place.crc = add_crc32(place.crc, bytes);
  place.written += bytes.size();
}

void ArchiveWriter::take_as_written(std::size_t i) {
  Place& place = places_[i];
  place.crc = crc32_of(*view_file(file_.fd()), place.data_offset, members_[i].size);
  place.written = members_[i].size;
}

// A member begins where the one before it ends.
std::uint64_t ArchiveWriter::header_offset(std::size_t i) const {
  return i == 0 ? 0 : places_[i - 1].data_offset + stored_bytes(members_[i - 1]);
}

Bytes ArchiveWriter::local_header(std::size_t i) const {
  const NewMember& member = members_[i];
  const bool large = is_large(member);
  const std::uint64_t padding = places_[i].data_offset - header_offset(i) - unpadded_bytes(member);
  Record record;
  record.add(kLocalMagic);
  record.add(large ? kVersion64 : kVersion);
  add_common(record, member, places_[i].crc);
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

Bytes ArchiveWriter::central_header(std::size_t i) const {
  const NewMember& member = members_[i];
  const std::uint64_t offset = header_offset(i);
  const bool large = is_large(member);
  const bool far = is_large(offset);
  const std::uint16_t version = large || far ? kVersion64 : kVersion;
  Record record;
  record.add(kCentralMagic);
  record.add(member.copy_of ? member.copy_of->made_by
                            : static_cast<std::uint16_t>(kUnix << 8 | version));
  record.add(version);
  add_common(record, member, places_[i].crc);
  const std::uint16_t numbers = static_cast<std::uint16_t>((large ? 16 : 0) + (far ? 8 : 0));
  record.add(static_cast<std::uint16_t>(numbers == 0 ? 0 : numbers + 4));
  record.add(std::uint16_t{0});  // no comment
  record.add(std::uint16_t{0});  // the first volume
  record.add(std::uint16_t{0});
  record.add(member.copy_of ? member.copy_of->attributes : kAttributes);
  record.add_or_full(offset);
  record.add_text(member.name);
  if (numbers == 0) return record.take();
  record.add(kZip64Extra);
  record.add(numbers);
  if (large) {
    record.add(member.size);
    record.add(stored_bytes(member));
  }
  if (far) record.add(offset);
  return record.take();
}

Bytes ArchiveWriter::end_records(std::uint64_t directory_size) const {
  const std::uint64_t count = members_.size();
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
  for (std::size_t i = 0; i < members_.size(); ++i) {
    assert(places_[i].written == members_[i].size);
    file_.write_at(header_offset(i), local_header(i));
    const Bytes header = central_header(i);
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
