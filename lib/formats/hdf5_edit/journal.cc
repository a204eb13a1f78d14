#include "formats/hdf5_edit/journal.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/raw_file.h"
#include "core/text.h"
#include "formats/edit/checksum.h"
#include "formats/h5parse/superblock.h"
#include "formats/hdf5_helper/wire.h"

namespace ckpt::hdf5 {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kBlock = std::size_t{1} << 20U;
constexpr std::size_t kMagicBytes = 8;
constexpr std::string_view kLocator = "CKPTLOC1";
constexpr std::string_view kHeader = "CKPTJRN1";
constexpr std::string_view kFooter = "CKPTEND1";
constexpr std::string_view kFooterEnd = "CKPTEND2";
constexpr std::string_view kSignature = "\211HDF\r\n\032\n"sv;
constexpr std::string_view kMarker = "\211CKPT\r\n\032"sv;  // as long as the signature
static_assert(kMarker.size() == kSignature.size());
constexpr std::size_t kLocatorBytes = 24;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::size_t kFooterBytes = 32;

constexpr std::string_view kUnfinished =
    "; the edit is decided but not complete, and `ckpt recover` finishes it";

std::uint64_t page_behind(std::uint64_t offset) { return (offset + kPage - 1) / kPage * kPage; }

void put_magic(Bytes& out, std::string_view magic) {
  const ByteView bytes = as_byte_view(magic);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_number(Bytes& out, std::uint64_t number) {
  WireWriter wire;
  wire.number(number);
  out.insert(out.end(), wire.result().begin(), wire.result().end());
}

std::uint64_t number_in(ByteView bytes, std::size_t offset) {
  return WireReader(bytes.subspan(offset, 8)).number();
}

std::uint64_t check_of_locator(std::uint64_t old_size) {
  Checksum sum;
  sum.add(as_byte_view(kLocator));
  sum.add_number(old_size);
  return sum.short_value();
}

struct Journal {
  std::uint64_t at = 0;
  std::uint64_t old_size = 0;
  std::uint64_t new_size = 0;
  std::uint64_t signature_at = 0;
  std::vector<Extent> extents;
  std::uint64_t bytes_at = 0;  // of the first extent's bytes
  std::uint64_t checksum = 0;  // as the footer tells
  std::uint64_t end = 0;       // where the footer begins
};

// The complete journal at the end of the file, by its footer; its checksum is not verified.
std::optional<Journal> read_journal(const RandomFile& file) {
  if (file.size() < kFooterBytes + kHeaderBytes) return std::nullopt;
  std::array<std::byte, kFooterBytes> footer{};
  Journal journal;
  journal.end = file.size() - kFooterBytes;
  file.read_at(journal.end, footer);
  if (as_text(ByteView(footer).first(kMagicBytes)) != kFooter ||
      as_text(ByteView(footer).last(kMagicBytes)) != kFooterEnd) {
    return std::nullopt;
  }
  journal.at = number_in(footer, 8);
  journal.checksum = number_in(footer, 16);
  if (journal.at % kPage != 0 || journal.at > journal.end - kHeaderBytes) return std::nullopt;
  std::array<std::byte, kHeaderBytes> header{};
  file.read_at(journal.at, header);
  if (as_text(ByteView(header).first(kMagicBytes)) != kHeader) return std::nullopt;
  journal.old_size = number_in(header, 8);
  journal.new_size = number_in(header, 16);
  journal.signature_at = number_in(header, 24);
  const std::uint64_t count = number_in(header, 32);
  std::uint64_t left = journal.end - journal.at - kHeaderBytes;
  const std::uint64_t floor = std::min(journal.old_size, journal.new_size);
  if (count > left / 16 || std::max(journal.old_size, journal.new_size) > journal.at ||
      floor < kMarker.size() || journal.signature_at > floor - kMarker.size()) {
    return std::nullopt;
  }
  Bytes table(static_cast<std::size_t>(count * 16));
  file.read_at(journal.at + kHeaderBytes, table);
  left -= table.size();
  journal.bytes_at = journal.end - left;
  for (std::size_t i = 0; i < table.size(); i += 16) {
    const Extent extent{number_in(table, i), number_in(table, i + 8)};
    const auto end = checked_add(extent.offset, extent.bytes);
    if (!end || *end > journal.new_size || extent.bytes > left) return std::nullopt;
    left -= extent.bytes;
    journal.extents.push_back(extent);
  }
  return left == 0 ? std::optional(std::move(journal)) : std::nullopt;
}

bool is_sound(const RandomFile& file, const Journal& journal) {
  Checksum sum;
  Bytes block;
  for (std::uint64_t at = journal.at; at < journal.end; at += block.size()) {
    block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, journal.end - at)));
    file.read_at(at, block);
    sum.add(block);
  }
  return sum.short_value() == journal.checksum;
}

