#include "formats/safetensors/header_patch.h"

#include <algorithm>

#include "formats/edit/locked_file.h"
#include "formats/edit/rewrite.h"
#include "formats/hdf5_edit/journal.h"

namespace ckpt::safetensors {
namespace {

// Where a journal keeps the 8 bytes by which other programs know the file: the header's length.
constexpr std::uint64_t kSignatureAt = 0;

}  // namespace

hdf5::Patch header_patch(const RandomFile& file, const std::string& text) {
  hdf5::Patch patch{.size_before = file.size(), .size_after = file.size()};
  patch.add(0, as_byte_view(std::string_view(text)));
  return patch;
}

void apply_header(int fd, const std::string& text) {
  hdf5::apply_with_journal(reopen_for_writing(fd).get(), kSignatureAt,
                           header_patch(*view_file(fd), text), {}, {});
}

Undo undo_of_header(const RandomFile& file, const std::string& text) {
  std::vector<Undo::Kept> kept;
  if (text.size() < file.size()) {
    kept.push_back({text.size(), text.size(), file.size() - text.size()});
  }
  const hdf5::Patch patch = header_patch(file, text);
  return make_undo(file, hdf5::PatchedFile(file, patch), std::move(kept));
}

bool is_of_header(const Undo& undo) {
  return undo.size_before == undo.size_after && undo.pieces.size() == 1 &&
         undo.pieces[0].offset == 0 &&
         std::ranges::all_of(undo.kept, [](const auto& part) { return part.before == part.after; });
}

}  // namespace ckpt::safetensors
