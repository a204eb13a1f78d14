#pragma once

#include <vector>

#include "scenario.h"

// All scenarios, in the order in which they are run.
const std::vector<Scenario>& scenarios();
