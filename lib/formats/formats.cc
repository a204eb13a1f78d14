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
};

// What `path` stands for in a format that calls its checkpoints by something else than the file to
// open; no format where it stands for nothing.
Located resolve(const std::string& path) {
  for (const Format* format : kFormats) {
    if (format->resolve == nullptr) continue;
    const auto file = format->resolve(path);
    if (!file) continue;
    try {
      return {format, open_file(*file), *file};
    } catch (const Error& e) {
      throw e.in(escape(file->substr(file->rfind('/') + 1)));
    }
  }
  return {};
}

Located locate(const std::string& path) {
  std::unique_ptr<RandomFile> file;
  try {
    file = open_file(path);
  } catch (const Error& e) {
    if (e.code() != Errc::kNotFound) throw;
    if (Located located = resolve(path); located.format != nullptr) return located;
    throw;
  }
  if (const Format* format = detect(*file)) return {format, std::move(file), path};
  if (Located located = resolve(path); located.format != nullptr) return located;
  throw Error(Errc::kUnsupported,
              cat(describe_unknown_file(*file), "; what can be read is ", names_of(kFormats)));
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
    Located located = locate(path);
    try {
      return located.format->open(std::move(located.file), located.path, options);
    } catch (const Error& e) {
      if (located.path == path) throw;
      throw e.in(escape(located.path.substr(located.path.rfind('/') + 1)));
    }
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

Recovery recover_checkpoint(const std::string& path) {
  try {
    for (const Format* format : formats()) {
      const auto found = format->recover == nullptr ? Recovery::kClean : format->recover(path);
      if (found != Recovery::kClean) return found;
    }
    return Recovery::kClean;
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
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
