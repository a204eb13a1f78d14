#pragma once

#include <string>

namespace ckpt {

// Answers a crash of this process, which no file should cause (libhdf5 works in another one), with
// a sentence that names the file and status 6, instead of with a bare "Segmentation fault". While
// one of these lives, nothing of the user's is open for writing, so ending on the spot loses
// nothing.
class CrashGuard {
 public:
  explicit CrashGuard(const std::string& path);
  ~CrashGuard();
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;
};

}  // namespace ckpt
