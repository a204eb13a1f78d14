#include "formats/zip/end_record.h"

#include <algorithm>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "formats/io/byte_reader.h"
#include "formats/zip/archive.h"
#include "formats/zip/records.h"

namespace ckpt::zip {
namespace {

struct EndRecord {
  std::uint16_t disk, directory_disk, members_here, members;
  std::uint32_t size, offset;
};

EndRecord parse_end_record(ByteView bytes) {
  ByteReader reader(bytes, "the end record");
  reader.take(4);
  EndRecord end{};
  end.disk = reader.number<std::uint16_t>();
  end.directory_disk = reader.number<std::uint16_t>();
  end.members_here = reader.number<std::uint16_t>();
  end.members = reader.number<std::uint16_t>();
  end.size = reader.number<std::uint32_t>();
  end.offset = reader.number<std::uint32_t>();
  return end;
}

// The one position in `tail` at which an end record and its comment reach the last byte.
std::size_t find_end_record(ByteView tail) {
  std::optional<std::size_t> found;
  for (std::size_t at = 0; at + kEndBytes <= tail.size(); ++at) {
    if (tail[at] != std::byte{'P'} ||
        decode_number<std::uint32_t>(tail.subspan(at, 4)) != kEndMagic) {
      continue;
    }
    const auto comment = decode_number<std::uint16_t>(tail.subspan(at + 20, 2));
    if (at + kEndBytes + comment != tail.size()) continue;
    if (found) {
      throw Error(Errc::kCorrupt,
                  "the zip archive has two end records; which one counts cannot be known");
    }
    found = at;
  }
  if (!found) {
    throw Error(Errc::kCorrupt,
                "no end record of a zip archive closes the file: it is cut off, or something "
                "was put behind it");
  }
  return *found;
}

Error several_volumes() {
  return Error(Errc::kUnsupported, "is one volume of a zip archive that has several");
}

// The zip64 end record of the locator at `locator_offset`, which must lie right before it.
Directory read_end64(const RandomFile& file, ByteView locator, std::uint64_t locator_offset,
                     std::uint64_t& begin) {
  ByteReader reader(locator, "the zip64 locator");
  reader.take(4);
  const auto disk = reader.number<std::uint32_t>();
  const auto offset = reader.number<std::uint64_t>();
  const auto disks = reader.number<std::uint32_t>();
  if (disk != 0 || disks > 1) throw several_volumes();
  if (locator_offset < kEnd64Bytes || offset > locator_offset - kEnd64Bytes) {
    throw Error(Errc::kCorrupt, cat("the zip64 end record is said to be at ", offset,
                                    ", its locator is at ", locator_offset));
  }
  Bytes bytes(kEnd64Bytes);
  file.read_at(offset, bytes);
  ByteReader record(bytes, "the zip64 end record");
  const auto magic = record.number<std::uint32_t>();
  const auto size = record.number<std::uint64_t>();
  record.take(4);  // versions
  const auto own_disk = record.number<std::uint32_t>();
  const auto directory_disk = record.number<std::uint32_t>();
  const auto members_here = record.number<std::uint64_t>();
  Directory directory;
  directory.members = record.number<std::uint64_t>();
  directory.size = record.number<std::uint64_t>();
  directory.offset = record.number<std::uint64_t>();
  if (magic != kEnd64Magic || size != locator_offset - offset - 12) {
    throw Error(Errc::kCorrupt, cat("no zip64 end record that reaches its locator is at ", offset));
  }
  if (own_disk != 0 || directory_disk != 0 || members_here != directory.members) {
    throw several_volumes();
  }
  begin = offset;
  return directory;
}

// A number of the end record that is not "see zip64" must be that of the zip64 record.
void check_same(std::uint64_t plain, std::uint64_t full, std::uint64_t number,
                std::string_view what) {
  if (plain != full && plain != number) {
    throw Error(Errc::kCorrupt, cat("the end record says ", plain, " for the directory's ", what,
                                    ", the zip64 end record ", number));
  }
}

}  // namespace

Directory read_end_record(const RandomFile& file) {
  constexpr std::uint64_t kMostTail = kEndBytes + 0xffff + kLocator64Bytes;
  Bytes tail(static_cast<std::size_t>(std::min(kMostTail, file.size())));
  const std::uint64_t tail_offset = file.size() - tail.size();
  file.read_at(tail_offset, tail);
  // The locator's room at the front of a full tail is no place for an end record.
  const std::size_t at = find_end_record(tail);
  const EndRecord end = parse_end_record(ByteView(tail).subspan(at, kEndBytes));
  std::uint64_t end_begins = tail_offset + at;
  Directory directory{end.offset, end.size, end.members};

  const bool has_locator =
      at >= kLocator64Bytes && decode_number<std::uint32_t>(ByteView(tail).subspan(
                                   at - kLocator64Bytes, 4)) == kLocator64Magic;
  if (has_locator) {
    const std::uint64_t locator_offset = end_begins - kLocator64Bytes;
    directory = read_end64(file, ByteView(tail).subspan(at - kLocator64Bytes, kLocator64Bytes),
                           locator_offset, end_begins);
    check_same(end.members, kFull16, directory.members, "members");
    check_same(end.size, kFull32, directory.size, "size");
    check_same(end.offset, kFull32, directory.offset, "offset");
  }
  const auto is_first = [&](std::uint16_t disk) {
    return disk == 0 || (has_locator && disk == kFull16);
  };
  if (!is_first(end.disk) || !is_first(end.directory_disk) || end.members_here != end.members) {
    throw several_volumes();
  }
  const auto directory_end = checked_add(directory.offset, directory.size);
  if (!directory_end || *directory_end != end_begins) {
    throw Error(Errc::kCorrupt,
                cat("the zip directory is said to be at ", directory.offset, " + ", directory.size,
                    " bytes, which is not where the end records "
                    "begin (",
                    end_begins, ")"));
  }
  if (directory.members > kMostMembers) {
    throw Error(Errc::kUnsupported, cat("the zip archive has ", directory.members, " members, ",
                                        kMostMembers, " are the most that are read"));
  }
  return directory;
}

}  // namespace ckpt::zip
