#include "scope/scope_counts.h"

#include <cassert>

#include "core/text.h"

namespace ckpt {

void ScopeCounts::record(const std::string& scope, std::size_t old_count) {
  if (open_marks_ > 0) journal_.emplace_back(scope, old_count);
}

std::size_t ScopeCounts::count(std::string_view scope) const {
  const auto it = counts_.find(scope);
  return it == counts_.end() ? 0 : it->second;
}

void ScopeCounts::add(std::string_view scope) {
  const auto it = counts_.try_emplace(std::string(scope), 0).first;
  record(it->first, it->second);
  ++it->second;
}

std::size_t ScopeCounts::first_free(std::string_view scope) {
  if (count(scope) == 0) return 0;
  std::size_t& i = none_free_below_.try_emplace(std::string(scope), 1).first->second;
  while (count(cat(scope, "_", i)) > 0) ++i;
  return i;
}

void ScopeCounts::forget_below(std::string_view scope) {
  const std::string prefix = cat(scope, "/");
  auto it = counts_.lower_bound(prefix);
  while (it != counts_.end() && it->first.starts_with(prefix)) {
    record(it->first, it->second);
    it = counts_.erase(it);
    none_free_below_.clear();
  }
}

ScopeCounts::Mark ScopeCounts::mark() {
  ++open_marks_;
  return journal_.size();
}

void ScopeCounts::rewind(Mark mark) {
  assert(open_marks_ > 0 && mark <= journal_.size());
  while (journal_.size() > mark) {
    auto& [scope, old_count] = journal_.back();
    if (old_count == 0) {
      counts_.erase(scope);
      none_free_below_.clear();
    } else {
      counts_.insert_or_assign(std::move(scope), old_count);
    }
    journal_.pop_back();
  }
  --open_marks_;
}

}  // namespace ckpt
