#include <algorithm>

#include "core/text.h"
#include "report/verify_report.h"
#include "report/xml.h"

namespace ckpt {
namespace {

struct TestCase {
  std::string name;
  std::vector<std::string> failures;
  std::string skipped;  // why; empty where it was run
};

std::string named(const VariableCheck& check, std::string_view what) {
  return cat("'", check.name, "' ", what);
}

std::vector<TestCase> cases_of(const Verification& result) {
  TestCase names{"names", {}, ""};
  TestCase specs{"dtypes and shapes", {}, ""};
  TestCase bytes{"bytes", {}, ""};
  TestCase outputs{"outputs", {}, result.forward ? "" : result.no_forward};
  for (const VariableCheck& check : result.variables) {
    const auto& unproven = result.proven_by_neither;
    switch (check.standing) {
      case Standing::kSame:
      case Standing::kUnread:
        break;
      case Standing::kLost:
        names.failures.push_back(named(check, "is missing"));
        break;
      case Standing::kAdded:
        names.failures.push_back(named(check, "was added"));
        break;
      case Standing::kSpec:
        specs.failures.push_back(named(check, check.what));
        break;
      case Standing::kValues:
        // Where outputs were allowed to differ a little and do no more, they are the proof.
        if (std::ranges::find(unproven, check.name) != unproven.end()) {
          bytes.failures.push_back(named(check, "has other bytes"));
        }
        break;
    }
  }
  if (result.forward) {
    for (const OutputCheck& check : result.forward->outputs) {
      if (check.agreement != Agreement::kDiffers) continue;
      outputs.failures.push_back(check.what.empty()
                                     ? cat("'", check.name, "' differs by up to ",
                                           check.difference.max_abs, ", allowed ", check.allowed)
                                     : cat("'", check.name, "' ", check.what));
    }
    if (result.diagnosis && !outputs.failures.empty()) {
      for (const std::string& fault : result.diagnosis->faults) outputs.failures.push_back(fault);
      if (!result.diagnosis->tried.empty()) outputs.failures.push_back(result.diagnosis->tried);
    }
  }
  std::vector<TestCase> cases{names, specs, bytes, outputs};
  // A verdict that none of them explains, such as a network that NEW does not fit.
  const bool is_explained =
      std::ranges::any_of(cases, [](const TestCase& one) { return !one.failures.empty(); });
  if (result.verdict != Verdict::kSame && !is_explained) {
    cases.push_back({"verdict", result.reasons, ""});
  }
  return cases;
}

}  // namespace

void write_verification_junit(const VerifyReport& report, std::string_view tool,
                              const Output& out) {
  const std::vector<TestCase> cases = cases_of(*report.result);
  const auto failed =
      std::ranges::count_if(cases, [](const TestCase& one) { return !one.failures.empty(); });
  const auto skipped =
      std::ranges::count_if(cases, [](const TestCase& one) { return !one.skipped.empty(); });
  const std::string suite =
      cat(report.found, " against ", report.old.empty() ? report.golden : report.old);
  out(cat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"", xml(tool),
          " verify\">\n  <testsuite name=\"", xml(suite), "\" tests=\"", cases.size(),
          "\" failures=\"", failed, "\" errors=\"0\" skipped=\"", skipped, "\">\n"));
  for (const TestCase& one : cases) {
    out(cat("    <testcase classname=\"", xml(report.found), "\" name=\"", one.name, "\""));
    if (!one.failures.empty()) {
      out(cat(">\n      <failure message=\"", xml(one.failures.front()), "\">"));
      for (const std::string& line : one.failures) out(cat(xml(line), "\n"));
      out("</failure>\n    </testcase>\n");
    } else if (!one.skipped.empty()) {
      out(cat(">\n      <skipped message=\"", xml(one.skipped), "\"/>\n    </testcase>\n"));
    } else {
      out("/>\n");
    }
  }
  out("  </testsuite>\n</testsuites>\n");
}

}  // namespace ckpt
