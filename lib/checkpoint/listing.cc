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

bool wanted(std::string_view name, const ListingRequest& request, char separator) {
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
  listing.entries.reserve(entries.size());
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

ListingTree make_listing_tree(const Index& index, const Listing& listing,
                              const ListingRequest& request) {
  ListingTree out;
  TreeMaker maker(index.separator);
  out.leaves.reserve(listing.entries.size());
  for (const std::size_t i : listing.entries) {
    const Entry& entry = index.entries[i];
    if (entry.role == Role::kSlot && !request.slots) continue;
    bool counts = true;  // the first name that is shown carries the sizes
    const auto take = [&](const std::string& name, bool is_alias) {
      if (!wanted(name, request, index.separator)) return;
      maker.add({name, parameters_of(entry), entry.nbytes, counts});
      out.leaves.push_back({static_cast<std::uint32_t>(i), is_alias});
      counts = false;
    };
    take(entry.name, false);
    for (const std::string& alias : entry.aliases) take(alias, true);
  }
  out.tree = maker.finish();
  using Sort = ListingRequest::Sort;
  if (request.sort == Sort::kName) {
    sort_siblings(out.tree, [](const TreeNode& a, const TreeNode& b) {
      return natural_less(a.segment, b.segment);
    });
  } else if (request.sort == Sort::kSize) {
    sort_siblings(out.tree,
                  [](const TreeNode& a, const TreeNode& b) { return a.nbytes > b.nbytes; });
  }
  if (request.collapse) {
    std::map<std::tuple<DType, Role, bool, Shape>, std::uint64_t> known;
    std::vector<std::uint64_t> kinds;
    for (const auto& [i, is_alias] : out.leaves) {
      const Entry& entry = index.entries[i];
      kinds.push_back(
          known.try_emplace({entry.dtype, entry.role, is_alias, entry.shape}, known.size())
              .first->second);
    }
    collapse_runs(out.tree, kinds);
  }
  return out;
}

void for_each_row(const ListingTree& listing, const Index& index, std::optional<int> max_depth,
                  const std::function<void(const TreeRow&)>& f) {
  const ScopeTree& tree = listing.tree;
  struct Visit {
    std::uint32_t node;
    std::size_t depth;
  };
  // The next sibling of each node that was entered; siblings are visited one after another.
  std::vector<Visit> stack{{tree.nodes[0].first, 0}};
  const auto set_layer = [&](std::string& layer, std::size_t node) {
    layer.clear();
    if (index.layers.empty()) return;
    const auto it = index.layers.find(path_of(tree, node));
    if (it != index.layers.end()) layer = it->second;
  };
  const auto holds_one_scope = [&](const TreeNode& node) {
    if (node.has_leaf() || node.first == 0 || node.first != node.last || node.repeats != 1)
      return false;
    const TreeNode& child = tree.nodes[node.first];
    return child.first != 0 && child.repeats == 1;
  };
  TreeRow row;
  while (!stack.empty()) {
    auto [n, depth] = stack.back();
    if (n == 0) {
      stack.pop_back();
      continue;
    }
    const TreeNode* node = &tree.nodes[n];
    stack.back().node = node->next;
    row.depth = depth;
    row.label = node->segment;
    row.repeats = node->repeats;
    set_layer(row.layer, n);
    while (holds_one_scope(*node)) {
      n = node->first;
      node = &tree.nodes[n];
      row.label += tree.separator;
      row.label += node->segment;
      if (row.layer.empty()) set_layer(row.layer, n);
    }
    row.sums = {};
    if (node->has_leaf()) {
      const auto& [entry, is_alias] = listing.leaves[node->leaf];
      row.is_scope = false;
      row.entry = entry;
      row.is_alias = is_alias;
      if (!is_alias) row.sums = sums_of(index.entries[entry]);
      row.sums.variables *= node->repeats;
      row.sums.parameters *= node->repeats;
      row.sums.nbytes *= node->repeats;
      f(row);
    }
    if (node->first == 0) continue;
    row.is_scope = true;
    row.entry.reset();
    row.is_alias = false;
    // A variable that is a scope too has had its own row: the scope's has the rest.
    row.sums = {node->variables - row.sums.variables, node->parameters - row.sums.parameters,
                node->nbytes - row.sums.nbytes};
    f(row);
    if (!max_depth || depth + 1 < static_cast<std::size_t>(*max_depth)) {
      stack.push_back({node->first, depth + 1});
    }
  }
}

}  // namespace ckpt
