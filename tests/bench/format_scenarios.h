#pragma once

#include <vector>

#include "scenario.h"

// The scenarios of the formats other than HDF5.
std::vector<Scenario> format_scenarios();
