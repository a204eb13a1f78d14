#include "remap/problem.h"

#include <algorithm>
#include <array>

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::array<std::string_view, kProblemCodeCount> kProblemNames{
    "two-sources", "target-taken",   "variable-and-scope", "case-clash", "bad-name",
    "unused-rule", "missing-member", "bad-operation",      "companion",  "unclaimed"};

}  // namespace

std::string_view name_of(ProblemCode code) { return kProblemNames[static_cast<std::size_t>(code)]; }

std::string list_names(const std::vector<std::string>& names, std::size_t most) {
  std::string out;
  const std::size_t shown = std::min(names.size(), most);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += cat("'", escape(names[i]), "'");
  }
  if (names.size() > shown) out += cat(" and ", with_commas(names.size() - shown), " more");
  return out;
}

}  // namespace ckpt
