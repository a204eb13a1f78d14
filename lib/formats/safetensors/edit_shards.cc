#include "formats/safetensors/edit_shards.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/divided_edit.h"
#include "formats/safetensors/edit.h"
#include "formats/safetensors/edit_set.h"
#include "formats/safetensors/format.h"
#include "formats/safetensors/header.h"
#include "formats/safetensors/new_set.h"
#include "formats/safetensors/set_edit.h"
#include "formats/safetensors/shard_names.h"

namespace ckpt::safetensors {

EditResult edit_shards(const std::string& path, const std::string& target, const Edit& edit,
                       const EditOptions& options) {
  if (target.empty()) return edit_set(path, edit, options);
  const auto file = open_file(path);
  SetEdit old(*file, path, edit, options);
  auto& [index, content, wishes, before, result] = old;
  if (options.plan_only) return std::move(result);

  const auto original = edit.puts.empty() ? nullptr : kIndexFormat.open(open_file(path), path, {});
  const DividedEdit edits(edit, wishes, content, original.get());
  content.index = Index();  // of the old set the files are needed from now on, and their names
  content.extents = std::vector<Extent>();
  const std::size_t count = content.file_names.size();
  const std::string stem = stem_of_index(target);
  std::vector<std::string> names;
  for (std::size_t s = 0; s < count; ++s) names.push_back(shard_name(stem, s, count));
  NewSet set(target, names, options.overwrite);
  EditOptions own = options;
  own.before_commit = nullptr;
  own.overwrite = Overwrite::kYes;  // what a killed run has left
  SetOutcome outcome(old, edit);
  result.size_after = 0;
  for (std::size_t s = 0; s < count; ++s) {
    const std::string& name = names[s];
    try {
      const EditResult part = safetensors::edit(beside(path, content.file_names[s]), set.path_of(s),
                                                edits.of_shard(s), own);
      result.patched_bytes += part.patched_bytes;
      result.tensor_bytes += part.tensor_bytes;
      result.size_after += part.size_after;
      for (const std::string& note : part.notes) result.notes.push_back(cat(name, ": ", note));
    } catch (const Error& e) {
      throw e.in(escape(name));
    }
    outcome.see(read_header(*open_file(set.path_of(s))), s, name);
  }
  index.shards = std::move(names);
  index.rest["metadata"]["total_size"] = outcome.finish();
  std::string text = print_set_index(std::move(index));
  result.size_after += text.size();
  result.how = EditResult::How::kNewFile;
  if (options.before_commit) options.before_commit(result);
  set.commit(std::move(text));
  return std::move(result);
}

}  // namespace ckpt::safetensors
