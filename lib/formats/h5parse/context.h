#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "formats/h5parse/file.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/superblock.h"
#include "formats/hdf5/claims.h"

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

  // Another object, attribute or dataset is looked at from now on.
  void begin() const {
    file.arena().clear();
    claims.begin();
  }

  File file;
  Superblock superblock;
  Mode mode;
  mutable std::vector<std::string> notes;
  mutable hdf5::Claims claims;
};

}  // namespace ckpt::h5parse
