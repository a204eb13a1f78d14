#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "remap/plan.h"

namespace ckpt {

// Which rules match a name.
struct Explanation {
  std::string name;
  std::int32_t rule = kNoIndex;       // the first that matches: it decides
  std::vector<std::size_t> shadowed;  // later ones that match too, in their order

  friend bool operator==(const Explanation&, const Explanation&) = default;
};

// One explanation for each name, in the order of the names.
std::vector<Explanation> explain(std::span<const std::string> names, const Rules& rules);

}  // namespace ckpt
