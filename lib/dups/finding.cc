#include "dups/finding.h"

#include <algorithm>
#include <array>

namespace ckpt {
namespace {

constexpr std::array<std::string_view, 15> kCodes{
    "ghost-twin",     "exact-copy",     "diverged-twin", "rebuilt-graph", "nested-repeat",
    "wrapper-prefix", "average-shadow", "orphan-slot",   "tied",          "dead-branch",
    "detached-twin",  "counter-drift",  "name-clash",    "replica",       "alias"};
static_assert(kCodes.size() == kFindingCodeCount);

constexpr std::array<std::string_view, 5> kConfidences{"explained", "possible", "likely", "strong",
                                                       "certain"};
static_assert(kConfidences.size() == kConfidenceCount);

template <typename Enum, std::size_t kCount>
std::optional<Enum> parse(const std::array<std::string_view, kCount>& names,
                          std::string_view name) {
  const auto it = std::ranges::find(names, name);
  if (it == names.end()) return std::nullopt;
  return static_cast<Enum>(it - names.begin());
}

}  // namespace

std::string_view name_of(FindingCode code) { return kCodes[static_cast<std::size_t>(code)]; }

std::string_view name_of(Confidence confidence) {
  return kConfidences[static_cast<std::size_t>(confidence)];
}

std::optional<FindingCode> parse_finding_code(std::string_view name) {
  return parse<FindingCode>(kCodes, name);
}

std::optional<Confidence> parse_confidence(std::string_view name) {
  return parse<Confidence>(kConfidences, name);
}

}  // namespace ckpt
