#include "storage/journal.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "core/wire.h"
#include "storage/checksum.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kBlock = std::size_t{1} << 20U;
constexpr std::size_t kMagicBytes = 8;
constexpr std::string_view kLocator = "CKPTLOC1";
constexpr std::string_view kHeader = "CKPTJRN1";
constexpr std::string_view kFooter = "CKPTEND1";
constexpr std::string_view kFooterEnd = "CKPTEND2";
constexpr std::string_view kMarker = "\211CKPT\r\n\032"sv;
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

// Does it have all of the signature?
bool covers(const ByteRange& range, std::uint64_t signature_at) {
  return range.offset <= signature_at && range.offset + range.bytes >= signature_at + kMagicBytes;
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
  Bytes signature;  // what comes to stand there
  std::vector<ByteRange> ranges;
  std::uint64_t bytes_at = 0;  // of the first range's bytes
  std::uint64_t checksum = 0;  // as the footer tells
  std::uint64_t end = 0;       // where the footer begins
};

// The last range over the signature has it. Journals of earlier versions had none where the
// signature stayed; those were of HDF5 files.
Bytes signature_of(const RandomFile& file, const Journal& journal) {
  constexpr std::string_view kHdf5 = "\211HDF\r\n\032\n"sv;
  Bytes signature(as_byte_view(kHdf5).begin(), as_byte_view(kHdf5).end());
  std::uint64_t from = journal.bytes_at;
  for (const ByteRange& range : journal.ranges) {
    if (covers(range, journal.signature_at)) {
      file.read_at(from + journal.signature_at - range.offset, signature);
    }
    from += range.bytes;
  }
  return signature;
}

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
  const std::uint64_t table_bytes = count * 16;
  left -= table_bytes;
  journal.bytes_at = journal.end - left;
  // In blocks, and without ranges of nothing: a count that lies costs no memory.
  Bytes table;
  for (std::uint64_t at = 0; at < table_bytes; at += table.size()) {
    table.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, table_bytes - at)));
    file.read_at(journal.at + kHeaderBytes + at, table);
    for (std::size_t i = 0; i < table.size(); i += 16) {
      const ByteRange range{number_in(table, i), number_in(table, i + 8)};
      const auto end = checked_add(range.offset, range.bytes);
      if (!end || *end > journal.new_size || range.bytes > left) return std::nullopt;
      left -= range.bytes;
      if (range.bytes > 0) journal.ranges.push_back(range);
    }
  }
  if (left != 0) return std::nullopt;
  journal.signature = signature_of(file, journal);
  return journal;
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
  const std::uint64_t at = page_behind(end_of_data);
  if (end_of_data == 0 || at >= file.size() || file.size() - at > kLocatorBytes) {
    return std::nullopt;
  }
  // The power was cut before the locator's bytes were on the device, but not its length.
  Bytes tail(static_cast<std::size_t>(file.size() - end_of_data));
  file.read_at(end_of_data, tail);
  if (file.size() - at == kLocatorBytes) {
    const bool is_empty = std::ranges::all_of(tail, [](std::byte b) { return b == std::byte{0}; });
    return is_empty ? std::optional(end_of_data) : std::nullopt;
  }
  // Killed before the locator was written down to its length: a piece of its magic, nothing more.
  tail.resize(static_cast<std::size_t>(file.size() - at));
  file.read_at(at, tail);
  const auto known = std::min(tail.size(), kMagicBytes);
  return as_text(ByteView(tail).first(known)) == kLocator.substr(0, known)
             ? std::optional(end_of_data)
             : std::nullopt;
}

// The marker in place of the signature, at the places where a format may have one (HDF5: 0, 512,
// 1024, …): step 3 was interrupted.
bool has_marker(const RandomFile& file) {
  std::array<std::byte, kMarker.size()> bytes{};
  for (std::uint64_t at = 0; at + bytes.size() <= file.size(); at = at == 0 ? 512 : at * 2) {
    file.read_at(at, bytes);
    if (as_text(bytes) == kMarker) return true;
  }
  return false;
}

// The journal that is to be carried out. One that is not sound has no meaning where nothing of it
// was carried out: the locator says what the file was.
std::optional<Journal> sound_journal(const RandomFile& file) {
  auto journal = read_journal(file);
  if (journal && is_sound(file, *journal)) return journal;
  if (journal) check_no_marker(file);
  return std::nullopt;
}

