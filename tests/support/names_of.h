#pragma once

#include <string>
#include <vector>

#include "checkpoint/reader.h"

// The names of a checkpoint's variables, in its order.
inline std::vector<std::string> names_of(const ckpt::Reader& reader) {
  std::vector<std::string> names;
  for (const ckpt::Entry& entry : reader.index().entries) names.push_back(entry.name);
  return names;
}
