#include "formats/safetensors/set_edit.h"

#include "formats/safetensors/set_record.h"
#include "formats/safetensors/shards.h"

namespace ckpt::safetensors {
namespace {

SetIndex read_settled_index(const RandomFile& file) {
  refuse_set_record(file);
  return read_set_index(file);
}

}  // namespace

SetEdit::SetEdit(const RandomFile& file, const std::string& path, const Edit& edit,
                 const EditOptions& options)
    : index(read_settled_index(file)), content(read_shards(index, path)) {
  index = SetIndex{.rest = std::move(index.rest)};
  wishes = resolve(content.index.entries, edit);
  before = Before(content.index);
  result.operations = operations_of(wishes, edit, options);
  for (const auto& shard : content.files) result.size_before += shard->size();
  result.size_after = result.size_before;
}

void SetOutcome::see(const Header& header, std::size_t shard, const std::string& name) {
  for (const Tensor& tensor : header.tensors) {
    check_.see(tensor.name, entry_of(header, tensor, name));
    index_.add(tensor.name, shard);
    tensor_bytes_ += tensor.end - tensor.begin;
  }
}

std::uint64_t SetOutcome::finish() const {
  check_.finish();
  return tensor_bytes_;
}

}  // namespace ckpt::safetensors
