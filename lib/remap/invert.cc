#include "remap/invert.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "remap/planning/draft.h"
#include "remap/planning/invert_op.h"

namespace ckpt {
namespace {

using Specs = std::vector<TensorSpec>;

// What each rule is applied to in a file: a list of members for each of its results.
std::vector<std::vector<Specs>> uses_of(const Rules& rules, std::span<const Entry> entries,
                                        const PlanOptions& options) {
  std::vector<std::vector<Specs>> uses(rules.rules.size());
  const Plan plan = make_plan(entries, rules, options);
  std::set<std::int32_t> seen;
  for (const Move& move : plan.moves) {
    if (move.why != Why::kRule) continue;
    auto& of_rule = uses[static_cast<std::size_t>(move.rule)];
    if (move.transform == kNoIndex) {
      of_rule.push_back({{entries[move.entry].dtype, entries[move.entry].shape}});
    } else if (seen.insert(move.transform).second) {
      of_rule.push_back(plan.transforms[static_cast<std::size_t>(move.transform)].before);
    }
  }
  return uses;
}

// The first reason why the names of a rule cannot be turned around; empty where they can.
std::string fault_of_names(const Rule& rule) {
  if (is_regex(rule)) return "a regular expression";
  if (is_drop(rule)) return "what is dropped does not come back";
  std::string counting;
  for (const Op& op : rule.ops) {
    if (!op.by.empty()) counting = op.by;
  }
  for (std::size_t slot = 0; slot < rule.placeholders.size(); ++slot) {
    const std::string& name = rule.placeholders[slot].name;
    if (name == counting && !name.empty()) continue;
    for (const NamePattern& target : rule.targets) {
      if (!has_slot(target, static_cast<int>(slot))) {
        return name.empty() ? "the rest of the name is lost" : cat("{", name, "} is lost");
      }
    }
  }
  for (const NamePattern& target : rule.targets) {
    for (std::size_t i = 1; i < target.pieces.size(); ++i) {
      if (target.pieces[i - 1].slot >= 0 && target.pieces[i].slot >= 0) {
        return "two placeholders of the target have no text between them";
      }
    }
  }
  return "";
}

// The operations backwards, as the first use of the rule has it; every other use must agree.
struct Backwards {
  std::vector<Op> ops;
  std::string why;
  bool needs_file = false;
};

Backwards invert_ops(const Rule& rule, Specs specs) {
  Backwards out;
  for (const Op& op : rule.ops) {
    const InvertedOp inverted = invert_op(op, specs);
    if (!inverted.op || inverted.is_lossy) {
      out.why = inverted.op ? cat(to_string(op), ": does not keep all values of ",
                                  name_of(specs.front().dtype))
                            : inverted.why;
      out.needs_file = inverted.needs_specs;
      return out;
    }
    out.ops.insert(out.ops.begin(), *inverted.op);
    if (!specs.empty()) specs = resolve_ops(std::span(&op, 1), specs, rule.targets.size()).after;
  }
  return out;
}

Backwards invert_ops(const Rule& rule, const std::vector<Specs>& uses) {
  if (uses.empty()) return invert_ops(rule, Specs{});
  Backwards first = invert_ops(rule, uses[0]);
  for (std::size_t i = 1; i < uses.size() && first.why.empty(); ++i) {
    Backwards other = invert_ops(rule, uses[i]);
    if (!other.why.empty()) return other;
    if (other.ops != first.ops) {
      first.why = "its operations lead back in different ways for different variables";
    }
  }
  return first;
}

std::size_t literal_length(const NamePattern& pattern) {
  std::size_t length = 0;
  for (const PatternPiece& piece : pattern.pieces) length += piece.literal.size();
  return length;
}

// Entries of the outcome of a plan, as a file of it would have them.
std::vector<Entry> entries_of(const std::vector<PlannedVariable>& outcome, char separator) {
  std::vector<Entry> entries;
  std::vector<Leaf> leaves;
  for (const PlannedVariable& output : outcome) {
    Entry entry;
    entry.name = output.name;
    entry.dtype = output.spec.dtype;
    entry.shape = output.spec.shape;
    entries.push_back(std::move(entry));
  }
  for (const Entry& entry : entries) leaves.push_back({entry.name, &entry.shape});
  const std::vector<Role> roles = roles_of(leaves, separator);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].role = roles[i];
  return entries;
}

std::vector<std::string> names_of(const std::vector<PlannedVariable>& outputs) {
  std::vector<std::string> names;
  for (const PlannedVariable& output : outputs) names.push_back(output.name);
  return names;
}

// Does `back` take apart what `there` made, into the same members by the opposite operations?
bool is_inverse(const Transform& there, const Transform& back) {
  if (back.from != names_of(there.to) || names_of(back.to) != there.from) return false;
  Specs specs = there.before;
  std::vector<Op> wanted;
  for (const Op& op : there.ops) {
    const InvertedOp inverted = invert_op(op, specs);
    if (!inverted.op || inverted.is_lossy) return false;
    wanted.insert(wanted.begin(), *inverted.op);
    specs = resolve_ops(std::span(&op, 1), specs, there.to.size()).after;
  }
  return resolve_ops(wanted, specs, there.from.size()).ops == back.ops;
}

// What the way back makes of the names that there is on the way.
class Returns {
 public:
  explicit Returns(const Plan& back) : back_(back) {
    for (const Move& move : back.moves) moves_.emplace(move.from, &move);
  }

