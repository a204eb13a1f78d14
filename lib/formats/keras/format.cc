#include "formats/keras/format.h"

#include "core/error.h"
#include "formats/edit/rewrite.h"
#include "formats/keras/archive.h"
#include "formats/keras/edit.h"

namespace ckpt::keras {
namespace {

bool detect(const RandomFile& file) {
  if (!zip::looks_like_archive(file)) return false;
  const std::string first = zip::first_name(file);
  if (first.ends_with(".npy") || first.ends_with("/data.pkl")) return false;
  try {
    const zip::Archive archive = zip::read_archive(file);
    return find(archive.members, kWeights) != nullptr;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

const Format kFormat{
    .name = "Keras archive",
    .id = "keras",
    .separator = '/',
    .suffixes = ".keras",
    .detect = detect,
    .open = [](std::unique_ptr<RandomFile> file, const std::string&,
               const OpenOptions& options) { return open_archive(std::move(file), options); },
    .edit = edit_archive,
    .undo = undo_rewrite};

}  // namespace ckpt::keras
