#include "formats/safetensors/edit_shards.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/edit/wishes.h"
#include "formats/io/json.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/divided_edit.h"
#include "formats/safetensors/edit.h"
#include "formats/safetensors/edit_set.h"
#include "formats/safetensors/format.h"
#include "formats/safetensors/header.h"
#include "formats/safetensors/new_set.h"
#include "formats/safetensors/shard_names.h"
#include "formats/safetensors/shards.h"

namespace ckpt::safetensors {

EditResult edit_shards(const std::string& path, const std::string& target, const Edit& edit,
                       const EditOptions& options) {
  if (target.empty()) return edit_set(path, edit, options);
  const auto file = open_file(path);
  nlohmann::json index = parse_json(read_json_text(*file), "the index");
  const auto original = kIndexFormat.open(open_file(path), path, {});
  const Index& before = original->index();
  const ExtentReader::Content content = read_shards(*file, path);
  const Wishes wishes = resolve(before.entries, edit);
  EditResult result;
  result.operations = operations_of(wishes, edit);
  result.size_before = result.size_after = before.file_bytes;
  if (options.plan_only) return result;

  const auto edits = divide(edit, wishes, content, *original);
  const std::string stem = stem_of_index(target);
  std::vector<std::string> names;
  for (std::size_t s = 0; s < edits.size(); ++s) names.push_back(shard_name(stem, s, edits.size()));
  NewSet set(target, names, options.overwrite);
  EditOptions own = options;
  own.before_commit = nullptr;
  own.overwrite = Overwrite::kYes;  // what a killed run has left
  auto& map = index["weight_map"] = nlohmann::json::object();
  ExtentReader::Content after;
  result.size_after = 0;
  std::uint64_t total = 0;
  for (std::size_t s = 0; s < edits.size(); ++s) {
    const std::string& name = names[s];
    try {
      const EditResult part =
          safetensors::edit(beside(path, content.file_names[s]), set.path_of(s), edits[s], own);
      result.patched_bytes += part.patched_bytes;
      result.tensor_bytes += part.tensor_bytes;
      result.size_after += part.size_after;
      for (const std::string& note : part.notes) result.notes.push_back(cat(name, ": ", note));
    } catch (const Error& e) {
      throw e.in(escape(name));
    }
    Header header = read_header(*open_file(set.path_of(s)));
    for (const Tensor& tensor : header.tensors) {
      map[tensor.name] = name;
      total += tensor.end - tensor.begin;
    }
    add_header(after, std::move(header), name);
  }
  index["metadata"]["total_size"] = total;
  const std::string text = index.dump(2) + "\n";
  result.size_after += text.size();
  check_outcome(before, wishes, edit, after.index);
  result.how = EditResult::How::kNewFile;
  if (options.before_commit) options.before_commit(result);
  set.commit(text);
  return result;
}

}  // namespace ckpt::safetensors
