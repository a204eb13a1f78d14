#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt {

// What may be wrong with the variables of a checkpoint. finding_help.h explains each at length.
enum class FindingCode : std::uint8_t {
  kGhostTwin,      // a second set of variables that was never trained
  kExactCopy,      // a second set with the same bytes
  kDivergedTwin,   // a second set of the same structure and other values
  kRebuiltGraph,   // a whole model saved beside itself
  kNestedRepeat,   // a scope opened again inside itself
  kWrapperPrefix,  // one prefix on all names that a wrapper put there
  kAverageShadow,  // moving averages of variables
  kOrphanSlot,     // optimizer state without its variable
  kTied,           // equal bytes under two names of different roles
  kDeadBranch,     // a target, teacher or momentum copy
  kDetachedTwin,   // a variable one scope above its twin
  kCounterDrift,   // numbers that do not start where they should
  kNameClash,      // names that cannot live together in some places
  kReplica,        // copies of a replicated variable
  kAlias,          // one stored tensor under two names
};
inline constexpr int kFindingCodeCount = 15;

// How sure a finding is of what it says, by its evidence. The order is that of trust.
enum class Confidence : std::uint8_t {
  kExplained,  // known to be legitimate
  kPossible,   // names and shapes alone
  kLikely,     // values or optimizer state point there, and something could still explain it
  kStrong,     // names, shapes, values and optimizer state agree
  kCertain,    // bytes prove it
};
inline constexpr int kConfidenceCount = 5;

// When the rules of a finding are written to a map.
enum class Fix : std::uint8_t {
  kNone,       // there is nothing that rules could mend, or which copy to keep is open
  kOnRequest,  // where someone asks for it
  kOffered,    // unasked
};

// "ghost-twin", "certain": as the command and JSON call them.
std::string_view name_of(FindingCode code);
std::string_view name_of(Confidence confidence);
std::optional<FindingCode> parse_finding_code(std::string_view name);
std::optional<Confidence> parse_confidence(std::string_view name);

// A variable, or all variables of a scope: then the name ends in the separator.
struct Member {
  std::size_t input = 0;  // position among the checkpoints that were looked at
  std::string name;

  friend auto operator<=>(const Member&, const Member&) = default;
};

// One thing that was found. Plain data.
struct Finding {
  FindingCode code = FindingCode::kGhostTwin;
  Confidence confidence = Confidence::kPossible;
  std::vector<Member> members;        // those to keep first
  std::vector<std::size_t> keep;      // positions in members; empty where that is not decided
  std::string why;                    // of `keep`, or of its being open; a clause
  std::vector<std::string> evidence;  // sentences with numbers
  Fix fix = Fix::kNone;
  std::vector<std::string> rules;  // for `ckpt remap`
  std::uint64_t nbytes = 0;        // that the rules would free, slots included
};

}  // namespace ckpt
