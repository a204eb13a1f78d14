#include "dups/drop_rules.h"

#include <algorithm>

#include "core/text.h"

namespace ckpt {

std::string quote_in_rule(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (std::string_view("={}?+|\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string drop_scope_rule(const Catalogue& catalogue, std::string_view scope) {
  // Where names have dots in a format of slashes, the rest of a name is one segment to a rule.
  const bool is_whole = catalogue.separator != catalogue.index->separator;
  return cat(quote_in_rule(scope), catalogue.separator, is_whole ? "{_} = -" : "{_:path} = -");
}

Drops drop_rules(const Catalogue& catalogue, std::span<const std::size_t> nodes,
                 std::span<const std::size_t> others) {
  const auto& rows = catalogue.index->entries;
  Drops drops;
  const auto drop_entry = [&](std::size_t e) {
    drops.rules.push_back(cat(quote_in_rule(rows[e].name), " = -"));
  };
  for (const std::size_t node : nodes) {
    std::string scope = scope_name(catalogue, node);
    if (scope.ends_with(catalogue.separator)) scope.pop_back();
    const std::string inside = scope + catalogue.separator;
    const auto entries = entries_below(catalogue, node);
    bool has_inside = !catalogue.nodes[node].children.empty();
    std::vector<std::size_t> outside;
    for (const std::size_t e : entries) {
      drops.nbytes += rows[e].nbytes;
      for (const auto* companions : {&catalogue.slots[e], &catalogue.averages[e]}) {
        for (const std::size_t c : *companions) {
          drops.nbytes += rows[c].nbytes;
          if (rows[c].name.starts_with(inside)) {
            has_inside = true;
          } else {
            outside.push_back(c);
          }
        }
      }
    }
    if (catalogue.nodes[node].entry) drop_entry(*catalogue.nodes[node].entry);
    if (has_inside) drops.rules.push_back(drop_scope_rule(catalogue, scope));
    sort_by_name(catalogue, outside);
    for (const std::size_t c : outside) drop_entry(c);
  }
  for (const std::size_t e : others) {
    drop_entry(e);
    drops.nbytes += rows[e].nbytes;
  }
  return drops;
}

}  // namespace ckpt
