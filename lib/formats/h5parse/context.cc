#include "formats/h5parse/context.h"

#include <algorithm>

#include "core/text.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {

void Context::note(std::string sentence) const {
  const bool is_known = std::ranges::find(notes, sentence) != notes.end();
  if (!is_known && notes.size() < kMaxNotes) notes.push_back(std::move(sentence));
}

void Context::claim(std::string_view what, std::uint64_t address, std::uint64_t object) const {
  const auto [owner, is_new] = owners_.try_emplace(address, object);
  if (!is_new && owner->second != object) {
    throw Error(Errc::kCorrupt, cat(what, " at ", address, ": belongs to the object at ",
                                    owner->second, " and to the one at ", object));
  }
}

}  // namespace ckpt::h5parse
