#pragma once

#include <string>
#include <string_view>

#include "report/json_stream.h"
#include "report/output.h"
#include "verify/checkpoint_diff.h"

namespace ckpt {

struct DiffReport {
  std::string a;
  std::string b;
  const CheckpointDiff* diff = nullptr;
  bool all = false;  // every name, not the first of each kind
};

// For people: a headline, then what was renamed, changed, lost and added.
void print_diff(const DiffReport& report, const Output& out);

// The object of schema "ckpt/diff/1".
void write_diff(const DiffReport& report, std::string_view tool, JsonStream& json);

}  // namespace ckpt
