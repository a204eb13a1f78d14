#include <algorithm>
#include <functional>

#include "core/escape.h"
#include "core/name_set.h"
#include "core/text.h"
#include "remap/planning/draft.h"

namespace ckpt {
namespace {

// A name of the outcome and the move that brings it there.
struct Place {
  std::string_view name;
  std::size_t move = 0;
};

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// FNV-1a over the name in lower case: names that are equal but for case share it.
std::uint64_t folded_hash(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(folded(c));
    hash *= 0x100000001b3U;
  }
  return hash;
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, folded, folded);
}

class ConflictFinder {
 public:
  explicit ConflictFinder(Draft& draft) : draft_(draft), plan_(draft.plan) {}

  void run() {
    collect_places();
    find_equal_names();
    if (!draft_.options.target.variable_beside_scope) find_scopes();
    check_names();
  }

 private:
  [[nodiscard]] const Move& move(const Place& place) const { return plan_.moves[place.move]; }
  [[nodiscard]] bool stays(const Place& place) const { return is_unchanged(move(place)); }

  void collect_places() {
    places_.reserve(plan_.moves.size());
    for (std::size_t i = 0; i < plan_.moves.size(); ++i) {
      const Move& each = plan_.moves[i];
      if (is_drop(each)) continue;
      if (each.transform != kNoIndex) {
        // A joined variable is named once, by its first member.
        const Transform& made = plan_.transforms[static_cast<std::size_t>(each.transform)];
        if (made.from.size() > 1 && each.from != made.from[0]) continue;
      }
      places_.push_back({each.to, i});
    }
  }

  // "'a' (rule 1), 'b' (rule 2)": who comes to a name.
  [[nodiscard]] std::string list_sources(const std::vector<const Place*>& places) const {
    std::vector<std::string> out;
    for (const Place* place : places) {
      const Move& each = move(*place);
      if (out.size() == 5) {
        out.back() += cat(" and ", places.size() - 4, " more");
        break;
      }
      out.push_back(cat("'", escape(each.from), "'",
                        each.rule == kNoIndex ? "" : cat(" (rule ", each.rule + 1, ")")));
    }
    return join(out, ", ");
  }

  void report_equal(const std::vector<const Place*>& places) {
    std::vector<std::string> names{std::string(places[0]->name)};
    std::vector<const Place*> coming;
    bool is_taken = false;
    for (const Place* place : places) {
      if (move(*place).from != names[0]) names.emplace_back(move(*place).from);
      if (stays(*place)) {
        is_taken = true;
      } else {
        coming.push_back(place);
      }
    }
    const std::string name = escape(names[0]);
    if (is_taken) {
      draft_.add_problem(ProblemCode::kTargetTaken,
                         cat("'", name, "' stays where it is, so that ", list_sources(coming),
                             " cannot take its name; move or drop it as well"),
                         std::move(names));
    } else {
      draft_.add_problem(ProblemCode::kTwoSources,
                         cat("'", name, "' would be the name of ", places.size(),
                             " variables: ", list_sources(coming)),
                         std::move(names));
    }
  }

  // All names that are equal, or equal but for case, share a hash: one sort brings them together.
  void find_equal_names() {
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    order.reserve(places_.size());
    for (std::size_t i = 0; i < places_.size(); ++i) {
      order.emplace_back(folded_hash(places_[i].name), i);
    }
    std::ranges::sort(order);
    for (std::size_t begin = 0; begin < order.size();) {
      std::size_t end = begin + 1;
      while (end < order.size() && order[end].first == order[begin].first) ++end;
      if (end - begin > 1) {
        std::vector<const Place*> same;
        for (std::size_t i = begin; i < end; ++i) same.push_back(&places_[order[i].second]);
        examine(std::move(same));
      }
      begin = end;
    }
  }

