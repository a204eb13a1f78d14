#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenario.h"

// How one contender did.
struct Result {
  Contender contender;
  std::string excuse;       // why it has no runs: "skipped: …", "failed: …"; empty where it has
  std::vector<Usage> runs;  // in the order of the rounds
  bool is_slow = false;     // the warm-up was its only run
};

// The middle of three numbers that tell about many.
struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

// REQUIRES: values not empty.
Spread spread_of(std::vector<double> values);

// Runs all contenders once, untimed, which fills the page cache and shows who works, and then in
// turns (A B C A B C …), so that a machine that slows down does so for all of them. Who took more
// than half a minute the first time has that as the one run. Throws Interrupted where the user asks
// to stop.
std::vector<Result> hold_contest(std::vector<Contender> contenders, int runs,
                                 const Workshop& workshop);

// The number that a bar limits. Empty where the contender or the reference did not run. A ratio of
// times is taken within each round, and of these the median.
std::optional<double> measure_of(const std::vector<Result>& results, const std::string& reference,
                                 const std::string& label, Measure measure);

struct Interrupted {};
// Makes SIGINT and SIGTERM end the contest in an orderly way, so that no gigabytes stay behind.
void watch_for_interruption();
