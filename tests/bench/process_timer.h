#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// A program and its arguments.
using Command = std::vector<std::string>;

// What a whole process took, from before its start until its end was seen.
struct Usage {
  double wall = 0;               // seconds on the clock
  double cpu = 0;                // seconds, user and system, of the process and those it waited for
  std::uint64_t peak_bytes = 0;  // largest resident set
  int status = 0;                // exit status, or 128 + the signal's number
};

// Runs a program to its end with standard input closed, standard output going to the file `out`
// and standard error to `err`. Throws std::runtime_error where it cannot be started.
//
// The kernel counts into a process's peak what it was before it became that program, which is this
// one: no peak comes out smaller than own_peak_bytes(). So a benchmark has to stay small itself.
Usage time_process(const Command& command, const std::filesystem::path& out = "/dev/null",
                   const std::filesystem::path& err = "/dev/null");

// The largest resident set of this process so far.
std::uint64_t own_peak_bytes();
