#include "dups/fix_rules.h"

#include <algorithm>
#include <string_view>

namespace ckpt {
namespace {

constexpr std::string_view kDrop = " = -";

bool is_scope(std::string_view name) { return name.ends_with('/') || name.ends_with('.'); }

// Is `inner` the same name as `outer`, or a name in that scope?
bool holds(std::string_view outer, std::string_view inner) {
  return outer == inner || (is_scope(outer) && inner.starts_with(outer));
}

bool overlap(std::string_view a, std::string_view b) { return holds(a, b) || holds(b, a); }

// What a rule that drops is about: "net/" of "net/{_:path} = -".
std::string_view target_of(std::string_view rule) {
  rule.remove_suffix(kDrop.size());
  for (const std::string_view rest : {"{_:path}", "{_}"}) {
    if (rule.ends_with(rest)) rule.remove_suffix(rest.size());
  }
  return rule;
}

class FixMap {
 public:
  void add(const Finding& finding) {
    std::vector<std::string_view> kept;
    std::vector<std::string_view> dropped;
    for (std::size_t i = 0; i < finding.members.size(); ++i) {
      const bool is_kept = std::ranges::find(finding.keep, i) != finding.keep.end();
      (is_kept ? kept : dropped).emplace_back(finding.members[i].name);
    }
    // Rules that move names take nothing away.
    const bool drops = std::ranges::any_of(
        finding.rules, [](const std::string& rule) { return rule.ends_with(kDrop); });
    if (drops && (meet(dropped, kept_) || meet(kept, dropped_))) return;
    for (const std::string& rule : finding.rules) {
      if (!rule.ends_with(kDrop)) {
        if (std::ranges::find(moves_, rule) == moves_.end()) moves_.push_back(rule);
        continue;
      }
      const bool is_covered = std::ranges::any_of(drops_, [&](const std::string& other) {
        return holds(target_of(other), target_of(rule));
      });
      if (!is_covered) drops_.push_back(rule);
    }
    if (!drops) return;
    kept_.insert(kept_.end(), kept.begin(), kept.end());
    dropped_.insert(dropped_.end(), dropped.begin(), dropped.end());
  }

  std::vector<std::string> rules() && {
    std::ranges::move(moves_, std::back_inserter(drops_));
    return std::move(drops_);
  }

 private:
  static bool meet(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
    return std::ranges::any_of(a, [&](std::string_view x) {
      return std::ranges::any_of(b, [&](std::string_view y) { return overlap(x, y); });
    });
  }

  std::vector<std::string_view> kept_;  // by findings whose rules are in
  std::vector<std::string_view> dropped_;
  std::vector<std::string> drops_;
  std::vector<std::string> moves_;
};

}  // namespace

std::vector<std::string> fix_rules(std::span<const Finding> findings, bool all, Confidence least) {
  FixMap map;
  for (const Finding& finding : findings) {
    const bool is_asked = all && finding.fix == Fix::kOnRequest && finding.confidence >= least;
    if (finding.fix == Fix::kOffered || is_asked) map.add(finding);
  }
  return std::move(map).rules();
}

}  // namespace ckpt
