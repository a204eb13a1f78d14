#include "formats/h5parse/context.h"

#include <algorithm>

#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {

void Context::note(std::string sentence) const {
  const bool is_known = std::ranges::find(notes, sentence) != notes.end();
  if (!is_known && notes.size() < kMaxNotes) notes.push_back(std::move(sentence));
}

void Context::claim(std::string_view what, std::uint64_t address, std::uint64_t object) const {
  if (address == kUndefined) corrupt(what, ": has no address");
  const auto [owner, is_new] = owners_.try_emplace(address);
  if (is_new) *owner = object;
  if (*owner != object) {
    corrupt(what, " at ", address, ": belongs to the object at ", *owner, " and to the one at ",
            object);
  }
}

}  // namespace ckpt::h5parse
