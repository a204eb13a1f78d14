#pragma once

#include <cstdint>
#include <functional>

// Runs `f` in a forked child, which may crash or take more than `seconds` of processor time without
// harm. Gives the child's exit status, which is what `f` returned, or 128 + the signal that ended
// it.
int run_in_child(const std::function<int()>& f, unsigned seconds = 10);

// How a child ended and what it took beyond what it was born with.
struct ChildRun {
  int status = 0;                // as run_in_child() gives it
  double seconds = 0;            // of the processor
  std::uint64_t peak_bytes = 0;  // memory at its highest, less what it inherited
};
ChildRun measure_in_child(const std::function<int()>& f, unsigned seconds = 10);
