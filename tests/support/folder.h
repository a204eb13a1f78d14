#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

// The bytes of every regular file in a folder, by its name.
using FolderBytes = std::map<std::string, std::string>;
FolderBytes bytes_in(const std::filesystem::path& folder);

// The same without receipts and undo data.
FolderBytes checkpoints_in(const std::filesystem::path& folder);

// Name, size, inode, mode and the time of the last change of everything in a folder: equal where
// nobody has touched it.
std::vector<std::string> states_in(const std::filesystem::path& folder);

// How many receipts are in it, and how many of undo data.
int count_ending(const std::filesystem::path& folder, const std::string& end);

// A folder with the digits net as files of one kind, in which commands run.
struct DigitsAs {
  // `file` is one of kEditedFiles.
  explicit DigitsAs(std::string file);

  [[nodiscard]] ProcessResult ckpt(std::vector<std::string> arguments) const {
    return run_ckpt(std::move(arguments), dir.path());
  }
  // By bash, with $CKPT, and `ckpt` in the PATH.
  [[nodiscard]] ProcessResult shell(const std::string& script) const;

  // "conv1/" as this format has it.
  [[nodiscard]] std::string scope(const std::string& name) const { return name + separator; }
  [[nodiscard]] std::string variable(const std::string& scope, const std::string& name) const {
    return scope + separator + name;
  }

  std::string file;
  std::string separator;
  TempDir dir;
};

// One of each kind that is edited: a set of three files is among them, and a bundle of two.
inline const std::vector<std::string> kEditedFiles{
    "d.h5", "d.safetensors", "d.pt", "d.npz", "d.index", "s.safetensors.index.json"};

// The same by bash in any folder.
ProcessResult run_shell(const std::string& script, const std::filesystem::path& folder);

// Is there such a program? Says loudly that a test is skipped where not.
bool has_program(const std::string& name);
