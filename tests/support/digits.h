#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/text.h"
#include "support/process.h"
#include "support/temp_dir.h"

// A folder with the digits net, its graph, digits and labels, in which commands run.
struct DigitsFolder {
  DigitsFolder() {
    const std::filesystem::path digits = CKPT_FIXTURES "/digits";
    for (const auto& item : std::filesystem::directory_iterator(digits)) {
      std::filesystem::copy(item.path(), dir.path() / item.path().filename());
    }
  }

  [[nodiscard]] ProcessResult ckpt(std::vector<std::string> arguments) const {
    return run_ckpt(std::move(arguments), dir.path());
  }

  // Both outputs and the status, for commands that are compared to the letter.
  [[nodiscard]] std::string answer(std::vector<std::string> arguments) const {
    const ProcessResult result = ckpt(std::move(arguments));
    return ::ckpt::cat(result.out, result.err, "status ", result.status);
  }

  // Writes digits.json again, under another name, with each `from` in it replaced.
  void write_graph(const std::string& name, const std::string& from, const std::string& to) const {
    std::string text = read_file(dir / "digits.json");
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
    write_file(dir / name, text);
  }

  TempDir dir;
};
