#include "formats/numpy/format.h"

#include <algorithm>

#include "core/error.h"
#include "formats/edit/rewrite.h"
#include "formats/numpy/array_reader.h"
#include "formats/numpy/edit.h"
#include "formats/numpy/npz_writer.h"
#include "formats/zip/archive.h"

namespace ckpt::numpy {
namespace {

constexpr std::string_view kNpySuffix = ".npy";

// An archive whose first member is a NumPy file or an archive, among other things, of such; the
// empty one is an npz of no arrays. The directory is asked where the first name does not tell.
bool detect_npz(const RandomFile& file) {
  if (!zip::looks_like_archive(file)) return false;
  if (zip::first_name(file).ends_with(kNpySuffix)) return true;
  try {
    const auto archive = zip::read_archive(file);
    return archive.members.empty() ||
           std::ranges::any_of(archive.members, [](const zip::Member& member) {
             return member.name.ends_with(kNpySuffix);
           });
  } catch (const Error&) {
    return false;
  }
}

std::unique_ptr<Reader> open_npz(std::unique_ptr<RandomFile> file, const std::string&,
                                 const OpenOptions&) {
  return ArrayReader::open_archive(std::move(file));
}

bool detect_npy(const RandomFile& file) {
  std::string start(kMagic.size(), '\0');
  if (file.size() < start.size()) return false;
  file.read_at(0, std::as_writable_bytes(std::span(start)));
  return start == kMagic;
}

std::unique_ptr<Reader> open_npy(std::unique_ptr<RandomFile> file, const std::string& path,
                                 const OpenOptions&) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.size() > kNpySuffix.size() && name.ends_with(kNpySuffix)) {
    name.resize(name.size() - kNpySuffix.size());
  }
  return ArrayReader::open_single(std::move(file), name);
}

}  // namespace

const Format kNpzFormat{.name = "npz",
                        .id = "npz",
                        .separator = '/',
                        .suffixes = ".npz",
                        .detect = detect_npz,
                        .open = open_npz,
                        .create = create_npz,
                        .edit = edit_npz,
                        .undo = undo_rewrite};

const Format kNpyFormat{.name = "npy",
                        .id = "npy",
                        .separator = '/',
                        .suffixes = ".npy",
                        .detect = detect_npy,
                        .open = open_npy,
                        .create = nullptr};

}  // namespace ckpt::numpy
