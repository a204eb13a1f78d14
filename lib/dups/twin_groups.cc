#include "dups/twin_groups.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

namespace ckpt {
namespace {

// Whole words of a segment, between "_", "-" and ".", that are said of one of two networks which
// are there twice for a reason.
constexpr std::array<std::string_view, 34> kRoleWords{
    "target", "online",   "teacher", "student",   "ema",       "momentum", "shadow",
    "old",    "previous", "prev",    "frozen",    "average",   "avg",      "swa",
    "slow",   "fast",     "fw",      "bw",        "forward",   "backward", "left",
    "right",  "query",    "doc",     "a2b",       "b2a",       "AtoB",     "BtoA",
    "actor",  "critic",   "anchor",  "reference", "predictor", "best"};

// What tf.layers, tf.contrib.layers, Keras and plain constructors call what got no name.
constexpr std::array<std::string_view, 42> kDefaultNames{"dense",
                                                         "conv1d",
                                                         "conv2d",
                                                         "conv3d",
                                                         "conv2d_transpose",
                                                         "separable_conv2d",
                                                         "depthwise_conv2d",
                                                         "batch_normalization",
                                                         "layer_normalization",
                                                         "fully_connected",
                                                         "Conv",
                                                         "Conv2d_transpose",
                                                         "SeparableConv2d",
                                                         "BatchNorm",
                                                         "LayerNorm",
                                                         "embedding",
                                                         "lstm",
                                                         "gru",
                                                         "simple_rnn",
                                                         "lstm_cell",
                                                         "basic_lstm_cell",
                                                         "gru_cell",
                                                         "rnn_cell",
                                                         "multi_rnn_cell",
                                                         "rnn",
                                                         "bidirectional",
                                                         "bidirectional_rnn",
                                                         "Variable",
                                                         "weights",
                                                         "biases",
                                                         "kernel",
                                                         "bias",
                                                         "conv3d_transpose",
                                                         "locally_connected1d",
                                                         "prelu",
                                                         "p_re_lu",
                                                         "instance_normalization",
                                                         "group_normalization",
                                                         "time_distributed",
                                                         "sequential",
                                                         "model",
                                                         "InstanceNorm"};

// The groups among the children of one node.
void add_groups(const Catalogue& catalogue, std::size_t parent, std::vector<TwinGroup>& out) {
  struct Numbered {
    bool has_number;
    std::uint64_t number;
    std::size_t node;
    auto operator<=>(const Numbered&) const = default;
  };
  const auto& nodes = catalogue.nodes;
  std::map<std::string_view, std::size_t> by_segment;
  for (const std::size_t c : nodes[parent].children) by_segment.emplace(nodes[c].segment, c);
  std::map<std::pair<std::string_view, std::uint64_t>, std::vector<Numbered>> families;
  for (const std::size_t c : nodes[parent].children) {
    if (const auto n = parse_numbered(nodes[c].segment)) {
      families[{n->base, nodes[c].signature}].push_back({true, n->number, c});
    }
  }
  for (auto& [key, members] : families) {
    const auto bare = by_segment.find(key.first);
    const bool has_bare = bare != by_segment.end();
    if (has_bare && nodes[bare->second].signature == key.second) {
      members.push_back({false, 0, bare->second});
    }
    if (members.size() < 2) continue;
    std::ranges::sort(members);
    TwinGroup group{parent, has_bare ? Naming::kNumbered : Naming::kSeries, {}};
    for (const Numbered& member : members) group.nodes.push_back(member.node);
    out.push_back(std::move(group));
  }
}

// Where a second copy is not the whole of the first: the scopes inside that are. Of layers of other
// shapes that follow each other, the biases may be alike: those are no scopes.
void add_partial(const Catalogue& catalogue, std::size_t parent, std::size_t a, std::size_t b,
                 std::vector<TwinGroup>& out) {
  const auto& nodes = catalogue.nodes;
  const auto& one = nodes[a].children;
  const auto& two = nodes[b].children;
  for (std::size_t i = 0, j = 0; i < one.size() && j < two.size();) {
    const auto order = nodes[one[i]].segment <=> nodes[two[j]].segment;
    const bool is_scope = !nodes[one[i]].children.empty() && kernels_below(catalogue, one[i]) > 0;
    if (order == 0 && is_scope && nodes[one[i]].signature == nodes[two[j]].signature) {
      out.push_back({parent, Naming::kNumbered, {one[i], two[j]}});
    } else if (order == 0) {
      add_partial(catalogue, parent, one[i], two[j], out);
    }
    if (order <= 0) ++i;
    if (order >= 0) ++j;
  }
}

void add_partials(const Catalogue& catalogue, std::size_t parent, std::vector<TwinGroup>& out) {
  const auto& nodes = catalogue.nodes;
  std::map<std::string_view, std::size_t> by_segment;
  for (const std::size_t c : nodes[parent].children) by_segment.emplace(nodes[c].segment, c);
  for (const std::size_t c : nodes[parent].children) {
    const auto numbered = parse_numbered(nodes[c].segment);
    if (!numbered) continue;
    const auto bare = by_segment.find(numbered->base);
    if (bare == by_segment.end() || nodes[bare->second].signature == nodes[c].signature) continue;
    add_partial(catalogue, parent, bare->second, c, out);
  }
}

bool has_slots(const Catalogue& catalogue, std::size_t node) {
  return std::ranges::any_of(entries_below(catalogue, node),
                             [&](std::size_t e) { return !catalogue.slots[e].empty(); });
}

}  // namespace

std::vector<TwinGroup> twin_groups(const Catalogue& catalogue) {
  std::vector<TwinGroup> groups;
  for (std::size_t i = 0; i < catalogue.nodes.size(); ++i) {
    if (catalogue.nodes[i].children.size() < 2) continue;
    add_groups(catalogue, i, groups);
    add_partials(catalogue, i, groups);
  }
  return groups;
}

std::vector<TwinGroup> unrelated_groups(const Catalogue& catalogue) {
  const auto& nodes = catalogue.nodes;
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> by_signature;
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    // Layers alone say too little under names that have nothing in common.
    if (nodes[i].variables >= 4) by_signature[nodes[i].signature].push_back(i);
  }
  std::vector<TwinGroup> groups;
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    const auto it = by_signature.find(nodes[i].signature);
    if (it == by_signature.end() || it->second.size() != 2 || it->second[0] != i) continue;
    const std::size_t a = i;
    const std::size_t b = it->second[1];
    const bool is_inner = nodes[a].parent != nodes[b].parent &&
                          nodes[nodes[a].parent].signature == nodes[nodes[b].parent].signature;
    const Naming naming = naming_of(catalogue, a, b);
    if (is_inner || naming == Naming::kNumbered || naming == Naming::kSeries) continue;
    const bool a_has = has_slots(catalogue, a);
    if (naming != Naming::kRoles && a_has == has_slots(catalogue, b)) continue;
    groups.push_back({0, naming, a_has ? std::vector{a, b} : std::vector{b, a}});
  }
  return groups;
}

