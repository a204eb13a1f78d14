#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "remap/rule.h"

namespace ckpt {

// What can be said against rules without a file.
enum class LintCode : std::uint8_t {
  kDuplicate,      // the same as an earlier rule
  kNeverFires,     // an earlier rule claims every name that it matches
  kNeverComplete,  // an earlier rule claims every name of one of the sources that it joins
  kSameTarget,     // leads to the same exact name as an earlier rule
  kNotInvertible,  // cannot be undone by rules, only by a receipt
};
inline constexpr int kLintCodeCount = 5;

// "duplicate", "never-fires", "never-complete", "same-target", "not-invertible".
std::string_view name_of(LintCode code);

struct LintFinding {
  LintCode code = LintCode::kDuplicate;
  std::size_t rule = 0;
  std::string message;  // a full sentence

  friend bool operator==(const LintFinding&, const LintFinding&) = default;
};

// All findings, by rule. What regular expressions match is not decided.
std::vector<LintFinding> lint(const Rules& rules);

}  // namespace ckpt
