#include "formats/formats.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/gguf/format.h"
#include "formats/hdf5/format.h"
#include "formats/keras/format.h"
#include "formats/numpy/format.h"
#include "formats/safetensors/format.h"
#include "formats/tf_bundle/format.h"
#include "formats/tf_bundle/v1.h"
#include "formats/tfjs/format.h"
#include "formats/torch/format.h"
#include "formats/unknown_file.h"
#include "storage/intent.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

constexpr std::array<const Format*, 11> kFormats{
    &hdf5::kHdf5Format,          //
    &keras::kFormat,             //
    &safetensors::kFormat,       //
    &safetensors::kIndexFormat,  //
    &numpy::kNpzFormat,          //
    &numpy::kNpyFormat,          //
    &gguf::kFormat,              //
    &tfjs::kFormat,              //
    &tf::kTfBundleFormat,        //
    &tf::kTfV1Format,            //
    &torch::kTorchFormat,
};

// "HDF5", "HDF5 and zip": the names of formats in a sentence.
std::string names_of(std::span<const Format* const> list) {
  std::string names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) names += i + 1 == list.size() ? " and " : ", ";
    names += list[i]->name;
  }
  return names;
}

// The one format that knows the bytes; null where none does.
const Format* detect(const RandomFile& file) {
  std::vector<const Format*> found;
  for (const Format* format : kFormats) {
    if (format->detect(file)) found.push_back(format);
  }
  if (found.empty()) return nullptr;
  if (found.size() > 1) {
    throw Error(Errc::kUnsupported,
                cat("is ", names_of(found), " at once; which is meant cannot be known"));
  }
  return found.front();
}

// A checkpoint's file, opened, and who reads it.
struct Located {
  const Format* format = nullptr;
  std::unique_ptr<RandomFile> file;
  std::string path;
  bool was_interrupted = false;
};

// The file as it is to be read, and its format; null where none knows the bytes.
Located look(std::unique_ptr<RandomFile> file, const std::string& path) {
  SettledFile settled = settle(std::move(file));
  const Format* format = detect(*settled.file);
  return {format, std::move(settled.file), path, settled.was_interrupted};
}

// What `path` stands for in a format that calls its checkpoints by something else than the file to
// open.
std::optional<std::string> resolve(const std::string& path) {
  for (const Format* format : kFormats) {
    if (format->resolve == nullptr) continue;
    if (auto file = format->resolve(path)) return file;
  }
  return std::nullopt;
}

// Opens, by `open`, what `path` stands for.
template <typename Open>
Located locate(const std::string& path, Open&& open) {
  std::optional<Located> located;
  try {
    located = look(open(path), path);
    if (located->format != nullptr) return std::move(*located);
  } catch (const Error& e) {
    if (e.code() != Errc::kNotFound) throw;
    if (!resolve(path)) throw;
  }
  if (const auto file = resolve(path)) {
    try {
      Located resolved = look(open(*file), *file);
      if (resolved.format != nullptr) return resolved;
      located = std::move(resolved);
    } catch (const Error& e) {
      throw e.in(escape(base_name(*file)));
    }
  }
  check_no_marker(*located->file);
  throw Error(Errc::kUnsupported, cat(describe_unknown_file(*located->file),
                                      "; what can be read is ", names_of(kFormats)));
}

Located locate(const std::string& path) {
  return locate(path, [](const std::string& file) { return open_file(file); });
}

std::unique_ptr<Reader> open_located(Located located, const std::string& path,
                                     const OpenOptions& options) {
  OpenOptions own = options;
  own.was_interrupted = located.was_interrupted;
  const auto fd = located.file->descriptor();
  const FileStamp stamp = fd ? stamp_of(*fd) : FileStamp{};
  try {
    auto reader = located.format->open(std::move(located.file), located.path, own);
    reader->set_stamp(stamp);
    return reader;
  } catch (const Error& e) {
    if (located.path == path) throw;
    throw e.in(escape(base_name(located.path)));
  }
}

