#include "storage/intent.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/text.h"
#include "core/wire.h"
#include "storage/checksum.h"
#include "storage/locked_file.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

constexpr std::string_view kPrefix = ".ckpt-";
constexpr std::string_view kIntent = ".intent";
constexpr std::string_view kTemporary = ".tmp";
constexpr std::string_view kMark = "CKPTINT1";
constexpr std::size_t kDigits = 16;
constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20U;

std::string new_digits() {
  std::array<std::byte, kDigits / 2> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(Errc::kWrite, "the system gives no random numbers");
  }
  return hex_of(bytes);
}

bool are_digits(std::string_view text) {
  return text.size() == kDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The digits in the middle of a name of that form.
std::optional<std::string_view> digits_of_intent(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kIntent)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  if (name.size() < kIntent.size()) return std::nullopt;
  name.remove_suffix(kIntent.size());
  return are_digits(name) ? std::optional(name) : std::nullopt;
}

bool is_temporary_of(std::string_view name, std::string_view digits) {
  const std::string start = cat(kPrefix, digits, "-");
  if (!name.starts_with(start) || !name.ends_with(kTemporary)) return false;
  name.remove_prefix(start.size());
  if (name.size() <= kTemporary.size()) return false;
  name.remove_suffix(kTemporary.size());
  return name.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_regular(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
  if (!dir) return names;
  while (const dirent* item = ::readdir(dir.get())) {
    if (std::string_view(item->d_name).starts_with(kPrefix)) names.emplace_back(item->d_name);
  }
  return names;
}

// An intent that its change has left behind, locked by who looks at it.
struct AbandonedIntent {
  struct Row {
    std::uint64_t kind = 0;
    std::uint64_t number = 0;  // a length, or an inode
    std::string name;
    std::array<std::uint64_t, 3> state{};  // of a loose file
  };
  std::string path;
  std::string decider;
  std::vector<Row> rows;
  bool is_offered = false;
  FileDescriptor lock;
};

constexpr std::uint64_t kGrown = 1;
constexpr std::uint64_t kLoose = 2;
constexpr std::uint64_t kOffered = 3;

// Length, and the time of the last writing.
std::array<std::uint64_t, 3> state_of(const FileStamp& stamp) {
  return {static_cast<std::uint64_t>(stamp.size), static_cast<std::uint64_t>(stamp.modified.tv_sec),
          static_cast<std::uint64_t>(stamp.modified.tv_nsec)};
}

bool is_same(const AbandonedIntent::Row& row, const FileStamp& there) {
  return row.number == there.inode && row.state == state_of(there);
}

// The rows of an intent as far as they are whole: what was being written when it was killed was not
// acted upon yet.
std::vector<Bytes> rows_of(const RandomFile& file) {
  std::vector<Bytes> rows;
  Bytes all(static_cast<std::size_t>(std::min(file.size(), kMostBytes)));
  file.read_at(0, all);
  WireReader reader(all);
  try {
    while (!reader.is_empty()) {
      const ByteView row = reader.bytes();
      if (reader.number() != short_checksum(row)) break;
      rows.emplace_back(row.begin(), row.end());
    }
  } catch (const Error&) {
  }
  return rows;
}

// Empty where that is no intent, or somebody works on it.
std::optional<AbandonedIntent> take_abandoned(const std::string& path, std::string_view digits) {
  AbandonedIntent intent{.path = path, .decider = "", .rows = {}, .is_offered = false, .lock = {}};
  intent.lock =
      FileDescriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!intent.lock || ::fstat(intent.lock.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  if (::flock(intent.lock.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  try {
    const std::vector<Bytes> rows = rows_of(*view_file(intent.lock.get()));
    if (rows.empty()) return std::nullopt;
    WireReader first(rows.front());
    if (first.text() != kMark || first.text() != digits) return std::nullopt;
    intent.decider = first.text();
    for (std::size_t i = 1; i < rows.size(); ++i) {
      WireReader row(rows[i]);
      AbandonedIntent::Row taken;
      taken.kind = row.number();
      taken.number = row.number();
      taken.name = row.text();
      if (taken.kind == kLoose) {
        for (std::uint64_t& number : taken.state) number = row.number();
      }
      if (!is_plain_name(taken.name)) return std::nullopt;
      if (taken.kind == kOffered) {
        intent.is_offered = true;
      } else {
        intent.rows.push_back(std::move(taken));
      }
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  const bool is_named = intent.decider.empty() || is_plain_name(intent.decider);
  return is_named ? std::optional(std::move(intent)) : std::nullopt;
}

// Does the file that decides the change speak of the intent's temporaries? It is theirs then.
bool is_spoken_of(const AbandonedIntent& intent, std::string_view digits) {
  if (intent.decider.empty()) return false;
  const std::string path = beside(intent.path, intent.decider);
  if (!is_regular(path)) return intent.is_offered;
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return true;  // nobody knows
  const auto file = view_file(fd.get());
  const std::string wanted = cat(kPrefix, digits, "-");
  constexpr std::size_t kBlock = std::size_t{1} << 20U;
  std::string block;
  for (std::uint64_t at = 0; at < file->size(); at += kBlock) {
    // Pieces overlap, so that none cuts what is looked for.
    const std::uint64_t end = std::min<std::uint64_t>(file->size(), at + kBlock + wanted.size());
    block.resize(static_cast<std::size_t>(end - at));
    file->read_at(at, std::as_writable_bytes(std::span(block)));
    if (block.find(wanted) != std::string::npos) return true;
  }
  return false;
}

std::vector<AbandonedIntent> abandoned_intents(const std::string& folder) {
  std::vector<AbandonedIntent> intents;
  for (const std::string& name : names_in(folder)) {
    const auto digits = digits_of_intent(name);
    if (!digits) continue;
    if (auto intent = take_abandoned(cat(folder, "/", name), *digits)) {
      intents.push_back(std::move(*intent));
    }
  }
  return intents;
}

void remove_own(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return;
  throw Error(Errc::kWrite, cat("what an interrupted edit has left cannot be removed (",
                                escape(base_name(path)), "): ", error_text(errno)));
}

// Removes the intent and its temporaries. Throws Error(kWrite) where that is not allowed.
void discard(const AbandonedIntent& intent) {
  const std::string folder = folder_of(intent.path);
  const std::string digits(*digits_of_intent(base_name(intent.path)));
  for (const std::string& name : names_in(folder)) {
    const std::string path = cat(folder, "/", name);
    if (is_temporary_of(name, digits) && is_regular(path)) remove_own(path);
  }
  remove_own(intent.path);
}

// Who sweeps may be looking at it, still without a mark, for a moment.
bool take_lock(int fd) {
  int answer = 0;
  do answer = ::flock(fd, LOCK_EX);
  while (answer != 0 && errno == EINTR);
  return answer == 0;
}

// Has it rows about files of that decider?
bool is_of(const AbandonedIntent& intent, const std::string& decider) {
  return intent.decider == base_name(decider) && !intent.rows.empty();
}

// Cuts a file that has grown, where the decider speaks of nothing behind its old end.
void cut_back(const std::string& path, std::uint64_t size_before,
              std::optional<std::uint64_t> needed) {
  if (!is_regular(path) || !needed || *needed > size_before) return;
  const LockedFile file(path, LockFor::kChanging, kUsualWait);
  file.check_single_name();
  if (file.view()->size() <= size_before) return;
  const FileDescriptor fd = reopen_for_writing(file.fd());
  set_size(fd.get(), size_before);
  sync_all(fd.get());
}

}  // namespace

void sweep(const std::string& folder) {
  for (const AbandonedIntent& intent : abandoned_intents(folder)) {
    const std::string name = base_name(intent.path);
    if (!intent.rows.empty() || is_spoken_of(intent, *digits_of_intent(name))) continue;
    try {
      discard(intent);
    } catch (const Error&) {  // another's, perhaps; it is in nobody's way
    }
  }
}

Intent::Intent(const std::string& folder, std::string_view decider) {
  sweep(folder);
  const std::string digits = new_digits();
  stem_ = cat(folder, "/", kPrefix, digits);
  WireWriter mark;
  mark.text(kMark);
  mark.text(digits);
  mark.text(decider);
  // Locked and marked before it has a name, where the file system can do that; elsewhere it is
  // locked before it has its mark, without which nobody takes it for a dead one's; one that cannot
  // be locked gets none. The mark is flushed, since what is made under an intent without one would
  // stay for good after a power cut.
  const std::string path = cat(stem_, kIntent);
  fd_ = FileDescriptor(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd_) {
    if (take_lock(fd_.get())) add_row(mark.result());
    flush();
    if (give_name(fd_.get(), path)) return;
  }
  fd_ = FileDescriptor(::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!fd_) {
    throw Error(Errc::kWrite, cat("cannot write in the folder ", folder, ": ", error_text(errno)));
  }
  size_ = 0;
  try {
    if (take_lock(fd_.get())) add_row(mark.result());
    flush();
  } catch (const Error&) {
    ::unlink(path.c_str());
    throw;
  }
}

Intent::~Intent() {
  for (const std::string& path : made_) ::unlink(path.c_str());
  if (!is_kept_) ::unlink(cat(stem_, kIntent).c_str());
}

void Intent::add_row(ByteView bytes) {
  WireWriter row;
  row.bytes(bytes);
  row.number(short_checksum(bytes));
  write_fully(fd_.get(), size_, row.result());
  size_ += row.result().size();
}

std::string Intent::temporary() {
  return made_.emplace_back(cat(stem_, "-", ++count_, kTemporary));
}

void Intent::grows(std::string_view name, std::uint64_t size) {
  WireWriter row;
  row.number(kGrown);
  row.number(size);
  row.text(name);
  add_row(row.result());
  sync_all(fd_.get());
  sync_folder(folder_of(stem_));
}

void Intent::offer() {
  WireWriter row;
  row.number(kOffered);
  row.number(0);
  row.text("decider");
  add_row(row.result());
  flush();
}

void Intent::is_loose(std::string_view name, const std::string& path) {
  WireWriter row;
  const FileStamp stamp = stamp_of(path);
  row.number(kLoose);
  row.number(stamp.inode);
  row.text(name);
  for (const std::uint64_t number : state_of(stamp)) row.number(number);
  add_row(row.result());
}

bool is_temporary_name(std::string_view name) {
  if (!name.starts_with(kPrefix) || name.size() < kPrefix.size() + kDigits) return false;
  const std::string_view digits = name.substr(kPrefix.size(), kDigits);
  return are_digits(digits) && is_temporary_of(name, digits);
}

void Intent::flush() { sync_all(fd_.get()); }

bool has_abandoned_intent(const std::string& decider) {
  return std::ranges::any_of(abandoned_intents(folder_of(decider)),
                             [&](const AbandonedIntent& intent) { return is_of(intent, decider); });
}

bool take_back_intents(const std::string& decider, const NeededBytes& needed) {
  bool found = false;
  for (const AbandonedIntent& intent : abandoned_intents(folder_of(decider))) {
    if (!is_of(intent, decider)) continue;
    for (const AbandonedIntent::Row& row : intent.rows) {
      const std::string path = beside(intent.path, row.name);
      if (row.kind == kGrown) {
        cut_back(path, row.number, needed(row.name));
      } else if (row.kind == kLoose && is_regular(path) && !needed(row.name) &&
                 is_same(row, stamp_of(path))) {
        remove_own(path);
      }
    }
    discard(intent);
    found = true;
  }
  return found;
}

}  // namespace ckpt
