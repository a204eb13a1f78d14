#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "formats/hdf5_helper/helper_program.h"

namespace ckpt::hdf5 {

// What a helper is born with; the numbers are in descriptors.h. What it reads is handed over for
// reading alone, even where the caller may write it.
struct HelperDescriptors {
  int file = -1;
  int request = -1;
  int answer = -1;
  int beat = -1;
};

// A running helper. Its end is waited for in any case; one that is still at work is killed. It ends
// with the thread that started it, too.
class HelperProcess {
 public:
  // Throws Error(kNotFound) where there is no such program, Error(kIo).
  HelperProcess(const HelperProgram& program, std::vector<std::string> arguments,
                const HelperDescriptors& descriptors);
  ~HelperProcess();
  HelperProcess(const HelperProcess&) = delete;
  HelperProcess& operator=(const HelperProcess&) = delete;

  // How it ended; empty where the caller has arranged that nobody learns that. One that has closed
  // its answer and goes on is killed.
  std::optional<int> end();

 private:
  pid_t pid_ = -1;
};

// "was killed by signal 11 (Segmentation fault)".
std::string ending(int status);

}  // namespace ckpt::hdf5
