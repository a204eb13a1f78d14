#include "remap/plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "remap/planning/draft.h"
#include "remap/planning/rule_index.h"

namespace ckpt {
namespace {

// Names that one rule joins: those that agree in all placeholders but the one that counts them.
struct Group {
  struct Member {
    std::size_t position = 0;  // among the rule's sources; unused where a placeholder counts
    std::string_view number;   // what the counting placeholder stands for
    std::size_t source = 0;
  };
  std::size_t rule = 0;
  Bindings bindings;
  std::vector<Member> members;
};

const Op* counting_op(const Rule& rule) {
  const auto it = std::ranges::find_if(rule.ops, [](const Op& op) { return !op.by.empty(); });
  return it == rule.ops.end() ? nullptr : &*it;
}

int slot_named(const Rule& rule, const std::string& name) {
  const auto it = std::ranges::find(rule.placeholders, name, &Placeholder::name);
  return static_cast<int>(it - rule.placeholders.begin());
}

std::string_view without_zeros(std::string_view digits) {
  const auto first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  return digits.substr(first);
}

// Decimal numbers of any length in their order.
bool is_smaller(std::string_view a, std::string_view b) {
  a = without_zeros(a);
  b = without_zeros(b);
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// Claims names for rules and builds what they make of them.
class Planner {
 public:
  explicit Planner(Draft& draft) : draft_(draft), matches_(draft.rules.rules.size()) {}

  void run() {
    collect_sources();
    claim_all();
    draft_.plan.already_migrated = is_already_migrated(draft_, matches_);
    for (const Group& group : groups_) join(group);
    if (draft_.options.companions) add_companions(draft_);
    decide_rest();
    write_moves();
    note_split_aliases();
    find_conflicts(draft_);
    find_unused_rules(draft_, matches_);
    const auto order = [](const Problem& a, const Problem& b) {
      return a.code != b.code ? a.code < b.code : a.names < b.names;
    };
    std::ranges::stable_sort(draft_.plan.problems, order);
  }

 private:
  [[nodiscard]] const Rule& rule(std::size_t i) const { return draft_.rules.rules[i]; }

  void collect_sources() {
    draft_.sources.reserve(draft_.entries.size());
    for (std::size_t i = 0; i < draft_.entries.size(); ++i) {
      draft_.sources.push_back({draft_.entries[i].name, i, false});
      for (const std::string& alias : draft_.entries[i].aliases) {
        draft_.sources.push_back({alias, i, true});
      }
    }
    draft_.decisions.resize(draft_.sources.size());
  }

  void claim_all() {
    const RuleIndex index(draft_.rules);
    draft_.plan.claims.resize(draft_.rules.rules.size());
    std::map<std::pair<std::size_t, std::size_t>, Shadow> shadows;
    std::vector<Hit> hits;
    for (std::size_t s = 0; s < draft_.sources.size(); ++s) {
      index.find(draft_.sources[s].name, hits);
      if (hits.empty()) continue;
      for (const Hit& hit : hits) ++matches_[hit.rule];
      ++draft_.plan.claims[hits[0].rule];
      for (std::size_t h = 1; h < hits.size(); ++h) {
        Shadow& shadow = shadows[{hits[h].rule, hits[0].rule}];
        if (shadow.count++ == 0) {
          shadow.rule = hits[h].rule;
          shadow.by = hits[0].rule;
          shadow.example = draft_.sources[s].name;
        }
      }
      claim(s, std::move(hits[0]));
    }
    for (auto& [key, shadow] : shadows) draft_.plan.shadows.push_back(std::move(shadow));
  }

  void claim(std::size_t s, Hit hit) {
    const Rule& decided = rule(hit.rule);
    Decision& decision = draft_.decisions[s];
    decision.is_made = true;
    decision.why = Why::kRule;
    decision.rule = static_cast<std::int32_t>(hit.rule);
    if (is_drop(decided)) {
      decision.is_drop = true;
    } else if (decided.ops.empty()) {
      decision.to =
          draft_.plan.strings.add(named(s, hit.rule, expand(decided.targets[0], hit.bindings)));
    } else if (std::ranges::any_of(decided.ops, [](const Op& op) { return is_joining(op.kind); })) {
      add_to_group(s, std::move(hit));
    } else {
      transform(hit.rule, {s}, hit.bindings);
    }
  }

  // A target's name, which only a regular expression can make empty.
  std::string named(std::size_t s, std::size_t r, std::string name) {
    if (!name.empty()) return name;
    std::string from(draft_.sources[s].name);
    draft_.add_problem(ProblemCode::kBadName,
                       cat("'", escape(from), "': ", describe(draft_.rules, r), " leaves no name"),
                       {from});
    return from;
  }

  void add_to_group(std::size_t s, Hit hit) {
    const Rule& decided = rule(hit.rule);
    const Op* counting = counting_op(decided);
    Group::Member member{hit.member, {}, s};
    if (counting != nullptr && is_joining(counting->kind)) {
      std::string_view& number =
          hit.bindings[static_cast<std::size_t>(slot_named(decided, counting->by))];
      member.number = number;
      number = {};
    }
    std::string key = cat(hit.rule);
    for (const std::string_view binding : hit.bindings) key += cat(" ", binding.size(), binding);
    const auto [it, is_new] = group_of_.emplace(std::move(key), groups_.size());
    if (is_new) groups_.push_back({hit.rule, std::move(hit.bindings), {}});
    groups_[it->second].members.push_back(member);
  }

  void join(const Group& group) {
    const Rule& decided = rule(group.rule);
    Group sorted = group;
    const bool is_counted = !group.members[0].number.empty();
    const auto before = [&](const Group::Member& a, const Group::Member& b) {
      return is_counted ? is_smaller(a.number, b.number) : a.position < b.position;
    };
    std::ranges::stable_sort(sorted.members, before);
    const bool is_complete =
        is_counted ? check_counted(sorted) : sorted.members.size() == decided.sources.size();
    if (!is_complete) {
      if (!is_counted) report_missing(sorted);
      for (const Group::Member& member : sorted.members) {
        draft_.decisions[member.source].to = draft_.sources[member.source].name;
      }
      return;
    }
    std::vector<std::size_t> members;
    for (const Group::Member& member : sorted.members) members.push_back(member.source);
    transform(group.rule, members, group.bindings);
  }

  // Are the numbers of the members consecutive?
  bool check_counted(const Group& group) {
    std::vector<std::string> names;
    for (const Group::Member& member : group.members) {
      names.emplace_back(draft_.sources[member.source].name);
    }
    std::string fault;
    for (std::size_t i = 1; i < group.members.size() && fault.empty(); ++i) {
      const auto low = without_zeros(group.members[i - 1].number);
      const auto high = without_zeros(group.members[i].number);
      std::string next(low);  // low + 1
      std::size_t digit = next.size();
      while (digit > 0 && next[digit - 1] == '9') next[--digit] = '0';
      if (digit == 0) {
        next.insert(0, 1, '1');
      } else {
        ++next[digit - 1];
      }
      if (low == high) fault = cat("number ", low, " is there twice");
      if (low != high && next != high) fault = cat("number ", next, " is missing");
    }
    if (fault.empty()) return true;
    draft_.add_problem(
        ProblemCode::kMissingMember,
        cat(describe(draft_.rules, group.rule), ": ", fault, " among ", list_names(names)), names);
    return false;
  }

  void report_missing(const Group& group) {
    const Rule& decided = rule(group.rule);
    std::vector<std::string> missing;
    std::vector<std::string> found;
    for (const Group::Member& member : group.members) {
      found.emplace_back(draft_.sources[member.source].name);
    }
    for (std::size_t m = 0; m < decided.sources.size(); ++m) {
      const auto is_m = [&](const Group::Member& member) { return member.position == m; };
      if (std::ranges::none_of(group.members, is_m)) {
        missing.push_back(expand(decided.sources[m], group.bindings));
      }
    }
    const bool one = missing.size() == 1;
    draft_.add_problem(ProblemCode::kMissingMember,
                       cat(describe(draft_.rules, group.rule), ": ", list_names(missing),
                           one ? " is missing or claimed by an earlier rule"
                               : " are missing or claimed by earlier rules",
                           "; it would be joined with ", list_names(found)),
                       missing);
  }

  // Builds the rule's transform of these sources. Where it changes no values, it is a plain move.
  void transform(std::size_t r, const std::vector<std::size_t>& members, const Bindings& bindings) {
    const Rule& decided = rule(r);
    Transform made;
    made.rule = static_cast<std::int32_t>(r);
    for (const std::size_t s : members) {
      const Entry& entry = draft_.entries[draft_.sources[s].entry];
      made.from.emplace_back(draft_.sources[s].name);
      made.entries.push_back(draft_.sources[s].entry);
      made.before.push_back({entry.dtype, entry.shape});
    }
    ResolvedOps resolved;
    try {
      resolved = resolve_ops(decided.ops, made.before, decided.targets.size());
    } catch (const Error& e) {
      draft_.add_problem(
          ProblemCode::kBadOperation,
          cat(list_names(made.from), ": ", describe(draft_.rules, r), ": ", e.what()), made.from);
      for (const std::size_t s : members) draft_.decisions[s].to = draft_.sources[s].name;
      return;
    }
    made.ops = std::move(resolved.ops);
    for (std::size_t i = 0; i < resolved.after.size(); ++i) {
      made.to.push_back(
          {named(members[0], r, target_name(decided, bindings, i)), std::move(resolved.after[i])});
    }
    Decision& first = draft_.decisions[members[0]];
    if (members.size() == 1 && made.to.size() == 1) {
      first.to = draft_.plan.strings.add(made.to[0].name);
      if (made.ops.empty()) return;
      if (const auto shared = transform_of_variable(members[0], made)) {
        first.transform = *shared;
        return;
      }
    }
    const auto index = static_cast<std::int32_t>(draft_.plan.transforms.size());
    for (const std::size_t s : members) draft_.decisions[s].transform = index;
    draft_.plan.transforms.push_back(std::move(made));
  }

  // The transform of an alias's variable, where it does the same: then they stay one tensor.
  [[nodiscard]] std::optional<std::int32_t> transform_of_variable(std::size_t s,
                                                                  const Transform& made) const {
    if (!draft_.sources[s].is_alias) return std::nullopt;
    std::size_t own = s;
    while (draft_.sources[own].is_alias) --own;
    for (; own < s; ++own) {
      const std::int32_t t = draft_.decisions[own].transform;
      if (t == kNoIndex) continue;
      const Transform& other = draft_.plan.transforms[static_cast<std::size_t>(t)];
      if (other.entries == made.entries && other.ops == made.ops && other.to.size() == 1) return t;
    }
    return std::nullopt;
  }

  static std::string target_name(const Rule& decided, const Bindings& bindings, std::size_t i) {
    const Op* counting = counting_op(decided);
    if (counting == nullptr || is_joining(counting->kind)) {
      return expand(decided.targets[i < decided.targets.size() ? i : 0], bindings);
    }
    const std::string number = cat(i);
    Bindings all = bindings;
    all.resize(decided.placeholders.size());
    all[static_cast<std::size_t>(slot_named(decided, counting->by))] = number;
    return expand(decided.targets[0], all);
  }

  void decide_rest() {
    std::vector<std::string> unclaimed;
    for (std::size_t s = 0; s < draft_.sources.size(); ++s) {
      Decision& decision = draft_.decisions[s];
      if (decision.is_made) continue;
      decision.to = draft_.sources[s].name;
      if (draft_.plan.already_migrated) continue;  // done before: the rest was seen to, too
      decision.is_drop = draft_.options.rest == Rest::kDrop;
      if (draft_.options.rest == Rest::kError) unclaimed.emplace_back(decision.to);
    }
    if (unclaimed.empty()) return;
    std::string message = cat("no rule claims ", list_names(unclaimed));
    draft_.add_problem(ProblemCode::kUnclaimed, std::move(message), std::move(unclaimed));
  }

  void write_moves() {
    draft_.plan.moves.reserve(draft_.sources.size());
    for (std::size_t s = 0; s < draft_.sources.size(); ++s) {
      const Decision& decision = draft_.decisions[s];
      const std::string_view name = draft_.sources[s].name;
      Move move{draft_.plan.strings.add(name),
                "",
                draft_.sources[s].entry,
                decision.why,
                draft_.sources[s].is_alias,
                decision.rule,
                decision.transform};
      if (decision.is_drop) {
        const Entry& entry = draft_.entries[move.entry];
        draft_.plan.drops.push_back({std::string(move.from), {entry.dtype, entry.shape}});
      }
      if (decision.is_drop || !decision.to.empty()) {
        if (!decision.is_drop)
          move.to = decision.to.data() == name.data() ? move.from : decision.to;
        draft_.plan.moves.push_back(move);
        continue;
      }
      for (const PlannedVariable& output :
           draft_.plan.transforms[static_cast<std::size_t>(decision.transform)].to) {
        move.to = draft_.plan.strings.add(output.name);
        draft_.plan.moves.push_back(move);
      }
    }
  }

  void note_split_aliases() {
    const auto& moves = draft_.plan.moves;
    std::size_t own = 0;
    for (std::size_t i = 0; i < moves.size(); ++i) {
      if (!moves[i].is_alias) {
        own = i;
      } else if (moves[i].transform != moves[own].transform && !is_drop(moves[i]) &&
                 !is_drop(moves[own])) {
        draft_.plan.notes.push_back(
            cat("'", escape(moves[i].from), "' and '", escape(moves[own].from),
                "' are one tensor, but only one of them is changed: they will be two"));
      }
    }
  }

  Draft& draft_;
  std::vector<std::size_t> matches_;  // for each rule, the names it matches, claimed or not
  std::vector<Group> groups_;
  std::unordered_map<std::string, std::size_t> group_of_;
};

}  // namespace

Plan make_plan(std::span<const Entry> entries, const Rules& rules, const PlanOptions& options) {
  Draft draft{entries, rules, options, {}, {}, {}};
  Planner(draft).run();
  return std::move(draft.plan);
}

bool has_changes(const Plan& plan) {
  return !std::ranges::all_of(plan.moves, [](const Move& move) { return is_unchanged(move); });
}

std::vector<PlannedVariable> outcome_of(const Plan& plan, std::span<const Entry> entries) {
  std::vector<PlannedVariable> out;
  std::vector<bool> is_done(plan.transforms.size());
  for (const Move& move : plan.moves) {
    if (move.is_alias || is_drop(move)) continue;
    if (move.transform == kNoIndex) {
      const Entry& entry = entries[move.entry];
      out.push_back({std::string(move.to), {entry.dtype, entry.shape}});
      continue;
    }
    const auto t = static_cast<std::size_t>(move.transform);
    if (is_done[t]) continue;
    is_done[t] = true;
    for (const PlannedVariable& output : plan.transforms[t].to) out.push_back(output);
  }
  return out;
}

}  // namespace ckpt
