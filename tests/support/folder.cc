#include "support/folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <stdexcept>

#include "core/text.h"

namespace {

bool is_receipt(const std::string& name) { return name.find(".ckpt-receipt") != std::string::npos; }

// The digits net as every kind of file; made once.
const TempDir& digits_as_all() {
  static const TempDir dir;
  static const bool made = [] {
    std::filesystem::copy(CKPT_FIXTURES "/digits/digits.h5", dir / "d.h5");
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"convert", "d.h5", "d.safetensors"},
             {"convert", "d.h5", "d.pt"},
             {"convert", "d.h5", "d.npz"},
             {"convert", "d.h5", "d.index"},
             {"convert", "d.h5", "s.safetensors.index.json", "--max-shard-size", "20kb"}}) {
      const ProcessResult result = run_ckpt(command, dir.path());
      if (result.status != 0) throw std::runtime_error(result.err);
    }
    return true;
  }();
  static_cast<void>(made);
  return dir;
}

bool belongs_to(const std::string& name, const std::string& file) {
  if (file == "d.index") return name == file || name.starts_with("d.data-");
  if (file == "s.safetensors.index.json") return name.starts_with("s");
  return name == file;
}

}  // namespace

FolderBytes bytes_in(const std::filesystem::path& folder) {
  FolderBytes files;
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    if (item.is_regular_file()) files[item.path().filename()] = read_file(item.path());
  }
  return files;
}

FolderBytes checkpoints_in(const std::filesystem::path& folder) {
  FolderBytes files = bytes_in(folder);
  std::erase_if(files, [](const auto& item) { return is_receipt(item.first); });
  return files;
}

std::vector<std::string> states_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> states;
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    struct stat status {};
    if (::lstat(item.path().c_str(), &status) != 0) continue;
    states[item.path().filename()] =
        ckpt::cat(status.st_size, " ", status.st_ino, " ", status.st_mode, " ",
                  status.st_mtim.tv_sec, ".", status.st_mtim.tv_nsec);
  }
  std::vector<std::string> lines;
  for (const auto& [name, state] : states) lines.push_back(name + ": " + state);
  return lines;
}

int count_ending(const std::filesystem::path& folder, const std::string& end) {
  int count = 0;
  for (const auto& [name, bytes] : bytes_in(folder)) {
    if (is_receipt(name) && name.ends_with(end)) ++count;
  }
  return count;
}

DigitsAs::DigitsAs(std::string of)
    : file(std::move(of)),
      separator(file.ends_with(".pt") || file.find("safetensors") != std::string::npos ? "."
                                                                                       : "/") {
  for (const auto& item : std::filesystem::directory_iterator(digits_as_all().path())) {
    const std::string name = item.path().filename();
    if (belongs_to(name, file)) std::filesystem::copy(item.path(), dir.path() / name);
  }
}

ProcessResult DigitsAs::shell(const std::string& script) const {
  return run_shell(script, dir.path());
}

ProcessResult run_shell(const std::string& script, const std::filesystem::path& folder) {
  const std::filesystem::path tool = CKPT_TOOL;
  const char* path = std::getenv("PATH");
  return run({"env", ckpt::cat("CKPT=", tool.string()),
              ckpt::cat("PATH=", tool.parent_path().string(), ":",
                        path == nullptr ? "/usr/bin:/bin" : path),
              "bash", "-c", script},
             folder);
}

bool has_program(const std::string& name) {
  if (run({"which", name}).status == 0) return true;
  MESSAGE("SKIPPED: there is no program `" << name << "`");
  return false;
}
