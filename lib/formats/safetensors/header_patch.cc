#include "formats/safetensors/header_patch.h"

#include <algorithm>

#include "storage/journal.h"
#include "storage/patch.h"
#include "storage/way_back.h"

namespace ckpt::safetensors {
namespace {

// Where a journal keeps the 8 bytes by which other programs know the file: the header's length.
constexpr std::uint64_t kSignatureAt = 0;

}  // namespace

void apply_header(const LockedFile& file, const std::string& text) {
  file.check_unchanged();
  apply_with_journal(reopen_for_writing(file.fd()).get(), kSignatureAt,
                     front_patch(*file.view(), text), {}, {});
}

Undo undo_of_header(const RandomFile& file, const std::string& text) {
  std::vector<Undo::Kept> kept;
  if (text.size() < file.size()) {
    kept.push_back({text.size(), text.size(), file.size() - text.size()});
  }
  const Patch patch = front_patch(file, text);
  return make_undo(file, PatchedFile(file, patch), std::move(kept));
}

bool is_of_header(const Undo& undo) {
  return undo.size_before == undo.size_after && undo.pieces.size() == 1 &&
         undo.pieces[0].offset == 0 &&
         std::ranges::all_of(undo.kept, [](const auto& part) { return part.before == part.after; });
}

}  // namespace ckpt::safetensors
