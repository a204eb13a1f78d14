#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/format.h"
#include "remap/plan.h"
#include "remap/rule.h"

namespace ckpt {

// Where a command's rules come from.
struct RulesInput {
  std::vector<std::string> texts;  // -r, in their order
  std::string map_file;            // -m
  bool tf_compat = false;          // the map file is a TensorFlow assignment map
};

// The whole content of a small text file; `what` it should be is said where it is too large.
// Throws Error, naming the file.
std::string read_text_file(const std::string& path, std::string_view what = "a map or receipt");

// The rules: those of the map file, then those of the command line. `names` are the checkpoint's,
// which an assignment map is resolved against. Throws Error(kInvalid), naming the map file.
Rules read_rules(const RulesInput& input, char separator, const std::vector<std::string>& names);

// What a format's target can hold: a name that is variable and scope at once, too (HDF5 stores it
// with ":0"; the others have no scopes of their own).
TargetLimits limits_of(const Format& format);

}  // namespace ckpt
