#include <algorithm>
#include <array>

#include "core/escape.h"
#include "core/text.h"
#include "report/findings_report.h"
#include "report/units.h"

namespace ckpt {
namespace {

// Of a finding of a hundred members, so many are shown.
constexpr std::size_t kMost = 12;

std::string_view color_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::kCertain:
    case Confidence::kStrong:
      return "\x1b[31m";
    case Confidence::kLikely:
      return "\x1b[33m";
    case Confidence::kPossible:
    case Confidence::kExplained:
      return "\x1b[2m";
  }
  return "";
}

std::string member_text(const FindingsReport& report, const Member& member) {
  const std::string name = escape(member.name);
  return report.inputs.size() > 1 ? cat(escape(report.inputs[member.input].path), ":", name) : name;
}

std::string members_text(const FindingsReport& report, const Finding& finding, bool kept) {
  std::vector<std::string> names;
  std::size_t more = 0;
  for (std::size_t i = 0; i < finding.members.size(); ++i) {
    const bool is_kept = std::ranges::find(finding.keep, i) != finding.keep.end();
    if (is_kept != kept) continue;
    if (names.size() < kMost) {
      names.push_back(member_text(report, finding.members[i]));
    } else {
      ++more;
    }
  }
  if (more > 0) names.push_back(cat("and ", with_commas(more), " more"));
  return join(names, ", ");
}

void print_finding(const FindingsReport& report, const Finding& finding, const TextStyle& style,
                   const Output& out) {
  const std::string_view color = style.color ? color_of(finding.confidence) : "";
  const std::string_view plain = style.color ? "\x1b[0m" : "";
  out(cat("\n", color, name_of(finding.confidence), " ", name_of(finding.code), plain, ": ",
          members_text(report, finding, false), "\n"));
  if (!finding.keep.empty()) {
    out(cat("  keep   ", members_text(report, finding, true), ": ", finding.why, "\n"));
  } else if (!finding.why.empty()) {
    out(cat("  keep   open: ", finding.why, "\n"));
  }
  for (const std::string& sentence : finding.evidence) out(cat("  proof  ", sentence, "\n"));
  for (std::size_t i = 0; i < std::min(finding.rules.size(), kMost); ++i) {
    out(cat("  rule   ", escape(finding.rules[i]), "\n"));
  }
  if (finding.rules.size() > kMost) {
    out(cat("  rule   and ", with_commas(finding.rules.size() - kMost),
            " more; --fix MAP writes them all\n"));
  }
  if (finding.nbytes > 0 && !finding.rules.empty()) {
    out(cat("  frees  ", human_bytes(finding.nbytes), "\n"));
  }
}

}  // namespace

void print_findings(const FindingsReport& report, const TextStyle& style, const Output& out) {
  std::array<std::uint64_t, kConfidenceCount> counts{};
  for (const Finding& finding : report.found->findings) {
    ++counts[static_cast<std::size_t>(finding.confidence)];
  }
  std::vector<std::string> shown;
  std::vector<std::string> hidden;
  for (int i = kConfidenceCount; i-- > 0;) {
    const std::uint64_t count = counts[static_cast<std::size_t>(i)];
    if (count == 0) continue;
    const auto confidence = static_cast<Confidence>(i);
    (confidence >= report.least ? shown : hidden)
        .push_back(cat(with_commas(count), " ", name_of(confidence)));
  }
  std::vector<std::string> paths;
  for (const auto& input : report.inputs) paths.push_back(escape(input.path));
  const std::uint64_t unread = report.found->unread;
  out(cat(join(paths, ", "), ": ", count_of(report.found->variables, "variable"), ", ",
          !shown.empty() ? cat("found ", join(shown, ", "))
          : unread == 0  ? "nothing found that should not be there"
                         : "nothing found by names alone",
          unread == 0
              ? ""
              : cat("; the values of ", count_of(unread, "variable"),
                    " that could be copies cannot be read, so that copies may have been missed"),
          "\n"));
  for (const Finding& finding : report.found->findings) {
    if (finding.confidence >= report.least) print_finding(report, finding, style, out);
  }
  if (!hidden.empty()) {
    out(cat(shown.empty() ? "" : "\n", "not shown: ", join(hidden, ", "), "; --all shows them\n"));
  }
}

}  // namespace ckpt
