#include "support/disk_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>
#include <stdexcept>

#include "core/error.h"
#include "core/wire.h"
#include "storage/checksum.h"
#include "support/temp_dir.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSector = 512;

std::string all_bytes_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return "";
  // The descriptor may be open for writing only.
  const int readable =
      ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC);
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t n = ::pread(readable, bytes.data(), bytes.size(), 0);
  ::close(readable);
  if (n != status.st_size) throw std::runtime_error("cannot read back what was written");
  return bytes;
}

struct stat status_at(const std::string& path) {
  struct stat status {};
  ::lstat(path.c_str(), &status);
  return status;
}

// An intent with other inodes and times in its rows, by the old inodes; what is no whole row stays
// as it is.
std::string with_inodes(const std::string& bytes, const std::map<ino_t, struct stat>& inodes) {
  using namespace ckpt;
  std::string renewed;
  WireReader reader(as_byte_view(std::string_view(bytes)));
  try {
    while (!reader.is_empty()) {
      const ByteView row = reader.bytes();
      if (reader.number() != short_checksum(row)) break;
      WireWriter copy;
      WireReader parts(row);
      if (renewed.empty() || parts.number() != 2) {
        copy.bytes(row);
        copy.number(short_checksum(row));
      } else {
        const auto there = inodes.find(parts.number());
        WireWriter inner;
        inner.number(2);
        struct stat now {};
        if (there != inodes.end()) now = there->second;
        inner.number(now.st_ino);
        inner.text(parts.text());
        inner.number(parts.number());  // the length
        inner.number(static_cast<std::uint64_t>(now.st_mtim.tv_sec));
        inner.number(static_cast<std::uint64_t>(now.st_mtim.tv_nsec));
        copy.bytes(inner.result());
        copy.number(short_checksum(inner.result()));
      }
      renewed += as_text(copy.result());
    }
  } catch (const Error&) {
  }
  return renewed + bytes.substr(std::min(bytes.size(), renewed.size()));
}

bool is_intent_name(const std::string& name) {
  return name.starts_with(".ckpt-") && name.ends_with(".intent");
}

}  // namespace

FolderFiles files_in_folder(const std::string& folder) {
  FolderFiles files;
  for (const auto& item : fs::directory_iterator(folder)) {
    files[item.path().filename()] = read_file(item.path());
  }
  return files;
}

void fill_folder(const std::string& folder, const FolderFiles& files) {
  for (const auto& item : fs::directory_iterator(folder)) fs::remove_all(item.path());
  for (const auto& [name, bytes] : files) write_file(folder + "/" + name, bytes);
}

void lay_state(const std::string& folder, const DiskState& state) {
  fill_folder(folder, {});
  std::map<int, std::string> paths;
  std::map<ino_t, struct stat> inodes;
  for (const auto& [name, file] : state.files) {
    const std::string path = folder + "/" + name;
    const auto [there, is_new] = paths.emplace(file.id, path);
    if (is_new) {
      write_file(path, file.bytes);
      inodes[file.inode] = status_at(path);
    } else {
      fs::create_hard_link(there->second, path);
    }
  }
  for (const auto& [name, file] : state.files) {
    if (is_intent_name(name)) write_file(folder + "/" + name, with_inodes(file.bytes, inodes));
  }
}

DiskLog::DiskLog(std::string folder) : folder_(std::move(folder)) {
  folder_syncs_.push_back(0);
  take_names();
}

