#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt {

// Why a plan cannot be executed. The names are those of the JSON output.
enum class ProblemCode : std::uint8_t {
  kTwoSources,        // two variables would have one name
  kTargetTaken,       // a variable would take the name of one that stays
  kVariableAndScope,  // a name would be a variable and a scope, which the target cannot hold
  kCaseClash,         // two names would differ in case only
  kBadName,           // the target cannot hold a name
  kUnusedRule,        // a rule matches nothing
  kMissingMember,     // a group that is to be joined lacks some of its members
  kBadOperation,      // the shapes or dtypes do not allow an operation
  kCompanion,         // a slot or average cannot follow its variable
  kUnclaimed,         // no rule claims a name, and the rest was said to be an error
};
inline constexpr int kProblemCodeCount = 10;

// "two-sources", "target-taken", "variable-and-scope", …
std::string_view name_of(ProblemCode code);

struct Problem {
  ProblemCode code = ProblemCode::kTwoSources;
  std::string message;             // a full sentence
  std::vector<std::string> names;  // all that it is about, where the message shows only some

  friend bool operator==(const Problem&, const Problem&) = default;
};

// "'a', 'b' and 3 more": names for a message, made safe to look at.
std::string list_names(const std::vector<std::string>& names, std::size_t most = 5);

}  // namespace ckpt