// What a file will be when its journal is carried out. Later ranges lie over earlier ones.
class JournalledFile final : public RandomFile {
 public:
  JournalledFile(std::unique_ptr<RandomFile> file, const Journal& journal)
      : file_(std::move(file)),
        size_(journal.new_size),
        signature_at_(journal.signature_at),
        signature_(journal.signature) {
    std::uint64_t from = journal.bytes_at;
    for (const ByteRange& range : journal.ranges) {
      lay(range, from);
      from += range.bytes;
    }
  }

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size_ || out.size() > size_ - offset) {
      throw Error(Errc::kCorrupt, cat("offset ", offset, " + ", out.size(),
                                      " bytes passes the end of the file (", size_, ")"));
    }
    file_->read_at(offset, out);
    const std::uint64_t end = offset + out.size();
    auto it = pieces_.upper_bound(offset);
    if (it != pieces_.begin()) --it;
    for (; it != pieces_.end() && it->first < end; ++it) {
      const std::uint64_t begin = std::max(offset, it->first);
      const std::uint64_t stop = std::min(end, it->second.end);
      if (begin >= stop) continue;
      file_->read_at(it->second.from + (begin - it->first),
                     out.subspan(static_cast<std::size_t>(begin - offset),
                                 static_cast<std::size_t>(stop - begin)));
    }
    for (std::size_t i = 0; i < signature_.size(); ++i) {
      const std::uint64_t at = signature_at_ + i;
      if (at >= offset && at < end) out[static_cast<std::size_t>(at - offset)] = signature_[i];
    }
  }

 private:
  struct Piece {
    std::uint64_t end = 0;
    std::uint64_t from = 0;
  };

  void lay(const ByteRange& range, std::uint64_t from) {
    const std::uint64_t end = range.offset + range.bytes;
    split_at(range.offset);
    split_at(end);
    pieces_.erase(pieces_.lower_bound(range.offset), pieces_.lower_bound(end));
    pieces_[range.offset] = {end, from};
  }

  void split_at(std::uint64_t at) {
    auto it = pieces_.lower_bound(at);
    if (it == pieces_.begin()) return;
    --it;
    if (it->second.end <= at) return;
    pieces_[at] = {it->second.end, it->second.from + (at - it->first)};
    it->second.end = at;
  }

  std::unique_ptr<RandomFile> file_;
  std::uint64_t size_;
  std::uint64_t signature_at_;
  Bytes signature_;
  std::map<std::uint64_t, Piece> pieces_;  // by their offsets; none touches another
};

// The first bytes of a file.
class FrontOfFile final : public RandomFile {
 public:
  FrontOfFile(std::unique_ptr<RandomFile> file, std::uint64_t size)
      : file_(std::move(file)), size_(size) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size_ || out.size() > size_ - offset) {
      throw Error(Errc::kCorrupt, cat("offset ", offset, " + ", out.size(),
                                      " bytes passes the end of the file (", size_, ")"));
    }
    file_->read_at(offset, out);
  }

  [[nodiscard]] std::optional<int> descriptor() const override { return file_->descriptor(); }

 private:
  std::unique_ptr<RandomFile> file_;
  std::uint64_t size_;
};

// Step 3, from the journal alone.
void carry_out(int fd, const Journal& journal) {
  const auto file = view_file(fd);
  write_fully(fd, journal.signature_at, as_byte_view(kMarker));
  sync_data(fd);
  std::uint64_t from = journal.bytes_at;
  Bytes block;
  for (const ByteRange& range : journal.ranges) {
    for (std::uint64_t done = 0; done < range.bytes; done += block.size()) {
      block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, range.bytes - done)));
      file->read_at(from + done, block);
      const std::uint64_t to = range.offset + done;
      // What would bring the signature back too early is left out: it has the marker now.
      for (std::size_t i = 0; i < kMarker.size(); ++i) {
        const std::uint64_t at = journal.signature_at + i;
        if (at >= to && at < to + block.size()) block[at - to] = as_byte_view(kMarker)[i];
      }
      write_fully(fd, to, block);
    }
    from += range.bytes;
  }
  sync_data(fd);
  write_fully(fd, journal.signature_at, journal.signature);
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
                   std::span<const ByteRange> ranges, const FillRange& fill) {
  const std::uint64_t locator_at = page_behind(patch.size_before);
  const std::uint64_t at = page_behind(std::max(locator_at + kLocatorBytes, patch.size_after));
  std::vector<ByteRange> all;
  all.reserve(patch.pieces.size() + ranges.size() + 1);
  for (const auto& piece : patch.pieces) all.push_back({piece.offset, piece.bytes.size()});
  all.insert(all.end(), ranges.begin(), ranges.end());
  // Where no range has the signature, the journal says itself what stays there.
  Bytes signature;
  const auto has_signature = [&](const ByteRange& range) { return covers(range, signature_at); };
  if (std::ranges::none_of(all, has_signature)) {
    signature.resize(kMagicBytes);
    const auto file = view_file(fd);
    PatchedFile(*file, patch).read_at(signature_at, signature);
    all.push_back({signature_at, signature.size()});
  }
  std::uint64_t body = 0;
  for (const ByteRange& range : all) body += range.bytes;
  const std::uint64_t end = at + kHeaderBytes + all.size() * 16 + body + kFooterBytes;
  reserve_room(fd, patch.size_before, end - patch.size_before);

  Bytes locator;
  put_magic(locator, kLocator);
  put_number(locator, patch.size_before);
  put_number(locator, check_of_locator(patch.size_before));
  write_fully(fd, locator_at, locator);
  sync_data(fd);

  Bytes header;
  put_magic(header, kHeader);
  for (const std::uint64_t number :
       {patch.size_before, patch.size_after, signature_at, std::uint64_t{all.size()}}) {
    put_number(header, number);
  }
  for (const ByteRange& range : all) {
    put_number(header, range.offset);
    put_number(header, range.bytes);
  }
  JournalWriter writer(fd, at);
  writer.add(header);
  for (const auto& piece : patch.pieces) writer.add(piece.bytes);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    fill(i, [&](ByteView bytes) { writer.add(bytes); });
  }
  writer.add(signature);
  writer.finish(at);
  sync_data(fd);
}

