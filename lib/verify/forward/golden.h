#pragma once

#include <string>
#include <vector>

#include "model/forward.h"

namespace ckpt {

// A record of outputs, and of layers where it has them, in the order of what a network gave.
struct Golden {
  RunResult was;                     // the record: as many outputs and layers as `is` has
  RunResult is;                      // what the network gave, without layers that are not recorded
  std::vector<std::string> unknown;  // names in the record that the network has not
};

// Matches a record with a network's outputs by name. Throws Error(kInvalid) where it lacks one.
Golden match_golden(const std::vector<NamedTensor>& record, RunResult is);

}  // namespace ckpt
