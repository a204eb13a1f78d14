#include "support/apply_rules.h"

#include <stdexcept>

namespace {

// Takes backslashes away.
std::string plain(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

}  // namespace

ckpt::MemoryCheckpoint apply_rules(const ckpt::MemoryCheckpoint& checkpoint,
                                   const std::vector<std::string>& rules) {
  ckpt::MemoryCheckpoint out;
  out.separator = checkpoint.separator;
  std::vector<bool> is_used(rules.size(), false);
  for (const auto& variable : checkpoint.variables) {
    bool is_claimed = false;
    for (std::size_t i = 0; i < rules.size() && !is_claimed; ++i) {
      const auto at = rules[i].find(" = ");
      if (at == std::string::npos) throw std::runtime_error("no rule: " + rules[i]);
      std::string from = rules[i].substr(0, at);
      const std::string to = plain(rules[i].substr(at + 3));
      std::string rest;
      bool fits = false;
      for (const std::string tail : {"{_:path}", "{_}", "{rest}"}) {
        if (!from.ends_with(tail)) continue;
        from.resize(from.size() - tail.size());
        const std::string prefix = plain(from);
        fits = variable.name.starts_with(prefix) && variable.name.size() > prefix.size();
        if (fits) rest = variable.name.substr(prefix.size());
        from = "{";
      }
      if (from != "{") {
        const std::string name = plain(from);
        const bool is_prefix = name.ends_with(checkpoint.separator);
        fits = is_prefix ? variable.name.starts_with(name) : variable.name == name;
        if (fits && is_prefix) rest = variable.name.substr(name.size());
      }
      if (!fits) continue;
      is_claimed = true;
      is_used[i] = true;
      if (to == "-") continue;
      std::string target = to;
      if (const auto hole = target.find("{rest}"); hole != std::string::npos) target.resize(hole);
      if (target == std::string(1, checkpoint.separator)) target.clear();
      out.add(target + rest, variable.tensor);
    }
    if (!is_claimed) out.add(variable.name, variable.tensor);
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!is_used[i]) throw std::runtime_error("matches nothing: " + rules[i]);
  }
  return out;
}
