#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "process_timer.h"
#include "workshop.h"

// One of the programs that are timed side by side.
struct Contender {
  std::string label = {};
  Command command = {};
  // Why it cannot take part ("h5ls is not installed"); empty where it can.
  std::string missing = {};
  // A text that its output has to hold: a program that is fast because it does nothing is caught in
  // the warm-up. Empty where there is no output.
  std::string proof = {};
  // A file that it writes, and the bytes it must have at least. Removed before each run, untimed.
  std::filesystem::path output = {};
  std::uint64_t output_bytes = 0;
};

enum class Measure {
  kWallSeconds,  // median time
  kTimeRatio,    // time over the reference's
  kPeakBytes,    // largest resident set of all runs
  kPeakRatio,    // the same over the reference's
};

// What a contender's measure should not pass. A bar that is missed is printed; it fails nothing.
struct Bar {
  std::string label = {};  // the contender's
  Measure measure = Measure::kTimeRatio;
  double limit = 0;
  std::string reason = {};  // "through libhdf5"
};

// A contest on inputs that are made for it. A new one is a row in scenarios.cc.
struct Scenario {
  std::string_view name = {};
  std::string_view description = {};
  int runs = 0;                  // as many as give a steady median in bearable time
  std::uint64_t disk_bytes = 0;  // free space that its inputs and outputs take at most
  std::string reference = {};    // the contender to whom the others' times are compared
  // Makes the inputs in the workshop's folder and says who takes part.
  std::vector<Contender> (*set_up)(const Workshop& workshop) = nullptr;
  std::vector<Bar> bars = {};
};
