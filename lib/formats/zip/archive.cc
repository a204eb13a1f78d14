#include "formats/zip/archive.h"

#include <algorithm>
#include <numeric>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/name_index.h"
#include "core/text.h"
#include "formats/io/byte_reader.h"
#include "formats/zip/end_record.h"
#include "formats/zip/records.h"

namespace ckpt::zip {
namespace {

// Takes the zip64 field's number for each of `numbers` that says "see there", in their order.
void apply_zip64(ByteView extra, std::initializer_list<std::uint64_t*> numbers) {
  const auto is_full = [](const std::uint64_t* number) { return *number == kFull32; };
  bool wanted = std::ranges::any_of(numbers, is_full);
  ByteReader fields(extra, "an extra field");
  while (fields.left() >= 4) {
    const auto id = fields.number<std::uint16_t>();
    const auto size = fields.number<std::uint16_t>();
    ByteReader field(fields.take(size), "the zip64 field");
    if (id != kZip64Extra || !wanted) continue;
    for (std::uint64_t* number : numbers) {
      if (is_full(number)) *number = field.number<std::uint64_t>();
    }
    wanted = false;
  }
  // Some writers pad with up to three zero bytes.
  const ByteView rest = fields.take(fields.left());
  if (!std::ranges::all_of(rest, [](std::byte byte) { return byte == std::byte{0}; })) {
    throw Error(Errc::kCorrupt, "an extra field is cut off");
  }
  if (wanted) throw Error(Errc::kCorrupt, "a size needs a zip64 field, and there is none");
}

void check_readable(const Member& member) {
  if (member.flags & (kEncryptedFlag | kStrongEncryptionFlag | kMaskedFlag)) {
    throw Error(Errc::kUnsupported, "is encrypted");
  }
  if (member.flags & kPatchFlag) throw Error(Errc::kUnsupported, "is a patch of another file");
  if (member.method != Method::kStored && member.method != Method::kDeflated) {
    throw Error(Errc::kUnsupported,
                cat("is compressed by method ", static_cast<std::uint16_t>(member.method),
                    ", only ", static_cast<std::uint16_t>(Method::kStored), " (stored) and ",
                    static_cast<std::uint16_t>(Method::kDeflated), " (deflated) are known"));
  }
  if (member.method == Method::kStored && member.stored_bytes != member.size) {
    throw Error(Errc::kCorrupt, cat("is stored, but takes ", member.stored_bytes,
                                    " bytes in the file for ", member.size));
  }
}

// Reads a central header as `member`; `at` moves behind it.
void read_central(Window& window, std::uint64_t& at, std::uint64_t end, StringPool& names,
                  Member& member) {
  const auto take = [&](std::size_t count) {
    if (count > end - at) {
      throw Error(Errc::kCorrupt, "passes the end of the zip directory");
    }
    at += count;
    return window.view(at - count, count);
  };
  ByteReader fixed(take(kCentralBytes), "a header in the zip directory");
  if (fixed.number<std::uint32_t>() != kCentralMagic) {
    throw Error(Errc::kCorrupt, "has no header in the zip directory where one is needed");
  }
  member.made_by = fixed.number<std::uint16_t>();
  fixed.take(2);  // version needed
  member.flags = fixed.number<std::uint16_t>();
  member.method = static_cast<Method>(fixed.number<std::uint16_t>());
  member.time = fixed.number<std::uint32_t>();
  member.crc = fixed.number<std::uint32_t>();
  member.stored_bytes = fixed.number<std::uint32_t>();
  member.size = fixed.number<std::uint32_t>();
  const auto name_bytes = fixed.number<std::uint16_t>();
  const auto extra_bytes = fixed.number<std::uint16_t>();
  const auto comment_bytes = fixed.number<std::uint16_t>();
  const auto disk = fixed.number<std::uint16_t>();
  fixed.take(2);  // internal attributes
  member.attributes = fixed.number<std::uint32_t>();
  member.header_offset = fixed.number<std::uint32_t>();
  member.name = names.add(as_text(take(name_bytes)));
  if (disk != 0) throw Error(Errc::kUnsupported, cat("lies in volume ", disk, " of the archive"));
  apply_zip64(take(extra_bytes), {&member.size, &member.stored_bytes, &member.header_offset});
  take(comment_bytes);
  if (member.name.empty()) throw Error(Errc::kCorrupt, "has no name");
  if (member.name.find('\0') != std::string_view::npos) {
    throw Error(Errc::kCorrupt, "has a NUL in its name");
  }
}

void check_same(std::uint64_t local, std::uint64_t central, bool may_be_zero,
                std::string_view what) {
  if (local != central && !(may_be_zero && local == 0)) {
    throw Error(Errc::kCorrupt, cat("its local header says ", local, " for its ", what,
                                    ", the directory ", central));
  }
}

// Checks the local header and fills in where the data begins.
void check_local(Window& window, Member& member, std::uint64_t directory_offset) {
  const std::uint64_t offset = member.header_offset;
  if (offset > directory_offset || directory_offset - offset < kLocalBytes) {
    throw Error(Errc::kCorrupt, cat("its local header is said to be at ", offset,
                                    ", the members end at ", directory_offset));
  }
  ByteReader fixed(window.view(offset, kLocalBytes), "a local header");
  if (fixed.number<std::uint32_t>() != kLocalMagic) {
    throw Error(Errc::kCorrupt, cat("no local header is at ", offset));
  }
  Member local;
  fixed.take(2);
  local.flags = fixed.number<std::uint16_t>();
  local.method = static_cast<Method>(fixed.number<std::uint16_t>());
  fixed.take(4);
  local.crc = fixed.number<std::uint32_t>();
  local.stored_bytes = fixed.number<std::uint32_t>();
  local.size = fixed.number<std::uint32_t>();
  const auto name_bytes = fixed.number<std::uint16_t>();
  const auto extra_bytes = fixed.number<std::uint16_t>();
  const std::uint64_t behind = std::uint64_t{name_bytes} + extra_bytes;
  member.data_offset = offset + kLocalBytes + behind;
  if (behind > directory_offset - offset - kLocalBytes ||
      member.stored_bytes > directory_offset - member.data_offset) {
    throw Error(Errc::kCorrupt, cat("its ", member.stored_bytes, " bytes at ", member.data_offset,
                                    " pass the end of the members (", directory_offset, ")"));
  }
  const ByteView rest = window.view(offset + kLocalBytes, static_cast<std::size_t>(behind));
  const std::string_view name = as_text(rest.first(name_bytes));
  if (name != member.name) {
    throw Error(Errc::kCorrupt, cat("its local header calls it '", escape(name), "'"));
  }
  apply_zip64(rest.subspan(name_bytes), {&local.size, &local.stored_bytes});
  const bool later = (local.flags & kDescriptorFlag) != 0;
  const auto number_of = [](Method method) { return static_cast<std::uint16_t>(method); };
  check_same(local.flags, member.flags, false, "flags");
  check_same(number_of(local.method), number_of(member.method), false, "method");
  check_same(local.crc, member.crc, later, "CRC");
  check_same(local.stored_bytes, member.stored_bytes, later, "size in the file");
  check_same(local.size, member.size, later, "size");
}

void check_names(const std::vector<Member>& members) {
  const auto name_of = [&](std::uint32_t i) { return members[i].name; };
  NameIndex names(members.size());
  for (std::uint32_t i = 0; i < members.size(); ++i) {
    if (names.add(i, name_of) != i) {
      throw Error(Errc::kCorrupt,
                  cat("the zip archive has two members called '", escape(members[i].name), "'"));
    }
  }
}

// Members lie as a rule in the directory's order.
void check_no_overlap(const std::vector<Member>& members) {
  const auto begin_of = [&](std::uint32_t i) { return members[i].header_offset; };
  std::vector<std::uint32_t> order(members.size());
  std::iota(order.begin(), order.end(), 0U);
  if (!std::ranges::is_sorted(order, {}, begin_of)) std::ranges::sort(order, {}, begin_of);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Member& before = members[order[i - 1]];
    const Member& behind = members[order[i]];
    if (before.data_offset + before.stored_bytes > behind.header_offset) {
      throw Error(Errc::kCorrupt, cat("the zip members '", escape(before.name), "' and '",
                                      escape(behind.name), "' overlap at ", behind.header_offset));
    }
  }
}

}  // namespace

