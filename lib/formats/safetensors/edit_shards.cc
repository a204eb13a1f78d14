#include "formats/safetensors/edit_shards.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/edit/edit_lock.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/divided_edit.h"
#include "formats/safetensors/edit.h"
#include "formats/safetensors/edit_set.h"
#include "formats/safetensors/format.h"
#include "formats/safetensors/header.h"
#include "formats/safetensors/new_set.h"
#include "formats/safetensors/set_edit.h"
#include "formats/safetensors/set_record.h"
#include "formats/safetensors/shard_names.h"

namespace ckpt::safetensors {

EditResult edit_shards(const std::string& path, const std::string& target, const Edit& edit,
                       const EditOptions& options) {
  if (target.empty()) return edit_set(path, edit, options);
  const EditLock lock(path, false, options);
  const auto file = lock.file().view();
  SetEdit old(*file, path, edit, options);
  auto& [index, content, wishes, before, all] = old;
  EditResult& result = all;
  if (options.plan_only) return std::move(result);

  const auto original =
      edit.puts.empty() ? nullptr : kIndexFormat.open(lock.file().view(), path, {});
  const DividedEdit edits(edit, wishes, content, original.get());
  content.index = Index();  // of the old set the files are needed from now on, and their names
  content.extents = std::vector<Extent>();
  const std::size_t count = content.file_names.size();
  const std::string stem = stem_of_index(target);
  std::vector<std::string> names;
  for (std::size_t s = 0; s < count; ++s) names.push_back(shard_name(stem, s, count));
  NewSet set(target, names, options.overwrite, options.wait, &lock.file());
  Change& change = set.change();
  check_room(change.decider().fd(), result.size_before);
  EditOptions own = options;
  own.before_commit = nullptr;
  own.locked = nullptr;
  own.planned_on.reset();
  SetOutcome outcome(old, edit);
  result.size_after = 0;
  for (std::size_t s = 0; s < count; ++s) {
    const std::string& name = names[s];
    try {
      NewFile& out = change.put(name);
      const EditResult part = edit_into(out, beside(path, content.file_names[s]), edits.of_shard(s),
                                        own, UndoOf::kNone);
      result.patched_bytes += part.patched_bytes;
      result.tensor_bytes += part.tensor_bytes;
      result.size_after += part.size_after;
      for (const std::string& note : part.notes) result.notes.push_back(cat(name, ": ", note));
      outcome.see(read_header(*view_file(out.fd())), s, name);
    } catch (const Error& e) {
      throw e.in(escape(name));
    }
  }
  index.shards = std::move(names);
  index.rest["metadata"]["total_size"] = outcome.finish();
  std::string text = print_set_index(std::move(index));
  result.size_after += text.size();
  result.how = EditResult::How::kNewFile;
  change.decider().write_at(0, as_byte_view(std::string_view(text)));
  result.fingerprint = fingerprint_of(*view_file(change.decider().fd()));
  change.commit(
      [&] {
        if (options.before_commit) options.before_commit(result);
      },
      print_set_record);
  for (const std::string& note : change.notes()) result.notes.push_back(note);
  return std::move(result);
}

}  // namespace ckpt::safetensors
