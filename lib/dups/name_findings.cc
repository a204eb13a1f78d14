#include "dups/name_findings.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "core/escape.h"
#include "core/text.h"
#include "dups/copy_measure.h"
#include "dups/drop_rules.h"
#include "dups/twin_groups.h"

namespace ckpt {
namespace {

Member member_of(const Subject& subject, std::size_t node) {
  return {subject.input, scope_name(subject.catalogue, node)};
}

// A rule that moves all names below one scope to another; an empty one is the root.
std::string move_scope_rule(const Catalogue& catalogue, std::string_view from,
                            std::string_view to) {
  const std::string separator(1, catalogue.separator);
  if (catalogue.separator == catalogue.index->separator) {
    return cat(quote_in_rule(from), separator, " = ",
               to.empty() ? separator : cat(quote_in_rule(to), separator));
  }
  return cat(quote_in_rule(from), separator,
             "{rest} = ", to.empty() ? "" : cat(quote_in_rule(to), separator), "{rest}");
}

std::string bare_scope(const Catalogue& catalogue, std::size_t node) {
  std::string name = scope_name(catalogue, node);
  if (name.ends_with(catalogue.separator)) name.pop_back();
  return name;
}

// The child of a node with that segment.
std::optional<std::size_t> child_of(const Catalogue& catalogue, std::size_t node,
                                    std::string_view segment) {
  const auto& nodes = catalogue.nodes;
  const auto& children = nodes[node].children;
  const auto it = std::ranges::lower_bound(children, segment, {},
                                           [&](std::size_t c) { return nodes[c].segment; });
  if (it == children.end() || nodes[*it].segment != segment) return std::nullopt;
  return *it;
}

// Those of the variables below `inner` that `outer` has too, under the same relative name and with
// the same dtype and shape.
std::vector<std::pair<std::size_t, std::size_t>> shared(const Catalogue& catalogue,
                                                        std::size_t outer, std::size_t inner) {
  const auto& rows = catalogue.index->entries;
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (const std::size_t e : entries_below(catalogue, inner)) {
    std::optional<std::size_t> at = outer;
    const std::string_view separator(&catalogue.separator, 1);
    for (const auto segment : split(relative_name(catalogue, inner, e), separator)) {
      if (at) at = child_of(catalogue, *at, segment);
    }
    if (!at || !catalogue.nodes[*at].entry) continue;
    const std::size_t twin = *catalogue.nodes[*at].entry;
    if (rows[twin].dtype == rows[e].dtype && rows[twin].shape == rows[e].shape) {
      out.emplace_back(twin, e);
    }
  }
  return out;
}

// A scope that has the same variables as the scope of its own name inside it: which of the two to
// keep, and the rules for it.
void tell_repeat(const Subject& subject, std::size_t outer, std::size_t inner, Finding& finding) {
  const Catalogue& catalogue = subject.catalogue;
  std::vector<std::size_t> around = catalogue.nodes[outer].children;
  std::erase(around, inner);
  CopyMeasure one = measure_look(subject, around);
  CopyMeasure two = measure_look(subject, std::span(&inner, 1));
  measure_slots(subject, around, one);
  measure_slots(subject, std::span(&inner, 1), two);
  one.state.is_canonical = true;
  const Choice decision = decide_keep(one.state, two.state);
  finding.confidence = Confidence::kLikely;
  finding.members = {member_of(subject, outer), member_of(subject, inner)};
  finding.why = decision.why;
  finding.evidence = {cat(escape(bare_scope(catalogue, inner)),
                          " is inside a scope of its own name and repeats ",
                          count_of(catalogue.nodes[inner].variables, "variable"),
                          " of it: the same names, dtypes and shapes")};
  if (!decision.keep) {
    finding.evidence.push_back(decision.why);
    finding.fix = Fix::kNone;
    return;
  }
  finding.keep = {0};
  Drops drops = drop_rules(catalogue, *decision.keep == 0 ? std::vector{inner} : around);
  if (*decision.keep == 1) {
    finding.members = {member_of(subject, inner)};
    for (const std::size_t node : around) finding.members.push_back(member_of(subject, node));
    drops.rules.push_back(
        move_scope_rule(catalogue, bare_scope(catalogue, inner), bare_scope(catalogue, outer)));
  }
  finding.rules = std::move(drops.rules);
  finding.nbytes = drops.nbytes;
}

constexpr std::array<std::string_view, 3> kWrappers{"module", "_orig_mod", "tower_0"};
bool is_wrapper(std::string_view segment) {
  return std::ranges::find(kWrappers, segment) != kWrappers.end();
}

std::string fold_case(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

std::vector<NestedRepeat> find_nested_repeats(
    const Subject& subject, const std::function<bool(std::size_t, std::size_t)>& are_equal) {
  const Catalogue& catalogue = subject.catalogue;
  std::vector<NestedRepeat> repeats;
  for (std::size_t node = 1; node < catalogue.nodes.size(); ++node) {
    const auto inner = child_of(catalogue, node, catalogue.nodes[node].segment);
    if (!inner || catalogue.nodes[*inner].children.empty()) continue;
    const auto pairs = shared(catalogue, node, *inner);
    const std::string inner_name = bare_scope(catalogue, *inner);
    NestedRepeat repeat{.inner = *inner,
                        .is_whole = pairs.size() == catalogue.nodes[*inner].variables};
    repeat.finding = {.code = FindingCode::kNestedRepeat, .fix = Fix::kOnRequest};
    if (repeat.is_whole) {
      const auto equal =
          std::ranges::count_if(pairs, [&](const auto& p) { return are_equal(p.first, p.second); });
      tell_repeat(subject, node, *inner, repeat.finding);
      repeat.finding.evidence.push_back(cat(equal, " of them have the same bytes"));
    } else if (pairs.empty() && !catalogue.index->layout.starts_with("keras")) {
      repeat.finding.members = {member_of(subject, *inner)};
      repeat.finding.evidence = {cat(escape(inner_name), " is inside a scope of its own name")};
      repeat.finding.rules = {move_scope_rule(catalogue, inner_name, bare_scope(catalogue, node))};
    } else {
      continue;
    }
    repeats.push_back(std::move(repeat));
  }
  return repeats;
}

std::vector<Finding> find_wrappers(const Subject& subject) {
  const Catalogue& catalogue = subject.catalogue;
  const auto& nodes = catalogue.nodes;
  std::vector<std::string> kept;
  std::vector<std::string> all;
  std::set<std::string_view> wrappers;
  std::size_t node = 0;
  while (nodes[node].children.size() == 1 && !nodes[node].entry) {
    const std::size_t child = nodes[node].children.front();
    if (nodes[child].children.empty()) break;
    node = child;
    all.emplace_back(nodes[node].segment);
    if (is_wrapper(nodes[node].segment)) {
      wrappers.insert(nodes[node].segment);
    } else if (wrappers.empty()) {
      kept.emplace_back(nodes[node].segment);
    } else {
      all.pop_back();
      node = nodes[node].parent;
      break;
    }
  }
  if (wrappers.empty() || nodes[node].variables < 2) return {};
  const std::string separator(1, catalogue.separator);
  Finding finding{.code = FindingCode::kWrapperPrefix, .fix = Fix::kOffered};
  // TensorFlow Hub calls its scope "module" and towers are scopes that people open.
  finding.confidence = wrappers.contains("_orig_mod") || catalogue.separator == '.'
                           ? Confidence::kStrong
                       : wrappers.contains("tower_0") ? Confidence::kLikely
                                                      : Confidence::kPossible;
  if (finding.confidence != Confidence::kStrong) finding.fix = Fix::kOnRequest;
  finding.members = {member_of(subject, node)};
  finding.evidence = {cat("all ", count_of(nodes[node].variables, "variable"), " are in ",
                          escape(scope_name(catalogue, node)),
                          ", which is what a wrapper puts before names")};
  finding.rules = {move_scope_rule(catalogue, join(all, separator), join(kept, separator))};
  return {std::move(finding)};
}

std::vector<Finding> find_detached(const Subject& subject) {
  const Catalogue& catalogue = subject.catalogue;
  const auto& nodes = catalogue.nodes;
  const auto& rows = catalogue.index->entries;
  std::vector<Finding> findings;
  for (std::size_t leaf = 1; leaf < nodes.size(); ++leaf) {
    if (!nodes[leaf].entry || rows[*nodes[leaf].entry].shape.size() < 2) continue;
    // The one scope beside it that has a variable of its name and shape.
    std::vector<std::size_t> inner;
    for (const std::size_t scope : nodes[nodes[leaf].parent].children) {
      if (nodes[scope].children.empty() || scope == leaf) continue;
      // A scope inside one of its own name is told as a nested repeat.
      if (nodes[scope].segment == nodes[nodes[leaf].parent].segment) continue;
      const auto twin = child_of(catalogue, scope, nodes[leaf].segment);
      if (twin && nodes[*twin].signature == nodes[leaf].signature) inner.push_back(*twin);
    }
    if (inner.size() != 1) continue;
    CopyMeasure outer_copy = measure_look(subject, std::span(&leaf, 1));
    CopyMeasure inner_copy = measure_look(subject, inner);
    measure_slots(subject, std::span(&leaf, 1), outer_copy);
    measure_slots(subject, inner, inner_copy);
    const bool lacks_slots = inner_copy.state.slots == SlotState::kActive &&
                             outer_copy.state.slots != SlotState::kActive;
    const bool is_initial =
        outer_copy.state.look == Look::kInitial && inner_copy.state.look == Look::kMoved;
    Finding finding{.code = FindingCode::kDetachedTwin, .fix = Fix::kOnRequest};
    finding.confidence = lacks_slots || is_initial ? Confidence::kLikely : Confidence::kPossible;
    finding.members = {member_of(subject, inner.front()), member_of(subject, leaf)};
    finding.keep = {0};
    finding.why = "it is in the scope of its layer";
    finding.evidence = {cat(escape(finding.members[1].name), " has the dtype and shape of ",
                            escape(finding.members[0].name), ", one scope further in")};
    if (lacks_slots) finding.evidence.emplace_back("the inner one alone has used optimizer slots");
    if (is_initial) {
      finding.evidence.push_back(
          cat(escape(finding.members[1].name), " is ", outer_copy.signs.front().likeness.words));
    }
    finding.evidence.emplace_back(
        "a loss that was meant for the layer may have been put on the other one");
    const Drops drops = drop_rules(catalogue, std::span(&leaf, 1));
    finding.rules = drops.rules;
    finding.nbytes = drops.nbytes;
    findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> find_counter_drift(const Subject& subject) {
  const Catalogue& catalogue = subject.catalogue;
  const auto& nodes = catalogue.nodes;
  std::vector<Finding> findings;
  for (std::size_t parent = 0; parent < nodes.size(); ++parent) {
    std::map<std::string_view, std::map<std::uint64_t, std::size_t>> families;
    std::set<std::string_view> bare;
    for (const std::size_t c : nodes[parent].children) {
      const auto numbered = parse_numbered(nodes[c].segment);
      if (numbered && is_default_name(numbered->base)) {
        families[numbered->base].emplace(numbered->number, c);
      } else {
        bare.insert(nodes[c].segment);
      }
    }
    Finding finding{.code = FindingCode::kCounterDrift, .fix = Fix::kOnRequest};
    for (const auto& [base, members] : families) {
      // Old Keras counts from 1.
      if (bare.contains(base) || members.begin()->first < 2) continue;
      finding.evidence.push_back(
          cat("the ", escape(base), " layers here start at number ", members.begin()->first));
      std::size_t rank = 0;
      for (const auto& [number, node] : members) {
        finding.members.push_back(member_of(subject, node));
        std::string to = bare_scope(catalogue, node);
        to.resize(to.size() - nodes[node].segment.size());
        to += rank == 0 ? std::string(base) : cat(base, "_", rank);
        ++rank;
        const std::string from = bare_scope(catalogue, node);
        finding.rules.push_back(nodes[node].children.empty()
                                    ? cat(quote_in_rule(from), " = ", quote_in_rule(to))
                                    : move_scope_rule(catalogue, from, to));
      }
    }
    if (!finding.members.empty()) findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> find_name_clashes(const Subject& subject) {
  const Catalogue& catalogue = subject.catalogue;
  std::vector<Finding> findings;
  for (std::size_t parent = 0; parent < catalogue.nodes.size(); ++parent) {
    std::map<std::string, std::vector<std::size_t>> folded;
    for (const std::size_t c : catalogue.nodes[parent].children) {
      folded[fold_case(catalogue.nodes[c].segment)].push_back(c);
    }
    for (const auto& [name, nodes] : folded) {
      if (nodes.size() < 2) continue;
      Finding finding{.code = FindingCode::kNameClash};
      for (const std::size_t node : nodes) finding.members.push_back(member_of(subject, node));
      finding.evidence = {"the names differ in upper and lower case alone"};
      findings.push_back(std::move(finding));
    }
  }
  for (std::size_t node = 1; node < catalogue.nodes.size(); ++node) {
    if (!catalogue.nodes[node].entry || catalogue.nodes[node].children.empty()) continue;
    const bool has_replica = std::ranges::any_of(catalogue.nodes[node].children, [&](auto c) {
      return catalogue.nodes[c].segment.starts_with("replica_");
    });
    if (has_replica) continue;
    Finding finding{.code = FindingCode::kNameClash};
    finding.members = {{subject.input, bare_scope(catalogue, node)}, member_of(subject, node)};
    finding.evidence = {"one name is a variable's and a scope's; some formats cannot hold both"};
    findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> find_aliases(const Subject& subject) {
  std::vector<Finding> findings;
  for (const Entry& entry : subject.catalogue.index->entries) {
    if (entry.aliases.empty()) continue;
    Finding finding{.code = FindingCode::kAlias, .confidence = Confidence::kExplained};
    finding.members.push_back({subject.input, entry.name});
    for (const std::string& alias : entry.aliases)
      finding.members.push_back({subject.input, alias});
    finding.evidence = {"the file stores the tensor once and gives it several names"};
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace ckpt
