#pragma once

#include <string>
#include <vector>

// A finished program: what it printed and how it ended.
struct ProcessResult {
  int status = 0;  // exit status, or 128 + the signal's number
  std::string out;
  std::string err;
};

// Runs a program to its end, without a shell and with standard input closed. The environment is
// this process's without NO_COLOR, COLUMNS and TERM, and with LC_ALL=C.UTF-8.
ProcessResult run(const std::vector<std::string>& command, const std::string& folder = "");

// Runs the `ckpt` of this build.
ProcessResult run_ckpt(std::vector<std::string> arguments, const std::string& folder = "");

// Runs a script of Debian's Python: the independent witness in tests. Throws where it fails.
std::string run_python(const std::string& script, const std::vector<std::string>& arguments = {});
