#include "remap/lint.h"

#include <array>
#include <unordered_map>

#include "core/text.h"
#include "remap/invert.h"

namespace ckpt {
namespace {

constexpr std::array<std::string_view, kLintCodeCount> kLintNames{
    "duplicate", "never-fires", "never-complete", "same-target", "not-invertible"};

// Does some source of `wide` match all names of the source?
bool covers_source(const Rule& wide, const Rule& narrow, const NamePattern& source,
                   char separator) {
  for (const NamePattern& pattern : wide.sources) {
    if (covers(pattern, wide.placeholders, source, narrow.placeholders, separator)) return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(LintCode code) { return kLintNames[static_cast<std::size_t>(code)]; }

std::vector<LintFinding> lint(const Rules& rules) {
  std::vector<LintFinding> out;
  const auto& all = rules.rules;
  const auto say = [&](LintCode code, std::size_t r, std::string_view what) {
    out.push_back({code, r, cat(describe(rules, r), " ", what)});
  };
  std::unordered_map<std::string, std::size_t> texts;
  std::unordered_map<std::string_view, std::size_t> targets;
  const Inversion inversion = invert(rules);
  std::size_t next_offender = 0;
  for (std::size_t r = 0; r < all.size(); ++r) {
    const auto [same, is_new] = texts.emplace(print(all[r], rules.separator), r);
    if (!is_new) say(LintCode::kDuplicate, r, cat("is the same as rule ", same->second + 1));
    for (std::size_t m = 0; is_new && m < all[r].sources.size(); ++m) {
      std::size_t by = 0;
      while (by < r && !covers_source(all[by], all[r], all[r].sources[m], rules.separator)) ++by;
      if (by == r) continue;
      if (all[r].sources.size() == 1) {
        say(LintCode::kNeverFires, r,
            cat("never decides: ", describe(rules, by), " claims all that it matches"));
      } else {
        say(LintCode::kNeverComplete, r,
            cat("never joins: ", describe(rules, by), " claims its source ", m + 1));
        break;
      }
    }
    for (const NamePattern& target : all[r].targets) {
      if (!is_new || !is_exact(target)) continue;
      const auto [first, is_first] = targets.emplace(literal_prefix(target), r);
      if (!is_first) {
        say(LintCode::kSameTarget, r, cat("leads to the same name as rule ", first->second + 1));
      }
    }
    for (;
         next_offender < inversion.offenders.size() && inversion.offenders[next_offender].rule == r;
         ++next_offender) {
      const std::string& why = inversion.offenders[next_offender].why;
      if (inversion.offenders[next_offender].needs_file) continue;
      say(LintCode::kNotInvertible, r, cat("cannot be inverted: ", why));
    }
  }
  return out;
}

}  // namespace ckpt