  // Where the first part of what has that name goes; empty where it is dropped.
  [[nodiscard]] std::string name_of(std::string_view name) const {
    const auto it = moves_.find(name);
    return std::string(it == moves_.end() ? std::string_view{} : it->second->to);
  }

  [[nodiscard]] bool restores(const Move& there, const Plan& plan) const {
    const auto it = moves_.find(there.to);
    if (is_drop(there) || it == moves_.end()) return false;
    const Move& back = *it->second;
    if (there.transform == kNoIndex) {
      return back.transform == kNoIndex && back.to == there.from;
    }
    return back.transform != kNoIndex &&
           is_inverse(plan.transforms[static_cast<std::size_t>(there.transform)],
                      back_.transforms[static_cast<std::size_t>(back.transform)]);
  }

 private:
  const Plan& back_;
  std::map<std::string_view, const Move*> moves_;
};

}  // namespace

Inversion invert(const Rules& rules, std::span<const Entry> entries, const PlanOptions& options) {
  Inversion out;
  out.rules.separator = rules.separator;
  std::vector<std::vector<Specs>> uses(rules.rules.size());
  if (!entries.empty()) uses = uses_of(rules, entries, options);
  for (std::size_t r = 0; r < rules.rules.size(); ++r) {
    const Rule& rule = rules.rules[r];
    if (std::string why = fault_of_names(rule); !why.empty()) {
      out.offenders.push_back({r, std::move(why), false});
      continue;
    }
    Backwards backwards;
    try {
      backwards = invert_ops(rule, uses[r]);
    } catch (const Error& e) {
      backwards.why = e.what();  // a problem of the plan, too
    }
    if (!backwards.why.empty()) {
      out.offenders.push_back({r, std::move(backwards.why), backwards.needs_file});
      continue;
    }
    Rule inverse = rule;
    inverse.line = 0;
    std::swap(inverse.sources, inverse.targets);
    inverse.ops = std::move(backwards.ops);
    out.rules.rules.push_back(std::move(inverse));
  }
  std::ranges::stable_sort(out.rules.rules, [](const Rule& a, const Rule& b) {
    const bool exact_a = is_exact(a.sources[0]);
    const bool exact_b = is_exact(b.sources[0]);
    return exact_a != exact_b ? exact_a
                              : literal_length(a.sources[0]) > literal_length(b.sources[0]);
  });
  return out;
}

RoundTrip prove_round_trip(std::span<const Entry> entries, const Rules& rules, const Rules& inverse,
                           const PlanOptions& options) {
  RoundTrip out;
  std::vector<Entry> plain(entries.begin(), entries.end());
  for (Entry& entry : plain) entry.aliases.clear();
  const Plan there = make_plan(plain, rules, options);
  out.problems = there.problems;
  if (!out.problems.empty()) return out;
  const std::vector<Entry> between = entries_of(outcome_of(there, plain), rules.separator);
  // A rule that had nothing to do has nothing to undo.
  Rules lenient = inverse;
  for (Rule& rule : lenient.rules) rule.optional = true;
  const Plan back = make_plan(between, lenient, options);
  out.problems = back.problems;
  if (!out.problems.empty()) return out;

  const Returns returns(back);
  for (const Move& move : there.moves) {
    if (returns.restores(move, there)) continue;
    out.faults.push_back({std::string(move.from), std::string(move.to), returns.name_of(move.to)});
  }
  return out;
}

}  // namespace ckpt
