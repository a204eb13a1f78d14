#include "formats/safetensors/divided_edit.h"

#include <algorithm>

#include "core/name_index.h"

namespace ckpt::safetensors {

DividedEdit::DividedEdit(const Edit& edit, const Wishes& wishes,
                         const ExtentReader::Content& content, const Reader* original)
    : edit_(edit),
      wishes_(wishes),
      original_(original),
      ends_(content.file_names.size()),
      puts_(content.file_names.size()) {
  const auto& names = wishes.names;
  const auto shard_of = [&](std::size_t i) { return content.extents[names[i].entry].file; };
  // Variables stand shard by shard.
  for (std::size_t i = 0; i < names.size(); ++i) ends_[shard_of(i)] = i + 1;
  for (std::size_t s = 1; s < ends_.size(); ++s) ends_[s] = std::max(ends_[s], ends_[s - 1]);
  if (edit.puts.empty()) return;
  const auto name_of = [&](std::uint32_t i) { return names[i].from; };
  NameIndex by_name(names.size());
  for (std::uint32_t i = 0; i < names.size(); ++i) by_name.add(i, name_of);
  for (std::size_t p = 0; p < edit.puts.size(); ++p) {
    const std::uint32_t i = by_name.find(edit.puts[p].replaces, name_of);
    puts_[i == NameIndex::kNone ? puts_.size() - 1 : shard_of(i)].push_back(p);
  }
}

Edit DividedEdit::of_shard(std::size_t shard) const {
  Edit edit;
  for (std::size_t i = shard == 0 ? 0 : ends_[shard - 1]; i < ends_[shard]; ++i) {
    const auto& name = wishes_.names[i];
    if (name.to.empty()) {
      edit.drops.emplace_back(name.from);
    } else if (name.to != name.from) {
      edit.moves.push_back({name.from, name.to});
    }
  }
  for (const std::size_t p : puts_[shard]) {
    const Put& put = edit_.puts[p];
    edit.puts.push_back(put);
    edit.puts.back().produce = [&put, original = original_](const Reader&, const auto& take) {
      put.produce(*original, take);
    };
  }
  return edit;
}

}  // namespace ckpt::safetensors
