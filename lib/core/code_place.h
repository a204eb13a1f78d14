#pragma once

namespace ckpt {

// A place in C++ code. As the default argument `CodePlace at = CodePlace::here()` it is where the
// function was called. (std::source_location does the same; clang 14 has it not with libstdc++.)
struct CodePlace {
  const char* file = "";
  int line = 0;

  static constexpr CodePlace here(const char* file = __builtin_FILE(),
                                  int line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace ckpt
