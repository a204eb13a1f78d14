#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ckpt {

// A bar on standard error for work that takes longer than a second, where that is a terminal;
// elsewhere nothing. It goes away with its object. For one thread at a time.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done` of `total` bytes. Draws at most ten times a second.
  void show(std::uint64_t done, std::uint64_t total);

  // Takes the bar from the terminal, so that something else can be said.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  bool is_terminal_;
  bool is_drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

// The line that a bar draws: "model.h5: comparing [=====     ]  50 %, 1 GiB of 2 GiB".
std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t total);

}  // namespace ckpt
