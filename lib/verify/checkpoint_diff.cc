#include "verify/checkpoint_diff.h"

#include <algorithm>

#include "core/escape.h"
#include "core/text.h"
#include "verify/renames.h"

namespace ckpt {
namespace {

// A checkpoint whose names have another separator.
class SeparatorView final : public Reader {
 public:
  SeparatorView(const Reader& base, char separator) : base_(base), index_(base.index()) {
    for (Entry& entry : index_.entries) {
      std::ranges::replace(entry.name, index_.separator, separator);
      for (std::string& alias : entry.aliases) {
        std::ranges::replace(alias, index_.separator, separator);
      }
    }
    index_.separator = separator;
  }

  [[nodiscard]] const Index& index() const override { return index_; }
  [[nodiscard]] Details details(std::size_t i) const override { return base_.details(i); }

 private:
  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    base_.read(i, first, out);
  }
  void do_check_whole(std::size_t i) const override { base_.check_whole(i); }

  const Reader& base_;
  Index index_;
};

// Two names of A that only their separators tell apart would be one.
bool has_unique_names(const Index& index) {
  std::vector<std::string_view> names;
  for (const Entry& entry : index.entries) names.push_back(entry.name);
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) == names.end();
}

CheckpointDiff diff_named(const Reader& a, const Reader& b, const Reader& a_as_is) {
  CheckpointDiff diff;
  std::vector<std::size_t> lost;
  std::vector<std::size_t> added;
  for (VariableCheck& check : check_variables(a, b, {})) {
    switch (check.standing) {
      case Standing::kSame:
        ++diff.same;
        break;
      case Standing::kValues: {
        const Closeness closeness = closeness_of(a, *a.find(check.name), b, *b.find(check.name));
        diff.changed.push_back({std::move(check), closeness});
        break;
      }
      case Standing::kSpec:
        diff.changed.push_back({std::move(check), {}});
        break;
      case Standing::kLost:
        lost.push_back(*a.find(check.name));
        break;
      case Standing::kAdded:
        added.push_back(*b.find(check.name));
        break;
      case Standing::kUnread:
        diff.unread.push_back(cat(escape(check.name), ": ", check.what));
        break;
    }
  }
  for (const Rename& rename : find_renames(a, lost, b, added)) {
    diff.renamed.push_back(
        {a_as_is.index().entries[rename.a].name, b.index().entries[rename.b].name, rename.how});
    std::erase(lost, rename.a);
    std::erase(added, rename.b);
  }
  for (const std::size_t i : lost) diff.only_a.push_back(a_as_is.index().entries[i].name);
  for (const std::size_t j : added) diff.only_b.push_back(b.index().entries[j].name);
  return diff;
}

}  // namespace

CheckpointDiff diff_checkpoints(const Reader& a, const Reader& b) {
  if (a.index().separator == b.index().separator) return diff_named(a, b, a);
  const SeparatorView view(a, b.index().separator);
  return has_unique_names(view.index()) ? diff_named(view, b, a) : diff_named(a, b, a);
}

}  // namespace ckpt
