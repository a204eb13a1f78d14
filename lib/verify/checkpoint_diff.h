#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "verify/closeness.h"
#include "verify/variable_check.h"

namespace ckpt {

// How checkpoint B differs from A. Plain data.
struct CheckpointDiff {
  struct Renamed {
    std::string a;
    std::string b;
    std::string how;  // as Rename has it
  };
  struct Changed {
    VariableCheck check;
    Closeness closeness;  // where the values differ and not the type or shape
  };
  std::uint64_t same = 0;  // variables that are bit for bit the same under the same name
  std::vector<Renamed> renamed;
  std::vector<Changed> changed;
  std::vector<std::string> only_a;
  std::vector<std::string> only_b;
  std::vector<std::string> unread;  // that cannot be compared, and why

  [[nodiscard]] bool is_same() const {
    return renamed.empty() && changed.empty() && only_a.empty() && only_b.empty() && unread.empty();
  }
};

// Compares by names, of which the separators may differ as the formats do, then what is left by
// what it holds. Throws what reading throws.
CheckpointDiff diff_checkpoints(const Reader& a, const Reader& b);

}  // namespace ckpt