// The old length that a locator at `at` tells, also one that was cut off while it was written.
std::optional<std::uint64_t> read_locator(const RandomFile& file, std::uint64_t at) {
  if (at + kMagicBytes + 8 > file.size()) return std::nullopt;
  const std::uint64_t left = file.size() - at;
  Bytes bytes(static_cast<std::size_t>(std::min<std::uint64_t>(kLocatorBytes, left)));
  file.read_at(at, bytes);
  if (as_text(ByteView(bytes).first(kMagicBytes)) != kLocator) return std::nullopt;
  const std::uint64_t old_size = number_in(bytes, 8);
  if (page_behind(old_size) != at) return std::nullopt;
  const bool is_whole = bytes.size() == kLocatorBytes;
  if (is_whole && number_in(bytes, 16) != check_of_locator(old_size)) return std::nullopt;
  return old_size;
}

// The length before the edit, where a journal was begun behind `end_of_data`. The file may have had
// bytes behind the end of its data before; then the locator is further on.
std::optional<std::uint64_t> find_locator(const RandomFile& file, std::uint64_t end_of_data) {
  for (std::uint64_t at = page_behind(end_of_data); at < file.size(); at += kPage) {
    if (const auto old_size = read_locator(file, at)) return old_size;
  }
  // Killed before the locator was written down to its length: a piece of its magic, nothing more.
  const std::uint64_t at = page_behind(end_of_data);
  if (end_of_data == 0 || at >= file.size() || file.size() - at >= kLocatorBytes) {
    return std::nullopt;
  }
  Bytes tail(static_cast<std::size_t>(file.size() - at));
  file.read_at(at, tail);
  const auto known = std::min(tail.size(), kMagicBytes);
  return as_text(ByteView(tail).first(known)) == kLocator.substr(0, known)
             ? std::optional(end_of_data)
             : std::nullopt;
}

std::uint64_t end_of_data_of(const RandomFile& file) {
  try {
    return h5parse::read_superblock(file).end;
  } catch (const Error&) {
    return 0;
  }
}

// What stands where the marker is meanwhile: the patch's bytes where it has any there.
Bytes signature_of(const RandomFile& file, const Journal& journal) {
  Bytes signature(kSignature.size());
  std::uint64_t from = journal.bytes_at;
  for (const Extent& extent : journal.extents) {
    if (extent.offset <= journal.signature_at &&
        extent.offset + extent.bytes >= journal.signature_at + signature.size()) {
      file.read_at(from + journal.signature_at - extent.offset, signature);
      return signature;
    }
    from += extent.bytes;
  }
  std::ranges::copy(as_byte_view(kSignature), signature.begin());
  return signature;
}

// Step 3, from the journal alone.
void carry_out(int fd, const Journal& journal) {
  const auto file = view_file(fd);
  const Bytes signature = signature_of(*file, journal);
  write_fully(fd, journal.signature_at, as_byte_view(kMarker));
  sync_data(fd);
  std::uint64_t from = journal.bytes_at;
  Bytes block;
  for (const Extent& extent : journal.extents) {
    for (std::uint64_t done = 0; done < extent.bytes; done += block.size()) {
      block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, extent.bytes - done)));
      file->read_at(from + done, block);
      const std::uint64_t to = extent.offset + done;
      // What would bring the signature back too early is left out: it has the marker now.
      for (std::size_t i = 0; i < kMarker.size(); ++i) {
        const std::uint64_t at = journal.signature_at + i;
        if (at >= to && at < to + block.size()) block[at - to] = as_byte_view(kMarker)[i];
      }
      write_fully(fd, to, block);
    }
    from += extent.bytes;
  }
  sync_data(fd);
  write_fully(fd, journal.signature_at, signature);
  sync_data(fd);
  set_size(fd, journal.new_size);
  sync_all(fd);
}

// Collects small writes into blocks, and adds up what passes.
class JournalWriter {
 public:
  JournalWriter(int fd, std::uint64_t at) : fd_(fd), at_(at) {}

