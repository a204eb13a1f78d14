#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

// A folder with a copy of the digits checkpoint, in which commands run.
struct Workplace {
  Workplace() { std::filesystem::copy(CKPT_FIXTURES "/digits/digits.h5", dir.path() / "d.h5"); }
  [[nodiscard]] ProcessResult ckpt(std::vector<std::string> arguments) const {
    return run_ckpt(std::move(arguments), dir.path());
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& item : std::filesystem::directory_iterator(dir.path())) {
      names.push_back(item.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  TempDir dir;
};
