#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dups/catalogue.h"

namespace ckpt {

// A name as a rule of `ckpt remap` writes it: characters that mean something there have a backslash
// before them.
std::string quote_in_rule(std::string_view name);

// Rules that drop the variables at and below nodes, with all that is kept for them (slots,
// averages) wherever it lies, and `others`.
struct Drops {
  std::vector<std::string> rules;
  std::uint64_t nbytes = 0;  // that they free
};
Drops drop_rules(const Catalogue& catalogue, std::span<const std::size_t> nodes,
                 std::span<const std::size_t> others = {});

// A rule that drops every variable whose name begins with `prefix` and a separator.
std::string drop_scope_rule(const Catalogue& catalogue, std::string_view scope);

}  // namespace ckpt
