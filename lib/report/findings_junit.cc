#include "core/text.h"
#include "report/findings_report.h"
#include "report/xml.h"

namespace ckpt {
namespace {

std::string names_of(const Finding& finding) {
  std::vector<std::string> names;
  for (const Member& member : finding.members) names.push_back(xml(member.name));
  return join(names, ", ");
}

}  // namespace

void write_findings_junit(const FindingsReport& report, Confidence fail_on, std::string_view tool,
                          const Output& out) {
  std::vector<std::string> paths;
  for (const auto& input : report.inputs) paths.push_back(xml(input.path));
  std::vector<std::vector<const Finding*>> failed(kFindingCodeCount);
  std::size_t failures = 0;
  for (const Finding& finding : report.found->findings) {
    if (finding.confidence < fail_on) continue;
    auto& list = failed[static_cast<std::size_t>(finding.code)];
    if (list.empty()) ++failures;
    list.push_back(&finding);
  }
  out("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
  out(cat("<testsuites name=\"", xml(tool), " dups\">\n  <testsuite name=\"", join(paths, " "),
          "\" tests=\"", kFindingCodeCount, "\" failures=\"", failures, "\" errors=\"0\">\n"));
  for (int i = 0; i < kFindingCodeCount; ++i) {
    const auto& list = failed[static_cast<std::size_t>(i)];
    out(cat("    <testcase classname=\"", join(paths, " "), "\" name=\"",
            name_of(static_cast<FindingCode>(i)), "\""));
    if (list.empty()) {
      out("/>\n");
      continue;
    }
    out(cat(">\n      <failure message=\"", count_of(list.size(), "finding"), ", the first ",
            name_of(list.front()->confidence), ": ", names_of(*list.front()), "\">"));
    for (const Finding* finding : list) {
      out(cat(name_of(finding->confidence), ": ", names_of(*finding), "\n"));
      for (const auto& sentence : finding->evidence) out(cat("  ", xml(sentence), "\n"));
      for (const auto& rule : finding->rules) out(cat("  rule: ", xml(rule), "\n"));
    }
    out("</failure>\n    </testcase>\n");
  }
  if (report.found->unread > 0) {
    out(cat("    <system-err>the values of ", count_of(report.found->unread, "variable"),
            " cannot be read, so that copies may have been missed</system-err>\n"));
  }
  out("  </testsuite>\n</testsuites>\n");
}

}  // namespace ckpt
