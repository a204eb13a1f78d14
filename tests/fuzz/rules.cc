#include <cstdlib>
#include <vector>

#include "core/text.h"
#include "remap/assignment_map.h"
#include "remap/invert.h"
#include "remap/plan.h"
#include "remap/rule_file.h"
#include "targets.h"

using namespace ckpt;

namespace {

std::vector<Entry> make_entries() {
  std::vector<Entry> entries;
  for (const char* name :
       {"encoder/layer_0/q", "encoder/layer_0/k", "encoder/layer_1/q", "encoder/layer_1/k",
        "encoder/layer_1/q/Adam", "module/dense/kernel", "dense/bias", "x"}) {
    Entry entry;
    entry.name = name;
    entry.shape = {4, 6};
    entry.nbytes = 96;
    entries.push_back(std::move(entry));
  }
  return entries;
}

void use(const Rules& rules) {
  static const std::vector<Entry> entries = make_entries();
  for (const Rule& rule : rules.rules) {
    Rule again = parse_rule(print(rule, rules.separator), rules.separator);
    again.comment = rule.comment;
    again.line = rule.line;
    if (!(again == rule)) std::abort();
  }
  (void)make_plan(entries, rules);
  (void)invert(rules, entries);
}

}  // namespace

void fuzz_rules(std::string_view text) {
  survive([&] {
    std::vector<std::string> lines;
    for (const auto line : split(text, "\n")) lines.emplace_back(line);
    use(parse_rules(lines, '/'));
  });
  survive([&] { use(parse_rule_file(text, '/')); });
  survive([&] {
    const std::vector<std::string> names{"encoder/layer_0/q", "dense/bias"};
    use(assignment_rules(resolve_assignments(parse_assignment_map(text), names)));
  });
}
