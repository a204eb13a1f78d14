#pragma once

#include <string>

namespace ckpt {

// How far outputs may lie apart.
struct Tolerance {
  double relative = 0;  // as a part of the largest value of each output
  double absolute = 0;
  std::string words;  // how it came about: "bit for bit, since only names changed"

  [[nodiscard]] bool is_exact() const { return relative == 0 && absolute == 0; }
};

}  // namespace ckpt
