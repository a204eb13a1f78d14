// PyTorch's serialization (torch/serialization.py): a pickle that describes tensors as views of
// storages, and the storages' bytes. archive.cc and legacy.cc draw the two containers; pickle.h
// says how the pickle is read without running anything.
#include "formats/torch/format.h"

#include <algorithm>

#include "core/error.h"
#include "formats/edit/rewrite.h"
#include "formats/torch/edit.h"
#include "formats/torch/reader.h"
#include "formats/torch/writer.h"
#include "formats/zip/archive.h"

namespace ckpt::torch {
namespace {

bool is_archive(const RandomFile& file) {
  if (!zip::looks_like_archive(file)) return false;
  const auto is_pickle = [](std::string_view name) { return name.ends_with("/data.pkl"); };
  if (is_pickle(zip::first_name(file))) return true;
  try {
    const zip::Archive archive = zip::read_archive(file);
    return std::ranges::any_of(archive.members, is_pickle, &zip::Member::name);
  } catch (const Error&) {
    return false;
  }
}

bool detect(const RandomFile& file) { return is_legacy(file) || is_archive(file); }

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string&,
                             const OpenOptions&) {
  return is_legacy(*file) ? open_legacy(std::move(file)) : open_archive(std::move(file));
}

std::unique_ptr<Writer> create(const std::string& path, std::vector<VariableSpec> specs,
                               const CreateOptions& options) {
  return create_archive(path, std::move(specs), options.overwrite);
}

}  // namespace

const Format kTorchFormat{.name = "PyTorch",
                          .id = "torch",
                          .separator = '.',
                          .suffixes = ".pt .pth .bin",
                          .detect = detect,
                          .open = open,
                          .create = create,
                          .edit = edit,
                          .undo = undo_rewrite};

}  // namespace ckpt::torch
