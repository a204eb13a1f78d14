#pragma once

#include <functional>
#include <string_view>

namespace ckpt {

// Where a report goes, piece by piece, so that one of a million rows needs no memory of its size.
using Output = std::function<void(std::string_view)>;

// How text reports look.
struct TextStyle {
  bool color = false;     // ANSI colours
  std::size_t width = 0;  // columns to fit into; 0: as wide as it gets
};

}  // namespace ckpt