bool Member::is_link() const {
  constexpr unsigned kUnix = 3;
  constexpr unsigned kLink = 0xa;
  return made_by >> 8 == kUnix && attributes >> 28 == kLink;
}

Archive read_archive(const RandomFile& file) {
  const Directory directory = read_end_record(file);
  const std::uint64_t end = directory.offset + directory.size;
  Archive archive;
  auto& members = archive.members;
  members.reserve(
      static_cast<std::size_t>(std::min(directory.members, directory.size / kCentralBytes)));
  Window window(file);
  std::uint64_t at = directory.offset;
  while (members.size() < directory.members) {
    Member member;
    try {
      read_central(window, at, end, archive.names, member);
      check_readable(member);
    } catch (const Error& e) {
      throw e.in(member.name.empty()
                     ? cat("zip member ", members.size() + 1, " of ", directory.members)
                     : cat("zip member '", escape(member.name), "'"));
    }
    members.push_back(member);
  }
  if (at != end) {
    throw Error(Errc::kCorrupt, cat("the zip directory has ", end - at, " bytes behind its ",
                                    count_of(members.size(), "member")));
  }
  check_names(members);
  for (Member& member : members) {
    try {
      check_local(window, member, directory.offset);
    } catch (const Error& e) {
      throw e.in(cat("zip member '", escape(member.name), "'"));
    }
  }
  check_no_overlap(members);
  return archive;
}

bool looks_like_archive(const RandomFile& file) {
  if (file.size() < kEndBytes) return false;
  Bytes magic(4);
  file.read_at(0, magic);
  const auto number = decode_number<std::uint32_t>(magic);
  return number == kLocalMagic || number == kEndMagic;
}

std::string first_name(const RandomFile& file) {
  Window window(file);
  if (file.size() < kLocalBytes) return {};
  const ByteView header = window.view(0, kLocalBytes);
  if (decode_number<std::uint32_t>(header.first(4)) != kLocalMagic) return {};
  const auto size = decode_number<std::uint16_t>(header.subspan(26, 2));
  if (size > file.size() - kLocalBytes) return {};
  return std::string(as_text(window.view(kLocalBytes, size)));
}

}  // namespace ckpt::zip
