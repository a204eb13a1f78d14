#pragma once

#include <filesystem>
#include <string>

// A fresh folder that goes away with its object. Tests write nowhere else.
class TempDir {
 public:
  // In memory (/dev/shm), where the system has that: for thousands of files of which nothing need
  // reach a disk. A file system on a disk waits for it at renames and removals, too.
  enum class Where { kUsual, kMemory };
  explicit TempDir(Where where = Where::kUsual);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::string& path, std::string_view content);
std::string read_file(const std::string& path);
