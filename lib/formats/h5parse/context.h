#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "formats/h5parse/file.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/superblock.h"
#include "formats/hdf5/id_map.h"

namespace ckpt::h5parse {

enum class Mode : std::uint8_t {
  kStrict,   // the first damage is an Error
  kSalvage,  // damage becomes a note, and what is whole behind it is read
};

// What all parsing functions share: the file, what its superblock says, and what was found odd.
class Context {
 public:
  Context(const RandomFile& random_file, Mode reading_mode)
      : file(random_file), mode(reading_mode) {}

  // Keeps a sentence about an oddity, a thousand of them at most.
  void note(std::string sentence) const {
    const bool is_known = std::ranges::find(notes, sentence) != notes.end();
    if (!is_known && notes.size() < kMaxNotes) notes.push_back(std::move(sentence));
  }

  // Runs `f`. In salvage mode an Error becomes a note and the answer is false.
  template <typename F>
  bool attempt(const F& f) const {
    try {
      f();
      return true;
    } catch (const Error& e) {
      if (mode == Mode::kStrict) throw;
      note(e.what());
      return false;
    }
  }

  // The structure at `address` belongs to one object only: throws Error(kCorrupt) where it was
  // claimed for another one. So a small file cannot be read a million times over.
  void claim(std::string_view what, std::uint64_t address, std::uint64_t object) const {
    if (address == kUndefined) corrupt(what, ": has no address");
    const auto [owner, is_new] = owners_.try_emplace(address);
    if (is_new) *owner = object;
    if (*owner == object) return;
    corrupt(what, " at ", address, ": belongs to the objects at ", *owner, " and ", object);
  }

  File file;
  Superblock superblock;
  Mode mode;
  mutable std::vector<std::string> notes;

 private:
  mutable hdf5::IdMap<std::uint64_t> owners_;
};

}  // namespace ckpt::h5parse
