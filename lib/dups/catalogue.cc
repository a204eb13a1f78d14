#include "dups/catalogue.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "core/text.h"

namespace ckpt {
namespace {

// Mixes a number into a hash: the constants of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash += 0x9e3779b97f4a7c15U + value;
  hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebU;
  return hash ^ (hash >> 31U);
}

std::uint64_t kind_of(const Entry& entry) {
  std::uint64_t hash = mix(1, static_cast<std::uint64_t>(entry.dtype));
  for (const std::int64_t extent : entry.shape)
    hash = mix(hash, static_cast<std::uint64_t>(extent));
  return hash;
}

std::string_view last_segment(std::string_view name, char separator) {
  return name.substr(name.rfind(separator) + 1);
}

// The format's separator, unless no name has it and most have the one of other formats.
char separator_of(const Index& index) {
  const char other = index.separator == '.' ? '/' : '.';
  std::size_t count = 0;
  for (const Entry& entry : index.entries) {
    if (entry.role == Role::kOther) continue;
    if (entry.name.find(index.separator) != std::string::npos) return index.separator;
    if (entry.name.find(other) != std::string::npos) ++count;
  }
  return 2 * count > index.entries.size() ? other : index.separator;
}

std::string_view without_number(std::string_view segment) {
  const auto numbered = parse_numbered(segment);
  return numbered ? numbered->base : segment;
}

bool is_beta_power(std::string_view name, char separator) {
  const auto base = without_number(last_segment(name, separator));
  return base == "beta1_power" || base == "beta2_power";
}

// Finds the variable that a slot or average belongs to: what its name says without its suffix, then
// without more and more leading scopes, and for optimizers that put the variable's name in the
// middle ("optimizer/adam/dense/kernel/m") the same.
class Owners {
 public:
  Owners(const Index& index, const std::vector<std::size_t>& variables, char separator)
      : index_(index), separator_(separator) {
    for (const std::size_t i : variables) by_name_.emplace(index.entries[i].name, i);
  }

  [[nodiscard]] std::optional<std::size_t> find(std::size_t entry) const {
    const std::string_view name = index_.entries[entry].name;
    const auto cut = name.rfind(separator_);
    if (cut == std::string_view::npos) return std::nullopt;
    for (std::string_view owner = name.substr(0, cut);;) {
      if (const auto it = by_name_.find(owner); it != by_name_.end()) return it->second;
      const auto at = owner.find(separator_);
      if (at == std::string_view::npos) return std::nullopt;
      owner.remove_prefix(at + 1);
    }
  }

 private:
  const Index& index_;
  char separator_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

// Where the segment of a name that begins at `at` ends.
std::size_t segment_end(std::string_view name, std::size_t at, char separator) {
  return std::min(name.find(separator, at), name.size());
}

// Orders names such that all that is in a scope stands together, behind the variable of the scope's
// name: as if the separator came before all other characters.
bool is_before(std::string_view a, std::string_view b, char separator) {
  const auto [x, y] = std::ranges::mismatch(a, b);
  if (y == b.end()) return false;
  if (x == a.end()) return true;
  if (*x == separator || *y == separator) return *x == separator;
  return static_cast<unsigned char>(*x) < static_cast<unsigned char>(*y);
}

// Builds the tree of names that come in the order of is_before().
class TreeBuilder {
 public:
  TreeBuilder(Catalogue& catalogue, const std::vector<std::size_t>& variables)
      : catalogue_(catalogue) {
    // First counted, since a tree that grows needs its memory twice.
    std::size_t count = 1;
    for (const std::size_t entry : variables) count += segments_of(entry) - open_scopes(entry);
    catalogue_.nodes.reserve(count);
    catalogue_.nodes.emplace_back();
    last_ = {};
    for (const std::size_t entry : variables) add(entry);
  }

  // Sums and signatures, bottom up.
  void finish() {
    auto& nodes = catalogue_.nodes;
    for (auto& node : nodes)
      std::ranges::sort(node.children, {}, [&](std::size_t i) { return nodes[i].segment; });
    for (std::size_t i = nodes.size(); i-- > 0;) {
      Catalogue::Node& node = nodes[i];
      std::uint64_t hash = 0;
      if (node.entry) {
        hash = mix(hash, kind_of(catalogue_.index->entries[*node.entry]));
        ++node.variables;
      }
      for (const std::size_t c : node.children) {
        hash = mix(hash, std::hash<std::string_view>{}(nodes[c].segment));
        hash = mix(hash, nodes[c].signature);
        node.variables += nodes[c].variables;
      }
      node.signature = hash;
    }
  }

 private:
  [[nodiscard]] std::string_view name_of(std::size_t entry) const {
    return catalogue_.index->entries[entry].name;
  }

  [[nodiscard]] std::size_t segments_of(std::size_t entry) const {
    return 1 + static_cast<std::size_t>(std::ranges::count(name_of(entry), catalogue_.separator));
  }

  // How many leading segments the name shares with the one before, which it takes the place of.
  std::size_t open_scopes(std::size_t entry) {
    const std::string_view name = name_of(entry);
    const auto same =
        static_cast<std::size_t>(std::ranges::mismatch(name, last_).in1 - name.begin());
    const bool is_whole = same == last_.size() && !last_.empty() &&
                          (same == name.size() || name[same] == catalogue_.separator);
    const auto shared = name.substr(0, same);
    last_ = name;
    return static_cast<std::size_t>(std::ranges::count(shared, catalogue_.separator)) +
           (is_whole ? 1 : 0);
  }

