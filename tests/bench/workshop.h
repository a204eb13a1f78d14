#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "process_timer.h"

// A fresh folder for one scenario, and the programs it may call. The folder goes away with its
// object.
class Workshop {
 public:
  // Throws std::runtime_error where no folder can be made in `parent`.
  explicit Workshop(const std::filesystem::path& parent);
  ~Workshop();
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

  // Calls make_inputs.py, whose last argument is the new file; returns that file's path. Throws
  // std::runtime_error with the script's words where it fails.
  std::string make_input(std::vector<std::string> arguments, const std::string& name) const;

  // Writes a file of that size in the folder and lets it go, so that whoever comes next finds as
  // much memory in this machine's hands: a virtual one gives idle memory back to its host, and to
  // get it again takes several times as long as a copy.
  void warm_memory(std::uint64_t bytes) const;

  // The command that runs a script of this folder's sources in Debian's Python.
  static Command python(const std::string& script, const std::vector<std::string>& arguments);

 private:
  std::filesystem::path folder_;
};

// Empty where a program of that name is found by PATH, else "NAME is not installed".
std::string missing_program(const std::string& name);

// Empty where Debian's Python can import h5py, else "python3-h5py is not installed".
const std::string& missing_h5py();
