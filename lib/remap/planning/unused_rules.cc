#include <algorithm>
#include <map>
#include <set>

#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "remap/planning/draft.h"
#include "remap/planning/rule_index.h"

namespace ckpt {
namespace {

// Looking for near names reads all of them: the first unused rules are worth it, not the hundredth.
constexpr std::size_t kMostSuggestions = 20;

// Runs of digits as one 0, so that "layer_12" is near to "layer_{i:int}".
std::string without_numbers(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit || !out.ends_with('0')) out += is_digit ? '0' : c;
  }
  return out;
}

// The pattern as if it were a name: its numbers are 0, its other placeholders "x".
std::string sample_of(const Rule& rule, const NamePattern& pattern) {
  std::string out;
  for (const PatternPiece& piece : pattern.pieces) {
    if (piece.slot < 0) {
      out += piece.literal;
    } else if (const auto& placeholder = rule.placeholders[static_cast<std::size_t>(piece.slot)];
               !placeholder.name.empty()) {
      out += placeholder.type == PlaceholderType::kInt ? "0" : "x";
    }
  }
  return out;
}

std::string suggest(const Draft& draft, const Rule& rule, const NamePattern& source) {
  const char separator = draft.rules.separator;
  std::string typed = sample_of(rule, source);
  // What names are compared by: the scope of a scope's depth, the tail behind a leading path, or
  // the whole name.
  const bool has_leading_path =
      !source.pieces.empty() && source.pieces[0].slot >= 0 &&
      rule.placeholders[static_cast<std::size_t>(source.pieces[0].slot)].type ==
          PlaceholderType::kPath;
  if (has_leading_path) typed.erase(0, 1);
  const auto depth = std::ranges::count(typed, separator);
  if (typed.empty()) return "";
  const bool has_placeholders =
      !is_exact(source) && !(is_scope(rule, source) && source.pieces.size() == 2);
  std::map<std::string, std::string> found;  // what is compared → what is shown
  for (const Source& each : draft.sources) {
    std::string_view part = each.name;
    if (has_leading_path) {
      std::size_t at = part.size();
      for (auto left = depth; left > 0 && at != std::string_view::npos && at > 0; --left) {
        at = part.rfind(separator, at - 1);
      }
      if (at == std::string_view::npos || (depth > 0 && at == 0)) continue;
      part = depth > 0 ? part.substr(at) : part;
    } else if (is_scope(rule, source)) {
      std::size_t at = 0;
      for (auto left = depth; left > 0 && at != std::string_view::npos; --left) {
        at = part.find(separator, at);
        if (at != std::string_view::npos) ++at;
      }
      if (at == std::string_view::npos) continue;
      part = part.substr(0, at);
    }
    found.emplace(has_placeholders ? without_numbers(part) : std::string(part), part);
  }
  std::vector<std::string> keys;
  for (const auto& [key, shown] : found) keys.push_back(key);
  std::vector<std::string> names;
  for (const std::string& key : nearest(has_placeholders ? without_numbers(typed) : typed, keys)) {
    names.push_back(found.at(key));
  }
  return did_you_mean(names);
}

// For each rule, are all of its targets there?
std::vector<bool> find_targets(const Draft& draft) {
  Rules as_sources{{}, draft.rules.separator};
  std::vector<std::pair<std::size_t, std::size_t>> origin;  // rule, number of its target
  for (std::size_t r = 0; r < draft.rules.rules.size(); ++r) {
    const Rule& rule = draft.rules.rules[r];
    for (const NamePattern& target : rule.targets) {
      Rule reversed;
      reversed.placeholders = rule.placeholders;
      reversed.sources = {target};
      as_sources.rules.push_back(std::move(reversed));
      origin.emplace_back(r, as_sources.rules.size() - 1);
    }
  }
  std::vector<bool> is_found(as_sources.rules.size());
  const RuleIndex index(as_sources);
  std::vector<Hit> hits;
  for (const Source& source : draft.sources) {
    index.find(source.name, hits);
    for (const Hit& hit : hits) is_found[hit.rule] = true;
  }
  std::vector<bool> out(draft.rules.rules.size(), true);
  for (const auto& [r, target] : origin) out[r] = out[r] && is_found[target];
  return out;
}

// Every name under the target already, and the rule would put it under it once more?
void note_repetition(Draft& draft, std::size_t r) {
  const Rule& rule = draft.rules.rules[r];
  if (rule.sources.size() != 1 || rule.targets.size() != 1 || !is_scope(rule, rule.sources[0]))
    return;
  const std::string_view scope = literal_prefix(rule.targets[0]);
  if (rule.sources[0].pieces.size() != 1 || scope.empty() || rule.targets[0].pieces.size() != 2)
    return;
  const bool all = std::ranges::all_of(draft.plan.moves, [&](const Move& move) {
    return move.rule != static_cast<std::int32_t>(r) || move.from.starts_with(scope);
  });
  if (!all) return;
  draft.plan.notes.push_back(cat("all names are under '", escape(scope), "' already; ",
                                 describe(draft.rules, r), " puts them under it once more"));
}

}  // namespace

bool is_already_migrated(const Draft& draft, std::span<const std::size_t> matches) {
  if (std::ranges::any_of(matches, [](std::size_t count) { return count > 0; })) return false;
  const auto& rules = draft.rules.rules;
  if (std::ranges::all_of(rules, &Rule::optional)) return false;
  const std::vector<bool> targets = find_targets(draft);
  for (std::size_t r = 0; r < rules.size(); ++r) {
    if (!rules[r].optional && !targets[r]) return false;
  }
  return true;
}

void find_unused_rules(Draft& draft, std::span<const std::size_t> matches) {
  const auto& rules = draft.rules.rules;
  std::size_t suggested = 0;
  for (std::size_t r = 0; r < rules.size(); ++r) {
    if (draft.plan.claims[r] > 0) note_repetition(draft, r);
    if (matches[r] > 0 || rules[r].optional) continue;
    std::string guess;
    if (!rules[r].sources.empty() && suggested++ < kMostSuggestions) {
      guess = suggest(draft, rules[r], rules[r].sources[0]);
    }
    std::string message = cat(describe(draft.rules, r), " matches nothing", guess);
    if (!draft.plan.already_migrated) {
      draft.add_problem(ProblemCode::kUnusedRule, std::move(message), {});
    } else if (!guess.empty()) {
      draft.plan.notes.push_back(std::move(message));
    }
  }
}

}  // namespace ckpt
