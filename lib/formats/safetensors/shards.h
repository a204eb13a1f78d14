#pragma once

#include <memory>
#include <string>

#include "formats/io/extent_reader.h"
#include "formats/safetensors/header.h"
#include "formats/safetensors/set_index.h"
#include "storage/change_record.h"

namespace ckpt::safetensors {

// Reads the header of `file` and adds its tensors to `content` in the header's order. `name` is a
// shard's; empty for a file that stands alone. Throws Error, without the name.
void add_file(ExtentReader::Content& content, std::unique_ptr<RandomFile> file,
              const std::string& name);

// The same of a header alone, without the file that its tensors are read from.
void add_header(ExtentReader::Content& content, const Header& header, const std::string& name);

// The entry of a tensor.
Entry entry_of(const Header& header, const Tensor& tensor, const std::string& name);

// Reads every header of the set of shards whose index is at `path`: shards in the order of their
// names. Every variable that the index names must be in the shard it names. Shards of which a
// `change` speaks are read as it will leave them. Throws Error.
ExtentReader::Content read_shards(const SetIndex& index, const std::string& path,
                                  const RecordedChange* change = nullptr);

}  // namespace ckpt::safetensors
