#include "formats/safetensors/set_change.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/blocks.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/raw_file.h"
#include "core/text.h"
#include "formats/edit/locked_file.h"
#include "formats/edit/name_lock.h"
#include "formats/hdf5_edit/edit.h"
#include "formats/hdf5_edit/journal.h"
#include "formats/io/json.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/edit.h"
#include "formats/safetensors/header.h"
#include "formats/safetensors/header_patch.h"
#include "formats/safetensors/shard_names.h"

namespace ckpt::safetensors {
namespace {

using nlohmann::json;

constexpr std::string_view kKey = "ckpt_edit";
constexpr std::string_view kNewSuffix = ".ckpt-new";
constexpr std::string_view kNote =
    "an edit of this set of files was interrupted; `ckpt recover` on this file finishes it";

constexpr std::size_t kLengthBytes = 8;

// A JSON text, in pieces: it is cut behind an end of line, where no character is.
void add_text(Blocks& out, std::string_view text) {
  constexpr std::size_t kPiece = std::size_t{64} << 10U;
  out.add("\"");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n', kPiece), text.size() - 1) + 1;
    const std::string quoted = json(text.substr(0, end)).dump();
    out.add(std::string_view(quoted).substr(1, quoted.size() - 2));
    text.remove_prefix(end);
  }
  out.add("\"");
}

// {"ckpt_edit": {"note": …, "index": TEXT, "shards": [{"file": …, "header": JSON TEXT}, …],
// "gone": [FILE, …]}}; the header's length is its text's, in front of which it stands in the file.
void add_change(Blocks& out, const SetChange& change) {
  try {
    out.add(cat("{", json(kKey).dump(), ": {\n \"note\": ", json(kNote).dump(),
                ",\n \"gone\": ", json(change.gone).dump(), ",\n \"shards\": ["));
    std::string_view before = "\n  ";
    for (const SetChange::Shard& shard : change.shards) {
      out.add(cat(before, "{\"file\": ", json(shard.file).dump()));
      if (!shard.header.empty()) {
        out.add(", \"header\": ");
        add_text(out, std::string_view(shard.header).substr(kLengthBytes));
      }
      out.add("}");
      before = ",\n  ";
    }
    out.add("],\n \"index\": ");
    add_text(out, change.index);
    out.add("}}\n");
  } catch (const json::exception& e) {
    throw Error(Errc::kUnsupported, cat("cannot be kept as JSON: ", e.what()));
  }
}

SetChange parse_change(const RandomFile& file) {
  const auto complain = [] {
    throw Error(Errc::kCorrupt, "is the record of an interrupted edit, and damaged");
  };
  const auto text_of = [&](const json& object, std::string_view key) -> std::string {
    const json* value = find_member(object, key);
    if (value == nullptr || !value->is_string()) complain();
    return value->get<std::string>();
  };
  const json root = parse_json(read_json_text(file), "the record of an interrupted edit");
  const json* record = find_member(root, kKey);
  if (record == nullptr || !record->is_object()) complain();
  SetChange change{.index = text_of(*record, "index")};
  const json* shards = find_member(*record, "shards");
  if (shards == nullptr || !shards->is_array()) complain();
  for (const json& row : *shards) {
    if (!row.is_object()) complain();
    SetChange::Shard shard{.file = text_of(row, "file")};
    if (find_member(row, "header") != nullptr) {
      const std::string header = text_of(row, "header");
      for (std::size_t i = 0; i < kLengthBytes; ++i) {
        shard.header += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 0xff);
      }
      shard.header += header;
    }
    change.shards.push_back(std::move(shard));
  }
  if (const json* gone = find_member(*record, "gone")) {
    if (!gone->is_array()) complain();
    for (const json& name : *gone) {
      if (!name.is_string()) complain();
      change.gone.push_back(name.get<std::string>());
    }
  }
  return change;
}

std::string real_path(const std::string& path) {
  std::error_code failure;
  const auto real = std::filesystem::canonical(path, failure);
  return failure ? path : real.string();
}

void flush_folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const FileDescriptor fd(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && ::fsync(fd.get()) != 0 && errno != EINVAL) {
    throw Error(Errc::kWrite, cat("its folder could not be flushed: ", error_text(errno)));
  }
}