bool DiskLog::is_folder(int fd) const {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

int DiskLog::new_inode(int fd) {
  struct stat status {};
  ::fstat(fd, &status);
  Inode& inode = inodes_.emplace_back();
  inode.number = status.st_ino;
  inode.versions.push_back({time_, all_bytes_of(fd)});
  inode.syncs.push_back(time_);
  const int id = static_cast<int>(inodes_.size()) - 1;
  ids_[status.st_ino] = id;
  return id;
}

int DiskLog::id_of(int fd) {
  struct stat status {};
  ::fstat(fd, &status);
  const auto there = ids_.find(status.st_ino);
  return there == ids_.end() ? new_inode(fd) : there->second;
}

void DiskLog::take_version(int fd) {
  Inode& inode = inodes_[static_cast<std::size_t>(id_of(fd))];
  std::string bytes = all_bytes_of(fd);
  if (inode.versions.back().bytes != bytes) inode.versions.push_back({time_, std::move(bytes)});
}

void DiskLog::take_names() {
  Names names{.time = time_, .ids = {}};
  for (const auto& item : fs::directory_iterator(folder_)) {
    const std::string path = item.path();
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    names.ids[item.path().filename()] = id_of(fd);
    ::close(fd);
  }
  names_.push_back(std::move(names));
}

CallHook::Verdict DiskLog::before(const Call& call) {
  if (!is_write_like(call.kind))
    return call.kind == Call::Kind::kPause ? Verdict::kSkip : Verdict::kGo;
  ++time_;
  const bool is_safe = call.kind == Call::Kind::kSetSize || call.kind == Call::Kind::kUnlink;
  if (!is_safe && (time_ == fail_once_ || (fail_from_ > 0 && time_ >= fail_from_))) {
    errno = EIO;
    return Verdict::kFail;
  }
  if (call.kind != Call::Kind::kFlush && call.kind != Call::Kind::kFlushData) return Verdict::kGo;
  if (is_folder(call.fd)) {
    folder_syncs_.push_back(time_);
  } else {
    inodes_[static_cast<std::size_t>(id_of(call.fd))].syncs.push_back(time_);
  }
  return Verdict::kSkip;
}

void DiskLog::after(const Call& call, long result) {
  if (result < 0) return;
  switch (call.kind) {
    case Call::Kind::kWrite:
    case Call::Kind::kSetSize:
    case Call::Kind::kReserve:
    case Call::Kind::kCopy:
    case Call::Kind::kClone:
      return take_version(call.fd);
    case Call::Kind::kUnnamed:
      new_inode(call.fd);
      return;
    case Call::Kind::kCreate:
      new_inode(call.fd);
      [[fallthrough]];
    case Call::Kind::kLink:
    case Call::Kind::kRename:
    case Call::Kind::kRenameNew:
    case Call::Kind::kUnlink:
      return take_names();
    case Call::Kind::kFlush:
    case Call::Kind::kFlushData:
    case Call::Kind::kSetMode:
    case Call::Kind::kSetOwner:
    case Call::Kind::kSetAttribute:
    case Call::Kind::kOpen:
    case Call::Kind::kLock:
    case Call::Kind::kLease:
    case Call::Kind::kPause:
      return;
  }
}

template <typename T>
std::vector<const T*> DiskLog::candidates(const std::vector<T>& all, const std::vector<int>& syncs,
                                          int at) {
  int synced = 0;
  for (const int sync : syncs) {
    if (sync <= at) synced = std::max(synced, sync);
  }
  std::vector<const T*> there;
  for (const T& one : all) {
    if (one.time > at) break;
    if (one.time <= synced) there.clear();  // overtaken by what was synced
    there.push_back(&one);
  }
  return there;
}

// Patterns: 0 nothing of what is not synced, 1 all of it, 2 a random version of each file, else
// a random version of each sector.
DiskState DiskLog::state_of(const Names& names, int at,
                            const std::function<std::uint64_t()>& number, int pattern) const {
  DiskState state;
  std::map<int, std::string> contents;
  for (const auto& [name, id] : names.ids) {
    const Inode& inode = inodes_[static_cast<std::size_t>(id)];
    const auto [content, is_new] = contents.emplace(id, "");
    if (is_new) {
      const auto versions = candidates(inode.versions, inode.syncs, at);
      const auto pick = [&]() -> const std::string& {
        return versions[static_cast<std::size_t>(number() % versions.size())]->bytes;
      };
      std::string& bytes = content->second;
      if (pattern == 0 || versions.size() == 1) {
        bytes = versions.front()->bytes;
      } else if (pattern == 1) {
        bytes = versions.back()->bytes;
      } else if (pattern == 2) {
        bytes = pick();
      } else {
        bytes.assign(pick().size(), '\0');
        // Few lost sectors among many kept ones are as likely as halves.
        const std::uint64_t rare = number() % 3;
        for (std::size_t from = 0; from < bytes.size(); from += kSector) {
          // Versions that end before it have nothing there: it was not written yet, and reads as
          // zeros; or it was cut off, and goes with the length.
          std::vector<const std::string*> sources;
          for (const Version* version : versions) {
            const bool is_hole = version == versions.front() && version->bytes.size() <= from;
            if (is_hole || version->bytes.size() > from) sources.push_back(&version->bytes);
          }
          if (sources.empty()) continue;
          const std::string& source =
              rare == 1 && number() % 8 != 0 ? *sources.back()
              : rare == 2 && number() % 8 != 0
                  ? *sources.front()
                  : *sources[static_cast<std::size_t>(number() % sources.size())];
          const std::size_t end = std::min({from + kSector, bytes.size(), source.size()});
          if (end > from) bytes.replace(from, end - from, source, from, end - from);
        }
      }
    }
    state.files[name] = {content->second, id, inode.number};
  }
  return state;
}

void DiskLog::for_each_state(int at, std::size_t most, std::uint64_t seed,
                             const std::function<void(const DiskState&)>& f) {
  std::mt19937_64 random(seed + static_cast<std::uint64_t>(at) * 1000003U);
  const auto number = [&] { return random(); };
  std::size_t given = 0;
  const auto give = [&](const DiskState& state) {
    std::string key;
    for (const auto& [name, file] : state.files) {
      ckpt::Checksum sum;
      sum.add(ckpt::as_byte_view(std::string_view(file.bytes)));
      key += name + ' ' + std::to_string(file.id) + ' ' + std::to_string(sum.short_value()) + '\n';
    }
    if (!given_.insert(key).second) return;
    ++given;
    f(state);
  };
  const auto folders = candidates(names_, folder_syncs_, at);
  for (const Names* names : folders) {
    for (const int pattern : {0, 1}) give(state_of(*names, at, number, pattern));
  }
  // What there is besides: enough tries to have found all where they are few.
  for (std::size_t i = 0; i < 4 * most && given < most; ++i) {
    const Names& names = *folders[static_cast<std::size_t>(number() % folders.size())];
    give(state_of(names, at, number, i % 3 == 0 ? 2 : 3));
  }
}