  void add(std::size_t entry) {
    const std::string_view name = name_of(entry);
    path_.resize(open_scopes(entry));
    std::size_t at = 0;
    for (std::size_t i = 0; i < path_.size(); ++i) {
      at = segment_end(name, at, catalogue_.separator) + 1;
    }
    auto& nodes = catalogue_.nodes;
    while (at <= name.size()) {
      const std::size_t end = segment_end(name, at, catalogue_.separator);
      const std::size_t parent = path_.empty() ? 0 : path_.back();
      nodes[parent].children.push_back(nodes.size());
      path_.push_back(nodes.size());
      nodes.push_back({.segment = name.substr(at, end - at), .parent = parent});
      at = end + 1;
    }
    nodes[path_.back()].entry = entry;
  }

  Catalogue& catalogue_;
  std::string_view last_;
  std::vector<std::size_t> path_;  // the nodes of the segments of the last name
};

}  // namespace

std::optional<NumberedSegment> parse_numbered(std::string_view segment) {
  const auto at = segment.rfind('_');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const std::string_view digits = segment.substr(at + 1);
  if (digits.empty() || digits.size() > 9 || (digits.size() > 1 && digits[0] == '0') ||
      digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  for (const char digit : digits) number = 10 * number + static_cast<std::uint64_t>(digit - '0');
  return NumberedSegment{segment.substr(0, at), number};
}

bool is_step_counter(const Entry& entry, char separator) {
  if (num_elements(entry.shape) != 1) return false;
  const auto base = without_number(last_segment(entry.name, separator));
  return base == "global_step" || base == "step" || base == "global_steps" || base == "iterations";
}

Catalogue make_catalogue(const Index& index) {
  Catalogue catalogue;
  catalogue.index = &index;
  catalogue.separator = separator_of(index);

  // Roles are asked for again where the separator is not the one they were found by.
  std::vector<Role> roles;
  if (catalogue.separator != index.separator) {
    std::vector<Leaf> leaves;
    for (const Entry& entry : index.entries) leaves.push_back({entry.name, &entry.shape});
    roles = roles_of(leaves, catalogue.separator);
  }
  const auto role_of = [&](std::size_t i) {
    const Entry& entry = index.entries[i];
    return roles.empty() || entry.role == Role::kOther ? entry.role : roles[i];
  };

  std::vector<std::size_t> variables;
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    const Entry& entry = index.entries[i];
    if (!is_numeric(entry.dtype)) continue;
    if (is_beta_power(entry.name, catalogue.separator) ||
        is_step_counter(entry, catalogue.separator)) {
      catalogue.counters.push_back(i);
    } else if (role_of(i) == Role::kVariable) {
      if (!owner_of(entry.name, catalogue.separator).empty()) {
        catalogue.orphans.push_back(i);
      } else {
        variables.push_back(i);
      }
    }
  }
  const auto name = [&](std::size_t i) -> const std::string& { return index.entries[i].name; };
  sort_by_name(catalogue, catalogue.counters);
  sort_by_name(catalogue, catalogue.orphans);
  std::ranges::sort(variables, [&](std::size_t a, std::size_t b) {
    return is_before(name(a), name(b), catalogue.separator);
  });
  TreeBuilder(catalogue, variables).finish();

  std::vector<std::size_t> companions;
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    if (role_of(i) == Role::kSlot || role_of(i) == Role::kAverage) companions.push_back(i);
  }
  if (companions.empty()) return catalogue;
  sort_by_name(catalogue, companions);
  const Owners owners(index, variables, catalogue.separator);
  for (const std::size_t i : companions) {
    if (const auto owner = owners.find(i)) {
      (role_of(i) == Role::kSlot ? catalogue.slots : catalogue.averages).add(*owner, i);
    }
  }
  return catalogue;
}

std::string scope_name(const Catalogue& catalogue, std::size_t node) {
  std::string name;
  const auto& nodes = catalogue.nodes;
  if (!nodes[node].children.empty() && node != 0) name = std::string(1, catalogue.separator);
  for (std::size_t i = node; i != 0; i = nodes[i].parent) {
    name.insert(0, nodes[i].segment);
    if (nodes[i].parent != 0) name.insert(0, 1, catalogue.separator);
  }
  return name;
}

std::vector<std::size_t> entries_below(const Catalogue& catalogue, std::size_t node) {
  std::vector<std::size_t> found;
  std::vector<std::size_t> open{node};
  while (!open.empty()) {
    const auto& top = catalogue.nodes[open.back()];
    open.pop_back();
    if (top.entry) found.push_back(*top.entry);
    open.insert(open.end(), top.children.rbegin(), top.children.rend());
  }
  return found;
}

void sort_by_name(const Catalogue& catalogue, std::vector<std::size_t>& entries) {
  std::ranges::sort(entries, {}, [&](std::size_t e) -> const std::string& {
    return catalogue.index->entries[e].name;
  });
}

std::string_view relative_name(const Catalogue& catalogue, std::size_t node, std::size_t entry) {
  std::size_t length = 0;
  for (std::size_t i = node; i != 0; i = catalogue.nodes[i].parent) {
    length += catalogue.nodes[i].segment.size() + 1;
  }
  const std::string_view name = catalogue.index->entries[entry].name;
  return length > name.size() ? std::string_view{} : name.substr(length);
}

}  // namespace ckpt
