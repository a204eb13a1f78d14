#include "rules_input.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/text.h"
#include "remap/assignment_map.h"
#include "remap/rule_file.h"

namespace ckpt {
namespace {

// A map of a million rules has fewer bytes; a checkpoint given as a map by mistake has more.
constexpr std::uint64_t kMaxMapBytes = std::uint64_t{256} << 20U;

}  // namespace

std::string read_text_file(const std::string& path, std::string_view what) {
  try {
    const auto file = open_file(path);
    if (file->size() > kMaxMapBytes) {
      throw Error(Errc::kInvalid, cat("has ", with_commas(file->size()), " bytes; ", what,
                                      " of at most ", with_commas(kMaxMapBytes), " was expected"));
    }
    Bytes bytes(static_cast<std::size_t>(file->size()));
    file->read_at(0, bytes);
    return std::string(as_text(bytes));
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

TargetLimits limits_of(const Format& format) {
  TargetLimits limits;
  limits.variable_beside_scope = true;
  if (format.id == "hdf5") limits.longest_name = 64 * 1024;
  return limits;
}

Rules read_rules(const RulesInput& input, char separator, const std::vector<std::string>& names) {
  Rules rules;
  rules.separator = separator;
  if (!input.map_file.empty()) {
    const std::string text = read_text_file(input.map_file);
    try {
      rules = input.tf_compat
                  ? assignment_rules(resolve_assignments(parse_assignment_map(text), names))
                  : parse_rule_file(text, separator);
    } catch (const Error& e) {
      throw e.in(escape(input.map_file));
    }
  }
  const Rules typed = parse_rules(input.texts, separator);
  rules.rules.insert(rules.rules.end(), typed.rules.begin(), typed.rules.end());
  return rules;
}

}  // namespace ckpt