  void add(ByteView bytes) {
    sum_.add(bytes);
    while (!bytes.empty()) {
      const ByteView part = bytes.first(std::min(bytes.size(), kBlock - block_.size()));
      block_.insert(block_.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
      if (block_.size() == kBlock) flush();
    }
  }

  void finish(std::uint64_t journal_at) {
    Bytes footer;
    put_magic(footer, kFooter);
    put_number(footer, journal_at);
    put_number(footer, sum_.short_value());
    put_magic(footer, kFooterEnd);
    add(footer);
    flush();
  }

 private:
  void flush() {
    write_fully(fd_, at_, block_);
    at_ += block_.size();
    block_.clear();
  }

  int fd_;
  std::uint64_t at_;
  Bytes block_;
  Checksum sum_;
};

// Steps 1 and 2.
void write_journal(int fd, std::uint64_t signature_at, const Patch& patch,
                   std::span<const Extent> extents, const FillExtent& fill) {
  const std::uint64_t locator_at = page_behind(patch.size_before);
  const std::uint64_t at = page_behind(std::max(locator_at + kLocatorBytes, patch.size_after));
  std::uint64_t body = bytes_of(patch);
  for (const Extent& extent : extents) body += extent.bytes;
  const std::uint64_t count = patch.pieces.size() + extents.size();
  const std::uint64_t end = at + kHeaderBytes + count * 16 + body + kFooterBytes;
  reserve_room(fd, patch.size_before, end - patch.size_before);

  Bytes locator;
  put_magic(locator, kLocator);
  put_number(locator, patch.size_before);
  put_number(locator, check_of_locator(patch.size_before));
  write_fully(fd, locator_at, locator);
  sync_data(fd);

  Bytes header;
  put_magic(header, kHeader);
  for (const auto number : {patch.size_before, patch.size_after, signature_at, count}) {
    put_number(header, number);
  }
  for (const auto& piece : patch.pieces) {
    put_number(header, piece.offset);
    put_number(header, piece.bytes.size());
  }
  for (const Extent& extent : extents) {
    put_number(header, extent.offset);
    put_number(header, extent.bytes);
  }
  JournalWriter writer(fd, at);
  writer.add(header);
  for (const auto& piece : patch.pieces) writer.add(piece.bytes);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    fill(i, [&](ByteView bytes) { writer.add(bytes); });
  }
  writer.finish(at);
  sync_data(fd);
}

}  // namespace

bool has_edit_marker(const RandomFile& file) {
  std::array<std::byte, kMarker.size()> bytes{};
  for (std::uint64_t at = 0; at + bytes.size() <= file.size(); at = at == 0 ? 512 : at * 2) {
    file.read_at(at, bytes);
    if (as_text(bytes) == kMarker) return true;
  }
  return false;
}

JournalState find_journal(const RandomFile& file, std::uint64_t end_of_data) {
  if (end_of_data == file.size()) return JournalState::kNone;
  if (const auto journal = read_journal(file)) return JournalState::kComplete;
  if (end_of_data == 0 || !find_locator(file, end_of_data)) return JournalState::kNone;
  return JournalState::kTorn;
}

bool is_interrupted(const RandomFile& file) {
  // The marker may be half written; then the footer tells.
  if (!h5parse::find_signature(file))
    return has_edit_marker(file) || read_journal(file).has_value();
  return find_journal(file, end_of_data_of(file)) != JournalState::kNone;
}

void check_not_interrupted(const RandomFile& file) {
  if (is_interrupted(file)) throw Error(Errc::kIo, std::string(kInterrupted));
}

void apply_with_journal(int fd, std::uint64_t signature_at, const Patch& patch,
                        std::span<const Extent> extents, const FillExtent& fill) {
  try {
    write_journal(fd, signature_at, patch, extents, fill);
  } catch (...) {
    set_size(fd, patch.size_before);
    sync_all(fd);
    throw;
  }
  const auto journal = read_journal(*view_file(fd));
  if (!journal) {
    set_size(fd, patch.size_before);
    throw Error(Errc::kWrite, "the journal that was appended to it reads back as something else");
  }
  try {
    carry_out(fd, *journal);
  } catch (const Error& e) {
    throw Error(e.code(), cat(e.what(), kUnfinished));
  }
}

Recovery recover_journal(int fd, std::optional<std::uint64_t> known_end) {
  const auto file = view_file(fd);
  const std::uint64_t end_of_data = known_end ? *known_end : end_of_data_of(*file);
  if (end_of_data == file->size()) return Recovery::kClean;
  const auto journal = read_journal(*file);
  if (journal && is_sound(*file, *journal)) {
    carry_out(fd, *journal);
    return Recovery::kFinished;
  }
  const auto old_size = journal ? journal->old_size : find_locator(*file, end_of_data);
  if (!old_size) return Recovery::kClean;
  if (has_edit_marker(*file)) {
    throw Error(Errc::kCorrupt,
                "an edit of it was interrupted, and its journal has been damaged since");
  }
  set_size(fd, *old_size);
  sync_all(fd);
  return Recovery::kUndone;
}

}  // namespace ckpt::hdf5
