#pragma once

#include <cstdint>
#include <string>

#include "checkpoint/edit.h"
#include "formats/edit/outcome.h"
#include "formats/edit/wishes.h"
#include "formats/io/extent_reader.h"
#include "formats/safetensors/header.h"
#include "formats/safetensors/set_index.h"

namespace ckpt::safetensors {

// What an edit of a set of files starts from, be it in place or to a new set.
struct SetEdit {
  // `file` is the index, `path` its path. Throws Error: what reading the set throws, and resolve().
  SetEdit(const RandomFile& file, const std::string& path, const Edit& edit,
          const EditOptions& options);

  SetIndex index;  // the new set's, which so far has what the old one says beside its rows
  ExtentReader::Content content;  // of the old set
  Wishes wishes;
  Before before;
  EditResult result;  // its sizes are those of the old set
};

// The shards of the new set as they are made: each is looked at, and gets its rows in the index.
class SetOutcome {
 public:
  // Both must outlive this.
  SetOutcome(SetEdit& of, const Edit& edit)
      : index_(of.index), check_(of.before, of.wishes, edit) {}

  // Throws Error(kWrite) for what was not asked for.
  void see(const Header& header, std::size_t shard, const std::string& name);

  // The bytes of all tensors. Throws Error(kWrite) where one is missing.
  [[nodiscard]] std::uint64_t finish() const;

 private:
  SetIndex& index_;
  OutcomeCheck check_;
  std::uint64_t tensor_bytes_ = 0;
};

}  // namespace ckpt::safetensors
