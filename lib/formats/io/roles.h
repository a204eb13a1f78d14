#pragma once

#include <vector>

#include "checkpoint/entry.h"

namespace ckpt {

// Sets each entry's role from the names and shapes of all: kOther where it is not numeric.
void assign_roles(std::vector<Entry>& entries, char separator);

}  // namespace ckpt
