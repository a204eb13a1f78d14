#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dups/find_duplicates.h"
#include "report/json_stream.h"
#include "report/output.h"

namespace ckpt {

// A search for duplicates, ready to be told.
struct FindingsReport {
  struct Input {
    std::string path;
    const Index* index = nullptr;  // outlives the report
  };
  std::vector<Input> inputs;
  const Duplicates* found = nullptr;       // outlives the report
  Confidence least = Confidence::kLikely;  // findings below are counted, not shown
};

// For people: one paragraph a finding, with what to keep, why, and the rules.
void print_findings(const FindingsReport& report, const TextStyle& style, const Output& out);

// The object of schema "ckpt/dups/1".
void write_findings(const FindingsReport& report, std::string_view tool, JsonStream& json);

// JUnit XML, which Jenkins, GitLab, Azure and TeamCity show as test results without a plug-in: a
// test case for each code, which fails with the findings at or above `fail_on` as its text. (SARIF
// was the rival: its results are lines of source files, which a checkpoint has none of.)
void write_findings_junit(const FindingsReport& report, Confidence fail_on, std::string_view tool,
                          const Output& out);

// The rules of the findings that are to be mended, as a map of schema "ckpt/map/1": those that are
// offered unasked, and with `all` those of every finding that is shown.
void write_fix_map(const FindingsReport& report, bool all, JsonStream& json);

}  // namespace ckpt
