#include "dups/rebuilt_graph.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "dups/sample.h"
#include "dups/twin_groups.h"

namespace ckpt {
namespace {

// So much of the model has to be there again.
constexpr double kMostOfIt = 0.9;

// Nodes and counters of each copy, in the order of their numbers.
struct Copies {
  std::size_t parent = 0;
  std::vector<std::vector<std::size_t>> nodes;
  std::vector<std::vector<std::size_t>> counters;
};

// Step counters and powers of beta by their names without numbers, each list in the order of them.
struct Counters {
  std::map<std::string, std::vector<std::size_t>> by_base;
  std::size_t steps = 0;  // the most step counters of one name
  std::size_t powers = 0;
};

Counters counters_of(const Catalogue& catalogue, std::string_view scope) {
  struct Key {
    std::uint64_t number;
    std::size_t length;
    std::size_t entry;
    auto operator<=>(const Key&) const = default;
  };
  std::map<std::string, std::vector<Key>> keyed;
  for (const std::size_t e : catalogue.counters) {
    const std::string_view name = catalogue.index->entries[e].name;
    if (!name.starts_with(scope)) continue;
    const std::string_view last = name.substr(name.rfind(catalogue.separator) + 1);
    const auto numbered = parse_numbered(last);
    keyed[std::string(numbered ? numbered->base : last)].push_back(
        {numbered ? numbered->number : 0, name.size(), e});
  }
  Counters counters;
  for (auto& [base, keys] : keyed) {
    std::ranges::sort(keys);
    for (const Key& key : keys) counters.by_base[base].push_back(key.entry);
    const bool is_step =
        is_step_counter(catalogue.index->entries[keys.front().entry], catalogue.separator);
    std::size_t& most = is_step ? counters.steps : counters.powers;
    most = std::max(most, keys.size());
  }
  return counters;
}

// The first scope, from `node` down, in which there is more than one thing.
std::size_t top_of(const Catalogue& catalogue, std::size_t node) {
  while (catalogue.nodes[node].children.size() == 1 && !catalogue.nodes[node].entry) {
    node = catalogue.nodes[node].children.front();
  }
  return node;
}

bool covers(const Catalogue& catalogue, const Copies& copies) {
  std::uint64_t covered = 0;
  for (const auto& copy : copies.nodes) {
    for (const std::size_t node : copy) covered += catalogue.nodes[node].variables;
  }
  const auto all = static_cast<double>(catalogue.nodes[copies.parent].variables);
  return static_cast<double>(covered) >= kMostOfIt * all;
}

// `count` copies by the numbers behind names: of "dense" … "dense_3" the first two are the first.
std::optional<Copies> numbered_copies(const Catalogue& catalogue,
                                      const std::vector<TwinGroup>& groups, std::size_t top,
                                      std::size_t count, const Counters& counters) {
  Copies copies{top, {}, {}};
  copies.nodes.resize(count);
  copies.counters.resize(count);
  std::set<std::size_t> used;
  for (const TwinGroup& group : groups) {
    const bool is_free =
        std::ranges::none_of(group.nodes, [&](std::size_t node) { return used.contains(node); });
    if (group.parent != copies.parent || group.nodes.size() % count != 0 || !is_free ||
        catalogue.nodes[group.nodes.front()].parent != copies.parent) {
      continue;
    }
    const std::size_t share = group.nodes.size() / count;
    for (std::size_t i = 0; i < group.nodes.size(); ++i) {
      copies.nodes[i / share].push_back(group.nodes[i]);
      used.insert(group.nodes[i]);
    }
  }
  if (copies.nodes[0].empty() || !covers(catalogue, copies)) return std::nullopt;
  for (const auto& [base, entries] : counters.by_base) {
    if (entries.size() % count != 0) continue;
    const std::size_t share = entries.size() / count;
    for (std::size_t i = 0; i < entries.size(); ++i)
      copies.counters[i / share].push_back(entries[i]);
  }
  return copies;
}

// The copy under a scope that a graph is imported into.
std::optional<Copies> imported_copies(const Catalogue& catalogue, std::size_t top,
                                      const Counters& counters) {
  const auto& nodes = catalogue.nodes;
  Copies copies{top, std::vector<std::vector<std::size_t>>(2),
                std::vector<std::vector<std::size_t>>(2)};
  const auto& tops = nodes[copies.parent].children;
  const auto import = std::ranges::find_if(tops, [&](std::size_t c) {
    const auto numbered = parse_numbered(nodes[c].segment);
    return (numbered ? numbered->base : nodes[c].segment) == "import";
  });
  if (import == tops.end()) return std::nullopt;
  for (const std::size_t inner : nodes[*import].children) {
    for (const std::size_t outer : tops) {
      if (nodes[outer].segment == nodes[inner].segment &&
          nodes[outer].signature == nodes[inner].signature) {
        copies.nodes[0].push_back(outer);
        copies.nodes[1].push_back(inner);
      }
    }
  }
  if (copies.nodes[0].empty() || !covers(catalogue, copies)) return std::nullopt;
  const std::string prefix = scope_name(catalogue, *import);
  for (const auto& [base, entries] : counters.by_base) {
    for (const std::size_t e : entries) {
      const bool is_inner = catalogue.index->entries[e].name.starts_with(prefix);
      copies.counters[is_inner ? 1 : 0].push_back(e);
    }
  }
  return copies;
}

// How far a copy was trained: its step counter, else what a power of beta tells, in steps of 0.9.
std::optional<double> step_of(const Subject& subject, const std::vector<std::size_t>& counters) {
  std::optional<double> by_power;
  for (const std::size_t e : counters) {
    const Entry& entry = subject.catalogue.index->entries[e];
    if (parameters_of(entry) != 1) continue;
    const double value = sample_of(subject.reader, e, 1).values.front();
    if (is_step_counter(entry, subject.catalogue.separator)) return value;
    if (entry.name.find("beta1_power") != std::string::npos) {
      by_power = value > 0 ? std::log(value) / std::log(0.9) : 1e9;
    }
  }
  return by_power;
}

using AreEqual = std::function<bool(std::size_t, std::size_t)>;

// Each copy with the one to keep.
std::vector<CopyPair> pairs_of(const Subject& subject, const Copies& copies, bool has_two_steps,
                               const AreEqual& are_equal) {
  const Catalogue& catalogue = subject.catalogue;
  std::vector<CopyMeasure> measures;
  for (std::size_t i = 0; i < copies.nodes.size(); ++i) {
    measures.push_back(measure_look(subject, copies.nodes[i]));
    measure_slots(subject, copies.nodes[i], measures.back());
    measures.back().state.step = step_of(subject, copies.counters[i]);
  }
  // All others are compared with the one to keep.
  std::size_t best = 0;
  for (std::size_t i = 1; i < measures.size(); ++i) {
    if (decide_keep(measures[best].state, measures[i].state).keep == 1) best = i;
  }
  std::vector<CopyPair> pairs;
  for (std::size_t i = 0; i < measures.size(); ++i) {
    if (i == best) continue;
    CopyPair pair{.parent = copies.parent,
                  .a = copies.nodes[best],
                  .b = copies.nodes[i],
                  .naming = Naming::kNumbered,
                  .one = measures[best],
                  .two = measures[i],
                  .covers_model = true,
                  .has_two_optimizers = true,
                  .has_two_steps = has_two_steps,
                  .counters_a = copies.counters[best],
                  .counters_b = copies.counters[i]};
    for (std::size_t n = 0; n < pair.a.size(); ++n) {
      const auto one = entries_below(catalogue, pair.a[n]);
      const auto two = entries_below(catalogue, pair.b[n]);
      for (std::size_t e = 0; e < one.size(); ++e) {
        ++pair.variables;
        if (are_equal(one[e], two[e])) ++pair.equal;
      }
    }
    if (pair.equal == pair.variables) pair.bytes = SameBytes::kEqual;
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

// Adds the pairs of the model in `scope`; where it is not there twice as a whole, those of the
// models in scopes inside.
void add_rebuilt(const Subject& subject, const std::vector<TwinGroup>& groups, std::size_t scope,
                 const AreEqual& are_equal, std::vector<std::vector<CopyPair>>& out) {
  const Catalogue& catalogue = subject.catalogue;
  const Counters counters =
      counters_of(catalogue, scope == 0 ? std::string() : scope_name(catalogue, scope));
  if (counters.steps < 2 && counters.powers < 2) return;
  const std::size_t top = top_of(catalogue, scope);
  std::optional<Copies> copies = imported_copies(catalogue, top, counters);
  for (const std::size_t count : {counters.steps, counters.powers, std::size_t{2}}) {
    if (count >= 2 && !copies) copies = numbered_copies(catalogue, groups, top, count, counters);
  }
  if (copies) {
    out.push_back(pairs_of(subject, *copies, counters.steps >= 2, are_equal));
    return;
  }
  for (const std::size_t child : catalogue.nodes[top].children) {
    if (!catalogue.nodes[child].children.empty()) {
      add_rebuilt(subject, groups, child, are_equal, out);
    }
  }
}

}  // namespace

std::vector<std::vector<CopyPair>> rebuilt_pairs(const Subject& subject,
                                                 const AreEqual& are_equal) {
  std::vector<std::vector<CopyPair>> all;
  if (subject.catalogue.counters.size() < 2) return all;
  add_rebuilt(subject, twin_groups(subject.catalogue), 0, are_equal, all);
  return all;
}

}  // namespace ckpt