// Cuts the file back to what it was, since `failure` came before the edit was decided. Whether that
// reaches the device matters less: what is there again after a power cut is cut off by recovery, or
// is a whole journal, whose edit is sound. Where a whole one cannot be cut off, it is decided.
[[noreturn]] void take_back(int fd, std::uint64_t size, const Error& failure) {
  try {
    set_size(fd, size);
  } catch (const Error&) {
    if (sound_journal(*view_file(fd))) {
      throw Error(Errc::kUnfinished, cat(failure.what(), kUnfinished));
    }
    throw Error(Errc::kWrite, cat(failure.what(),
                                  "; what was appended to the file could not be cut off again, and "
                                  "`ckpt recover` does that"));
  }
  try {
    sync_all(fd);
  } catch (const Error&) {
  }
  throw Error(failure);
}

}  // namespace

SettledFile settle(std::unique_ptr<RandomFile> file) {
  const auto journal = sound_journal(*file);
  if (!journal) return {std::move(file), false};
  return {std::make_unique<JournalledFile>(std::move(file), *journal), true};
}

void check_no_marker(const RandomFile& file) {
  if (!has_marker(file)) return;
  throw Error(Errc::kCorrupt,
              "an edit of it was interrupted, and its journal has been damaged since");
}

std::optional<std::uint64_t> size_before_torn_edit(const RandomFile& file,
                                                   std::uint64_t end_of_data) {
  if (end_of_data == 0 || end_of_data >= file.size()) return std::nullopt;
  return find_locator(file, end_of_data);
}

SettledFile settle_torn(std::unique_ptr<RandomFile> file, std::uint64_t end_of_data) {
  const auto size = size_before_torn_edit(*file, end_of_data);
  if (!size) return {std::move(file), false};
  return {std::make_unique<FrontOfFile>(std::move(file), *size), true};
}

void check_not_interrupted(const RandomFile& file, std::uint64_t end_of_data) {
  if (sound_journal(file) || size_before_torn_edit(file, end_of_data)) {
    throw Error(Errc::kIo, std::string(kInterrupted));
  }
}

void apply_with_journal(int fd, std::uint64_t signature_at, const Patch& patch,
                        std::span<const ByteRange> ranges, const FillRange& fill) {
  std::optional<Journal> journal;
  try {
    write_journal(fd, signature_at, patch, ranges, fill);
    journal = read_journal(*view_file(fd));
    if (!journal) {
      throw Error(Errc::kWrite, "the journal that was appended to it reads back as something else");
    }
  } catch (const Error& e) {
    take_back(fd, patch.size_before, e);
  } catch (const std::exception& e) {
    take_back(fd, patch.size_before, Error(Errc::kWrite, e.what()));
  }
  try {
    carry_out(fd, *journal);
  } catch (const std::exception& e) {
    throw Error(Errc::kUnfinished, cat(e.what(), kUnfinished));
  }
}

Recovery recover_journal(const LockedFile& locked, std::uint64_t end_of_data) {
  const auto file = locked.view();
  if (const auto journal = sound_journal(*file)) {
    carry_out(reopen_for_writing(locked.fd()).get(), *journal);
    return Recovery::kFinished;
  }
  const auto old_size = size_before_torn_edit(*file, end_of_data);
  if (!old_size) return Recovery::kClean;
  const FileDescriptor writable = reopen_for_writing(locked.fd());
  set_size(writable.get(), *old_size);
  sync_all(writable.get());
  return Recovery::kUndone;
}

}  // namespace ckpt
