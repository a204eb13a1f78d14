#pragma once

#include <vector>

#include "checkpoint/edit.h"
#include "formats/edit/wishes.h"
#include "formats/io/extent_reader.h"

namespace ckpt::safetensors {

// What an edit of a set asks of each of its shards. New tensors go where what they replace was,
// else to the last shard; they are made of tensors of `original`, the whole set. `edit` and
// `original` must outlive the result.
std::vector<Edit> divide(const Edit& edit, const Wishes& wishes,
                         const ExtentReader::Content& content, const Reader& original);

}  // namespace ckpt::safetensors
