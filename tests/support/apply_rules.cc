#include "support/apply_rules.h"

#include <stdexcept>

#include "remap/plan.h"
#include "remap/rule.h"

using namespace ckpt;

MemoryCheckpoint apply_rules(const MemoryCheckpoint& checkpoint,
                             const std::vector<std::string>& rules) {
  const auto reader = open_memory(checkpoint);
  const Plan plan = make_plan(reader->index().entries, parse_rules(rules, checkpoint.separator),
                              {.target = {.variable_beside_scope = true, .case_pairs = true}});
  if (!plan.problems.empty()) throw std::runtime_error(plan.problems.front().message);
  MemoryCheckpoint out;
  out.separator = checkpoint.separator;
  for (const Move& move : plan.moves) {
    if (move.is_alias || is_drop(move)) continue;
    out.add(std::string(move.to), checkpoint.variables[move.entry].tensor);
  }
  return out;
}
