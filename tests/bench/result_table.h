#pragma once

#include <iosfwd>
#include <vector>

#include "contest.h"
#include "scenario.h"

// Prints how a contest ended: a line a contender, then a line a bar with "met" or "missed".
void print_results(std::ostream& out, const Scenario& scenario, const std::vector<Result>& results);
