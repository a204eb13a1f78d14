#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/json_stream.h"
#include "report/output.h"
#include "verify/verification.h"

namespace ckpt {

// A verification and what it was asked, for its reports.
struct VerifyReport {
  std::string found;                     // NEW
  std::string old;                       // OLD; empty where there is a record
  std::string golden;                    // the record
  std::string names;                     // how names were matched: "by new.h5.ckpt-receipt.json"
  std::string recorded;                  // a record that was written
  const Verification* result = nullptr;  // outlives the report; null where one was only recorded
};

// For people: the verdict and why, then names, bytes and outputs, the first difference, the
// diagnosis, and what was proven by what.
void print_verification(const VerifyReport& report, const TextStyle& style, const Output& out);

// "fast; without a fast kernel, by the reference: 'lstm' (recurrent)".
std::string describe_fast(const std::vector<std::string>& references);

// Both engines and how far they lie apart, in lines.
std::vector<std::string> describe(const EngineComparison& comparison);

// The object of schema "ckpt/verify/1".
void write_verification(const VerifyReport& report, std::string_view tool, JsonStream& json);

// JUnit XML: a test case each for names, dtypes and shapes, bytes, outputs.
void write_verification_junit(const VerifyReport& report, std::string_view tool, const Output& out);

// "same", "different", "not-comparable".
std::string_view name_of(Verdict verdict);

}  // namespace ckpt