bool is_role_word(std::string_view segment) {
  for (std::size_t at = 0; at <= segment.size();) {
    const std::size_t end = std::min(segment.find_first_of("_-.", at), segment.size());
    std::string_view word = segment.substr(at, end - at);
    while (!word.empty() && word.back() >= '0' && word.back() <= '9') word.remove_suffix(1);
    if (std::ranges::find(kRoleWords, word) != kRoleWords.end()) return true;
    at = end + 1;
  }
  return segment.ends_with("_k") || segment.ends_with("_q");
}

bool is_default_name(std::string_view base) {
  return std::ranges::find(kDefaultNames, base) != kDefaultNames.end();
}

Naming naming_of(const Catalogue& catalogue, std::size_t a, std::size_t b) {
  const auto& nodes = catalogue.nodes;
  // What is called alike in both takes its relation from the scopes around.
  while (nodes[a].segment == nodes[b].segment && nodes[a].parent != nodes[b].parent &&
         nodes[a].parent != 0 && nodes[b].parent != 0) {
    a = nodes[a].parent;
    b = nodes[b].parent;
  }
  const std::string_view x = nodes[a].segment;
  const std::string_view y = nodes[b].segment;
  if (nodes[a].parent == nodes[b].parent) {
    const auto m = parse_numbered(x);
    const auto n = parse_numbered(y);
    if ((n && n->base == x) || (m && m->base == y)) return Naming::kNumbered;
    if (m && n && m->base == n->base) {
      const auto& siblings = nodes[nodes[a].parent].children;
      const bool has_bare =
          std::ranges::any_of(siblings, [&](std::size_t s) { return nodes[s].segment == m->base; });
      return has_bare ? Naming::kNumbered : Naming::kSeries;
    }
  }
  // Words of a role, on either side, in any segment that the two names do not share.
  std::vector<std::string_view> one;
  std::vector<std::string_view> two;
  for (std::size_t i = a; i != 0; i = nodes[i].parent) one.push_back(nodes[i].segment);
  for (std::size_t i = b; i != 0; i = nodes[i].parent) two.push_back(nodes[i].segment);
  while (!one.empty() && !two.empty() && one.back() == two.back()) {
    one.pop_back();
    two.pop_back();
  }
  const auto is_role = [](std::string_view s) { return is_role_word(s); };
  if (std::ranges::any_of(one, is_role) || std::ranges::any_of(two, is_role)) {
    return Naming::kRoles;
  }
  const auto is_wrapper = [](std::string_view s) { return s == "module" || s == "_orig_mod"; };
  if ((two.size() == one.size() + 1 && is_wrapper(two.back())) ||
      (one.size() == two.size() + 1 && is_wrapper(one.back()))) {
    return Naming::kWrapped;
  }
  return Naming::kUnrelated;
}

bool is_parallel(const Catalogue& catalogue, std::size_t node) {
  std::map<std::int64_t, std::int64_t> balance;
  for (const std::size_t e : entries_below(catalogue, node)) {
    const Shape& shape = catalogue.index->entries[e].shape;
    if (shape.size() < 2) continue;
    ++balance[shape[shape.size() - 2]];
    --balance[shape.back()];
  }
  return std::ranges::any_of(balance, [](const auto& item) { return item.second != 0; });
}

std::size_t kernels_below(const Catalogue& catalogue, std::size_t node) {
  const auto entries = entries_below(catalogue, node);
  return static_cast<std::size_t>(std::ranges::count_if(
      entries, [&](std::size_t e) { return catalogue.index->entries[e].shape.size() >= 2; }));
}

}  // namespace ckpt