// A header is written unless it is there already.
void put_header(int fd, const std::string& header) {
  const auto file = view_file(fd);
  if (read_header(*file).data_start != header.size()) {
    throw Error(Errc::kConflict,
                "is not the file whose edit was begun: its header has another "
                "length");
  }
  Bytes there(header.size());
  file->read_at(0, there);
  if (as_text(there) != header) apply_header(fd, header);
}

void put_file(const std::string& path) {
  const std::string made = new_path(path);
  // Where it is gone it has its place already.
  if (::rename(made.c_str(), real_path(path).c_str()) != 0 && errno != ENOENT) {
    throw Error(Errc::kWrite, cat("cannot put its new file in its place: ", error_text(errno)));
  }
  flush_folder_of(made);
}

void write_index(const std::string& path, const std::function<void(Blocks&)>& write,
                 Overwrite overwrite, const std::function<void()>& named) {
  AtomicFile out(path, overwrite);
  std::uint64_t at = 0;
  Blocks blocks(out, at);
  write(blocks);
  blocks.flush();
  try {
    out.commit();
  } catch (const Error&) {
    if (out.is_named()) named();
    throw;
  }
  named();
}

}  // namespace

std::string new_path(const std::string& shard_path) {
  return cat(real_path(shard_path), kNewSuffix);
}

std::optional<std::string_view> shard_of_new(std::string_view path) {
  if (!path.ends_with(kNewSuffix)) return std::nullopt;
  return path.substr(0, path.size() - kNewSuffix.size());
}

bool is_set_change(const RandomFile& index) { return has_json_key(index, kKey); }

void refuse_set_change(const RandomFile& index) {
  if (is_set_change(index)) throw Error(Errc::kIo, std::string(hdf5::kInterrupted));
}

void record(const std::string& path, const SetChange& change, Overwrite overwrite,
            const std::function<void()>& decided) {
  write_index(
      path, [&](Blocks& out) { add_change(out, change); }, overwrite, decided);
}

void finish(const std::string& path, const SetChange& change, const SetLocks& locks) {
  std::string place;
  try {
    for (const SetChange::Shard& shard : change.shards) {
      place = escape(shard.file) + ": ";
      if (shard.header.empty()) {
        put_file(beside(path, shard.file));
      } else {
        put_header(locks.at(shard.file).get(), shard.header);
      }
    }
    for (const std::string& shard : change.gone) {
      place = escape(shard) + ": ";
      if (::unlink(beside(path, shard).c_str()) != 0 && errno != ENOENT) {
        throw Error(Errc::kWrite, cat("cannot be removed: ", error_text(errno)));
      }
    }
    place.clear();
    write_index(
        path, [&](Blocks& out) { out.add(change.index); }, Overwrite::kYes, [] {});
  } catch (const Error& e) {
    throw Error(
        e.code(),
        cat(place, e.what(), "; the edit is decided all the same, and `ckpt recover` finishes it"));
  }
}

Recovery recover_shards(const std::string& path) {
  // What needs no recovery needs no lock of its own either.
  if (!is_set_change(*view_file(open_locked(path, LockFor::kReading).get()))) {
    return Recovery::kClean;
  }
  std::optional<NameLock> name;
  if (path.ends_with(kIndexSuffix)) name.emplace(stem_of_index(path));
  const FileDescriptor locked = open_locked(path, LockFor::kReplacing);
  const auto record = view_file(locked.get());
  if (!is_set_change(*record)) return Recovery::kClean;  // who began it has finished it meanwhile
  const SetChange change = parse_change(*record);
  SetLocks locks;
  for (const std::string& shard : change.gone) check_sibling_name(shard, "shard");
  for (const SetChange::Shard& shard : change.shards) {
    try {
      check_sibling_name(shard.file, "shard");
      // A set that takes the place of a smaller one has files that the old one had not.
      const std::string own = beside(path, shard.file);
      if (is_there(new_path(own)) && !is_there(own)) continue;
      static_cast<void>(open_sibling(path, shard.file, "shard"));
      if (hdf5::recover_hdf5(own) == Recovery::kClean) recover(own);
      locks[shard.file] = open_locked(own, LockFor::kWriting);
    } catch (const Error& e) {
      throw e.in(escape(shard.file));
    }
  }
  finish(path, change, locks);
  return Recovery::kFinished;
}

}  // namespace ckpt::safetensors
