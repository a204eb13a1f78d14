#include "formats/formats.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/text.h"
#include "formats/hdf5/format.h"
#include "formats/unknown_file.h"

namespace ckpt {
namespace {

constexpr std::array<const Format*, 1> kFormats{&hdf5::kHdf5Format};

// "HDF5", "HDF5 and zip": the names of formats in a sentence.
std::string names_of(std::span<const Format* const> list) {
  std::string names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) names += i + 1 == list.size() ? " and " : ", ";
    names += list[i]->name;
  }
  return names;
}

// The one format that knows the bytes.
const Format& detect(const RandomFile& file) {
  std::vector<const Format*> found;
  for (const Format* format : kFormats) {
    if (format->detect(file)) found.push_back(format);
  }
  if (found.empty()) {
    throw Error(Errc::kUnsupported,
                cat(describe_unknown_file(file), "; what can be read is ", names_of(kFormats)));
  }
  if (found.size() > 1) {
    throw Error(Errc::kUnsupported,
                cat("is ", names_of(found), " at once; which is meant cannot be known"));
  }
  return *found.front();
}

}  // namespace

std::span<const Format* const> formats() { return kFormats; }

const Format* find_format(std::string_view id) {
  const auto it = std::ranges::find(kFormats, id, &Format::id);
  return it == kFormats.end() ? nullptr : *it;
}

std::unique_ptr<Reader> open_checkpoint(const std::string& path, const OpenOptions& options) {
  try {
    auto file = open_file(path);
    const Format& format = detect(*file);
    return format.open(std::move(file), path, options);
  } catch (const Error& e) {
    throw e.in(path);
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
    throw e.in(path);
  }
}

}  // namespace ckpt
