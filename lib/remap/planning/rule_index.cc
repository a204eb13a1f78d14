#include "remap/planning/rule_index.h"

#include <algorithm>

namespace ckpt {

RuleIndex::RuleIndex(const Rules& rules) : rules_(rules) {
  exact_.reserve(rules.rules.size());
  for (std::size_t r = 0; r < rules.rules.size(); ++r) {
    const Rule& rule = rules.rules[r];
    if (is_regex(rule))
      regexes_.emplace_back(r, Regex(rule.regex, rule.placeholders.back().name.empty()));
    for (std::size_t m = 0; m < rule.sources.size(); ++m) {
      const NamePattern& source = rule.sources[m];
      const std::string_view prefix = literal_prefix(source);
      if (is_exact(source)) {
        exact_[prefix].push_back({r, m});
      } else if (prefix.empty()) {
        anywhere_.push_back({r, m});
      } else {
        by_prefix_[prefix].push_back({r, m});
        prefix_lengths_.push_back(prefix.size());
      }
    }
  }
  std::ranges::sort(prefix_lengths_);
  const auto repeated = std::ranges::unique(prefix_lengths_);
  prefix_lengths_.erase(repeated.begin(), repeated.end());
}

void RuleIndex::try_bucket(const Bucket& bucket, std::string_view name,
                           std::vector<Hit>& hits) const {
  Bindings bindings;
  for (const auto& [r, m] : bucket) {
    const Rule& rule = rules_.rules[r];
    if (match(rule.sources[m], rule.placeholders, name, rules_.separator, bindings)) {
      hits.push_back({r, m, std::move(bindings)});
      bindings = {};
    }
  }
}

void RuleIndex::find(std::string_view name, std::vector<Hit>& hits) const {
  hits.clear();
  if (const auto it = exact_.find(name); it != exact_.end()) try_bucket(it->second, name, hits);
  for (const std::size_t length : prefix_lengths_) {
    if (length > name.size()) break;
    const auto it = by_prefix_.find(name.substr(0, length));
    if (it != by_prefix_.end()) try_bucket(it->second, name, hits);
  }
  try_bucket(anywhere_, name, hits);
  for (const auto& [r, regex] : regexes_) {
    Bindings groups;
    if (regex.match(name, groups)) hits.push_back({r, 0, std::move(groups)});
  }
  if (hits.size() < 2) return;
  const auto before = [](const Hit& a, const Hit& b) {
    return a.rule != b.rule ? a.rule < b.rule : a.member < b.member;
  };
  std::ranges::sort(hits, before);
  const auto repeated = std::ranges::unique(hits, {}, &Hit::rule);
  hits.erase(repeated.begin(), repeated.end());
}

}  // namespace ckpt
