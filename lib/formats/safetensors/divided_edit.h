#pragma once

#include <vector>

#include "checkpoint/edit.h"
#include "formats/edit/wishes.h"
#include "formats/io/extent_reader.h"

namespace ckpt::safetensors {

// What an edit of a set asks of each of its shards. New tensors go where what they replace was,
// else to the last shard; they are made of tensors of `original`, the whole set, which may be null
// where there are none. `edit`, `wishes` and `original` must outlive the division.
class DividedEdit {
 public:
  DividedEdit(const Edit& edit, const Wishes& wishes, const ExtentReader::Content& content,
              const Reader* original);

  [[nodiscard]] Edit of_shard(std::size_t shard) const;

 private:
  const Edit& edit_;
  const Wishes& wishes_;
  const Reader* original_;
  std::vector<std::size_t> ends_;               // in the wishes' names, of each shard
  std::vector<std::vector<std::size_t>> puts_;  // of each shard
};

}  // namespace ckpt::safetensors
