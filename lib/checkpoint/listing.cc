#include "checkpoint/listing.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"

namespace ckpt {
namespace {

// Is `name` the scope itself or below it? "a/b" and "a/b/" both mean the scope a/b.
bool is_under(std::string_view name, std::string_view scope, char separator) {
  if (scope.ends_with(separator)) scope.remove_suffix(1);
  return name.starts_with(scope) &&
         (name.size() == scope.size() || name[scope.size()] == separator);
}

bool wanted(const std::string& name, const ListingRequest& request, char separator) {
  if (!request.scope.empty() && !is_under(name, request.scope, separator)) return false;
  return request.globs.empty() || std::ranges::any_of(request.globs, [&](const std::string& glob) {
           return glob_match(glob, name, separator);
         });
}

// Every name and every scope of the index, for suggestions.
std::vector<std::string> all_names(const Index& index) {
  std::set<std::string> names;
  for (const Entry& entry : index.entries) {
    names.insert(entry.name);
    for (auto at = entry.name.find(index.separator); at != std::string::npos;
         at = entry.name.find(index.separator, at + 1)) {
      names.insert(entry.name.substr(0, at));
    }
  }
  return {names.begin(), names.end()};
}

Sums sums_of(const Entry& entry) { return {1, parameters_of(entry), entry.nbytes}; }

void add(Sums& to, const Sums& what) {
  to.variables += what.variables;
  to.parameters += what.parameters;
  to.nbytes += what.nbytes;
}

}  // namespace

Listing make_listing(const Index& index, const ListingRequest& request) {
  Listing listing;
  const auto& entries = index.entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool by_alias = std::ranges::any_of(entries[i].aliases, [&](const std::string& alias) {
      return wanted(alias, request, index.separator);
    });
    if (!by_alias && !wanted(entries[i].name, request, index.separator)) continue;
    listing.entries.push_back(i);
    add(listing.total, sums_of(entries[i]));
    if (entries[i].role == Role::kSlot) add(listing.slots, sums_of(entries[i]));
  }
  if (!request.scope.empty() && listing.entries.empty() && request.globs.empty()) {
    const auto near = nearest(request.scope, all_names(index));
    throw Error(Errc::kNotFound, cat("no scope or variable '", escape(request.scope), "' in it",
                                     did_you_mean(near)));
  }
  if (request.sort == ListingRequest::Sort::kName) {
    std::ranges::stable_sort(listing.entries, [&](std::size_t a, std::size_t b) {
      return natural_less(entries[a].name, entries[b].name);
    });
  } else if (request.sort == ListingRequest::Sort::kSize) {
    std::ranges::stable_sort(listing.entries, [&](std::size_t a, std::size_t b) {
      return entries[a].nbytes > entries[b].nbytes;
    });
  }
  return listing;
}

std::vector<TreeRow> tree_rows(const Index& index, const Listing& listing,
                               const ListingRequest& request) {
  // The leaves, and for each its entry and whether it is a second name of it.
  std::vector<TreeLeaf> leaves;
  std::vector<std::pair<std::size_t, bool>> origins;
  for (const std::size_t i : listing.entries) {
    const Entry& entry = index.entries[i];
    if (entry.role == Role::kSlot && !request.slots) continue;
    bool counts = true;  // the first name that is shown carries the sizes
    const auto take = [&](const std::string& name, bool is_alias) {
      if (!wanted(name, request, index.separator)) return;
      leaves.push_back({name, parameters_of(entry), entry.nbytes, counts});
      origins.emplace_back(i, is_alias);
      counts = false;
    };
    take(entry.name, false);
    for (const std::string& alias : entry.aliases) take(alias, true);
  }
  ScopeTree tree = make_tree(leaves, index.separator);
  using Sort = ListingRequest::Sort;
  if (request.sort == Sort::kName) {
    sort_siblings(tree, [](const TreeNode& a, const TreeNode& b) {
      return natural_less(a.segment, b.segment);
    });
  } else if (request.sort == Sort::kSize) {
    sort_siblings(tree, [](const TreeNode& a, const TreeNode& b) { return a.nbytes > b.nbytes; });
  }
  if (request.collapse) {
    std::map<std::tuple<DType, Role, bool, Shape>, std::uint64_t> known;
    std::vector<std::uint64_t> kinds;
    for (const auto& [i, is_alias] : origins) {
      const Entry& entry = index.entries[i];
      kinds.push_back(
          known.try_emplace({entry.dtype, entry.role, is_alias, entry.shape}, known.size())
              .first->second);
    }
    collapse_runs(tree, kinds);
  }

  std::vector<TreeRow> rows;
  struct Visit {
    std::size_t node;
    std::size_t depth;
  };
  std::vector<Visit> stack;
  const auto push_children = [&](std::size_t node, std::size_t depth) {
    const auto& children = tree.nodes[node].children;
    for (auto it = children.rbegin(); it != children.rend(); ++it) stack.push_back({*it, depth});
  };
  push_children(0, 0);
  while (!stack.empty()) {
    auto [n, depth] = stack.back();
    stack.pop_back();
    const TreeNode* node = &tree.nodes[n];
    TreeRow row{.depth = depth, .label = node->segment, .alias_of = {}, .sums = {}};
    row.repeats = node->repeats;
    while (!node->leaf && node->children.size() == 1 &&
           !tree.nodes[node->children[0]].children.empty() && node->repeats == 1 &&
           tree.nodes[node->children[0]].repeats == 1) {
      n = node->children[0];
      node = &tree.nodes[n];
      row.label += tree.separator;
      row.label += node->segment;
    }
    if (node->leaf) {
      const auto& [entry, is_alias] = origins[*node->leaf];
      TreeRow leaf = row;
      leaf.entry = entry;
      if (is_alias) leaf.alias_of = index.entries[entry].name;
      if (!is_alias) leaf.sums = sums_of(index.entries[entry]);
      if (node->children.empty()) {
        leaf.sums.variables *= node->repeats;
        leaf.sums.parameters *= node->repeats;
        leaf.sums.nbytes *= node->repeats;
      }
      rows.push_back(std::move(leaf));
    }
    if (node->children.empty()) continue;
    row.is_scope = true;
    row.sums = {node->variables, node->parameters, node->nbytes};
    rows.push_back(std::move(row));
    if (!request.depth || depth + 1 < static_cast<std::size_t>(*request.depth)) {
      push_children(n, depth + 1);
    }
  }
  return rows;
}

}  // namespace ckpt
