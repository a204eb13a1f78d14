#include "remap/explain.h"

#include "remap/planning/rule_index.h"

namespace ckpt {

std::vector<Explanation> explain(std::span<const std::string> names, const Rules& rules) {
  const RuleIndex index(rules);
  std::vector<Explanation> out;
  std::vector<Hit> hits;
  for (const std::string& name : names) {
    index.find(name, hits);
    Explanation& each = out.emplace_back();
    each.name = name;
    for (const Hit& hit : hits) {
      if (each.rule == kNoIndex) {
        each.rule = static_cast<std::int32_t>(hit.rule);
      } else {
        each.shadowed.push_back(hit.rule);
      }
    }
  }
  return out;
}

}  // namespace ckpt