// Does `ckpt recover` find anything to do?
bool is_interrupted(const Located& located) {
  const Format& format = *located.format;
  return located.was_interrupted ||
         (format.end_of_data != nullptr &&
          size_before_torn_edit(*located.file, format.end_of_data(*located.file))) ||
         (format.is_interrupted != nullptr && format.is_interrupted(*located.file, located.path));
}

}  // namespace

std::span<const Format* const> formats() { return kFormats; }

const Format* find_format(std::string_view id) {
  const auto it = std::ranges::find(kFormats, id, &Format::id);
  return it == kFormats.end() ? nullptr : *it;
}

const Format* format_for_name(std::string_view path) {
  const Format* found = nullptr;
  std::size_t longest = 0;
  for (const Format* format : kFormats) {
    if (format->create == nullptr) continue;
    for (const std::string_view suffix : split(format->suffixes, " ")) {
      if (suffix.size() <= longest || !path.ends_with(suffix)) continue;
      found = format;
      longest = suffix.size();
    }
  }
  return found;
}

const Format& detect_format(const std::string& path) {
  try {
    return *locate(path).format;
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

std::unique_ptr<Reader> open_checkpoint(const std::string& path, const OpenOptions& options) {
  try {
    return open_located(locate(path), path, options);
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

LockedCheckpoint lock_checkpoint(const std::string& path, LockFor purpose, Wait wait) {
  try {
    std::optional<LockedFile> locked;
    Located located = locate(path, [&](const std::string& file) {
      locked.emplace(file, purpose, wait);
      return locked->view();
    });
    const bool changes = purpose == LockFor::kChanging;
    return {located.format, path, changes ? locked->path() : located.path, std::move(*locked)};
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

std::unique_ptr<Reader> open_checkpoint(const LockedCheckpoint& locked,
                                        const OpenOptions& options) {
  try {
    return open_located(look(locked.file.view(), locked.path), locked.path, options);
  } catch (const Error& e) {
    throw e.in(escape(locked.name));
  }
}

Recovery recover_checkpoint(const LockedCheckpoint& locked, Wait wait) {
  const Format& format = *locked.format;
  try {
    if (const Recovery found = recover_journal(locked.file, 0); found != Recovery::kClean) {
      return found;
    }
    if (format.end_of_data != nullptr) {
      return recover_journal(locked.file, format.end_of_data(*locked.file.view()));
    }
    return format.recover == nullptr ? Recovery::kClean : format.recover(locked.file, wait);
  } catch (const Error& e) {
    throw e.in(escape(locked.name));
  }
}

namespace {

Recovery recover_where_needed(const std::string& path, Wait wait) {
  try {
    // What needs no recovery needs no permission to write either.
    const auto open = [&](const std::string& file) {
      return LockedFile(file, LockFor::kMending, wait).view();
    };
    if (!is_interrupted(locate(path, open))) return Recovery::kClean;
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
  return recover_checkpoint(lock_checkpoint(path, LockFor::kChanging, wait), wait);
}

}  // namespace

Recovery recover_checkpoint(const std::string& path, Wait wait) {
  const Recovery found = recover_where_needed(path, wait);
  // Killed before it had come to anything, an edit leaves no more than its temporaries; what a
  // record spoke of is needed until it is carried out.
  sweep(folder_of(real_path(path)));
  return found;
}

Upkeep look_after(const std::string& path) {
  Located located = locate(path);
  const Format& format = *located.format;
  if (format.upkeep == nullptr) return {};
  const std::uint64_t end = format.end_of_data == nullptr ? 0 : format.end_of_data(*located.file);
  return format.upkeep(*settle_torn(std::move(located.file), end).file);
}

std::unique_ptr<Writer> create_checkpoint(const std::string& path, std::vector<VariableSpec> specs,
                                          const CreateOptions& options, std::string_view format) {
  const Format* found = find_format(format);
  if (found == nullptr) {
    throw Error(Errc::kInvalid, cat("there is no format '", format, "'"));
  }
  if (found->create == nullptr) {
    throw Error(Errc::kUnsupported, cat(found->name, " files are read, but not written"));
  }
  try {
    return found->create(path, std::move(specs), options);
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

}  // namespace ckpt
