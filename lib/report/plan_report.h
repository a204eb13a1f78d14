#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/edit.h"
#include "checkpoint/reader.h"
#include "remap/execute.h"
#include "remap/plan.h"
#include "report/json_stream.h"
#include "report/output.h"

namespace ckpt {

// A remap that is planned or done, for its reports. Plain data beside the plan.
struct RemapReport {
  std::string input;
  std::string output;  // empty: in place
  bool dry_run = false;
  bool explain = false;  // which rule decided each name
  EditResult result;     // operations; of a done remap all of it
  std::string receipt;   // path, empty where none was written
  std::vector<ExpectationFault> expectation;
};

// For people: moved scopes first, then single variables, then what is made, dropped and follows; or
// the problems, all of them.
void print_remap(const Plan& plan, const Rules& rules, const RemapReport& report,
                 const TextStyle& style, const Output& out);

// The object of schema "ckpt/remap/1".
void write_remap(const Plan& plan, const Rules& rules, const RemapReport& report,
                 std::string_view tool, JsonStream& json);

}  // namespace ckpt