  void examine(std::vector<const Place*> places) {
    std::ranges::stable_sort(places, {}, &Place::name);
    std::vector<const Place*> distinct;
    for (std::size_t begin = 0; begin < places.size();) {
      std::size_t end = begin + 1;
      while (end < places.size() && places[end]->name == places[begin]->name) ++end;
      if (end - begin > 1) {
        const auto at = [&](std::size_t i) {
          return places.begin() + static_cast<std::ptrdiff_t>(i);
        };
        report_equal({at(begin), at(end)});
      }
      distinct.push_back(places[begin]);
      begin = end;
    }
    if (draft_.options.target.case_pairs) return;
    for (std::size_t i = 0; i + 1 < distinct.size(); ++i) {
      for (std::size_t j = i + 1; j < distinct.size(); ++j) {
        const Place& a = *distinct[i];
        const Place& b = *distinct[j];
        if ((stays(a) && stays(b)) || !equal_but_for_case(a.name, b.name)) continue;
        draft_.add_problem(
            ProblemCode::kCaseClash,
            cat("'", escape(a.name), "' and '", escape(b.name), "' would differ in case only"),
            {std::string(a.name), std::string(b.name)});
      }
    }
  }

  // Finds names that would be a variable and a scope. Each scope is looked up once.
  void find_scopes() {
    NameSet scopes;
    std::string_view last;
    const char separator = draft_.rules.separator;
    for (const Place& place : places_) {
      std::string_view scope = place.name.substr(0, place.name.rfind(separator));
      if (scope.size() == place.name.size() || scope == last) continue;
      last = scope;
      while (scopes.insert(scope)) {
        const auto at = scope.rfind(separator);
        if (at == std::string_view::npos) break;
        scope = scope.substr(0, at);
      }
    }
    std::vector<const Place*> clashing;
    for (const Place& place : places_) {
      if (scopes.contains(place.name)) clashing.push_back(&place);
    }
    if (!clashing.empty()) report_scopes(clashing);
  }

  void report_scopes(const std::vector<const Place*>& clashing) {
    std::vector<const Place*> sorted;
    for (const Place& place : places_) sorted.push_back(&place);
    std::ranges::stable_sort(sorted, {}, &Place::name);
    NameSet done;
    for (const Place* variable : clashing) {
      if (!done.insert(variable->name)) continue;
      const std::string scope = cat(variable->name, draft_.rules.separator);
      std::vector<std::string> names{std::string(variable->name)};
      // More than one variable may have the name: a problem of its own.
      bool is_new = false;
      auto same = std::ranges::lower_bound(sorted, variable->name, {}, &Place::name);
      for (; same != sorted.end() && (*same)->name == variable->name; ++same) {
        is_new = is_new || !stays(**same);
      }
      auto it = std::ranges::lower_bound(sorted, std::string_view(scope), {}, &Place::name);
      for (; it != sorted.end() && (*it)->name.starts_with(scope); ++it) {
        names.emplace_back((*it)->name);
        is_new = is_new || !stays(**it);
      }
      if (!is_new) continue;  // the source has it so
      const std::vector<std::string> under(names.begin() + 1, names.end());
      draft_.add_problem(ProblemCode::kVariableAndScope,
                         cat("'", escape(variable->name), "' would be a variable and the scope of ",
                             list_names(under)),
                         std::move(names));
    }
  }

  [[nodiscard]] std::string fault_of(std::string_view name) const {
    const TargetLimits& limits = draft_.options.target;
    if (name.find('\0') != std::string_view::npos) return "has a zero byte";
    if (limits.longest_name != 0 && name.size() > limits.longest_name) {
      return cat("has ", name.size(), " bytes, the target allows ", limits.longest_name);
    }
    if (limits.utf8_only && !is_utf8(name)) return "is not UTF-8";
    const char separator = draft_.rules.separator;
    for (std::size_t at = 0;; ++at) {
      const std::size_t end = std::min(name.find(separator, at), name.size());
      const std::string_view segment = name.substr(at, end - at);
      if (segment.empty() && !limits.empty_segments) return "has an empty segment";
      if (segment == "." && !limits.dot_segments) return "has a segment '.'";
      if (end == name.size()) return "";
      at = end;
    }
  }

  void check_names() {
    for (const Place& place : places_) {
      if (stays(place)) continue;
      const std::string fault = fault_of(place.name);
      if (fault.empty()) continue;
      draft_.add_problem(
          ProblemCode::kBadName,
          cat("'", escape(place.name), "', from ", list_sources({&place}), ": ", fault),
          {std::string(place.name)});
    }
  }

  Draft& draft_;
  Plan& plan_;
  std::vector<Place> places_;
};

}  // namespace

void find_conflicts(Draft& draft) { ConflictFinder(draft).run(); }

}  // namespace ckpt
